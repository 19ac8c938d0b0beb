"""What every reader of the wire asks of a value; what is wrong is said with its place."""

from __future__ import annotations

from collections.abc import Collection

from optisync.transport.errors import WireMalformed
from optisync.values import Json, Obj


def members(raw: Json, where: str, known: Collection[str] | None = None) -> Obj:
    """An object; with no members but the `known` ones, if they are given. Raises WireMalformed."""
    if not isinstance(raw, Obj):
        raise WireMalformed(where, "an object is expected")
    strange = None if known is None else next((key for key in raw if key not in known), None)
    if strange is not None:
        raise WireMalformed(where, f"{strange!r} is no member here")
    return raw


def required(raw: Obj, name: str, where: str) -> Json:
    """A member that must be there. Raises WireMalformed."""
    if name not in raw:
        raise WireMalformed(where, f"{name!r} is missing")
    return raw[name]


def items(raw: Json, where: str) -> tuple[Json, ...]:
    """An array. Raises WireMalformed."""
    if not isinstance(raw, tuple):
        raise WireMalformed(where, "an array is expected")
    return raw


def text(raw: Json, where: str) -> str:
    """A text that says something. Raises WireMalformed."""
    if not isinstance(raw, str) or not raw:
        raise WireMalformed(where, "a text is expected, not empty")
    return raw


def count(raw: Json, where: str) -> int:
    """An integer from 0 on; true is none. Raises WireMalformed."""
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise WireMalformed(where, "an integer from 0 on is expected")
    return raw


def flag(raw: Json, where: str) -> bool:
    """True or false. Raises WireMalformed."""
    if not isinstance(raw, bool):
        raise WireMalformed(where, "true or false is expected")
    return raw
