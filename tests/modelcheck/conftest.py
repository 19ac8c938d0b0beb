from pathlib import Path

import pytest

from optisync_conformance.modelcheck import toolchain
from optisync_conformance.modelcheck.toolchain import Toolchain

SPECS = Path(__file__).parent / "specs"


@pytest.fixture(scope="session")
def tools() -> Toolchain:
    return toolchain.find()
