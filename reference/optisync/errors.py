"""Typed errors: one root, one subclass per rejection; `code` is what crosses a wire."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar, cast


class OptisyncError(Exception, ABC):
    """A refused input. The machine that refused it is in the state it was in before.

    `code` is stable and is compared by the conformance suite; the text is for people.
    """

    code: ClassVar[str]


@dataclass(unsafe_hash=True)
class ValueMalformed(OptisyncError):
    """Something is not a JSON value. `where` is a JSON Pointer (RFC 6901)."""

    code: ClassVar[str] = "value-malformed"
    where: str
    reason: str

    def __str__(self) -> str:
        return f"not JSON at {self.where or 'the top'}: {self.reason}"


@dataclass(unsafe_hash=True)
class PatchMalformed(OptisyncError):
    """A patch is not an RFC 6902 document. `where` is a JSON Pointer into the patch."""

    code: ClassVar[str] = "patch-malformed"
    where: str
    reason: str

    def __str__(self) -> str:
        return f"malformed patch at {self.where or 'the top'}: {self.reason}"


@dataclass(unsafe_hash=True)
class PatchInapplicable(OptisyncError):
    """Operation number `index` does not apply to the document; the document is untouched."""

    code: ClassVar[str] = "patch-inapplicable"
    index: int
    reason: str

    def __str__(self) -> str:
        return f"operation {self.index} does not apply: {self.reason}"


@dataclass(unsafe_hash=True)
class ChangeInapplicable(OptisyncError):
    """A change does not apply to the document of `atom`; no document is touched."""

    code: ClassVar[str] = "change-inapplicable"
    atom: str
    reason: str

    def __str__(self) -> str:
        return f"change of {self.atom!r} does not apply: {self.reason}"


@dataclass(unsafe_hash=True)
class LimitTooSmall(OptisyncError):
    """A limit of a configuration lets nothing through."""

    code: ClassVar[str] = "limit-too-small"
    name: str
    value: object

    def __str__(self) -> str:
        return f"the limit {self.name!r} must be an integer of at least 1, not {self.value!r}"


def check_limits(config: object, *names: str) -> None:
    """Raises LimitTooSmall for the first of these that is no integer of at least 1."""
    for name in names:
        value = cast(object, getattr(config, name))
        if type(value) is not int or value < 1:
            raise LimitTooSmall(name, value)
