"""The import hook is on for both packages, in whatever process the test runs."""

from collections.abc import Callable
from typing import cast

import pytest
from typeguard import TypeCheckError

from optisync_conformance.resources import resource_dir


def test_an_argument_of_the_wrong_type_is_refused() -> None:
    wrongly = cast("Callable[[int], object]", resource_dir)
    with pytest.raises(TypeCheckError, match='argument "name"'):
        wrongly(3)
