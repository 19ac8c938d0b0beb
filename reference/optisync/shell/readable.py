"""What is written can be read: each row is looked at as its reader will.

Most rows have columns of the same kinds as one that was read before; then a look is enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from operator import lt
from typing import Final, NoReturn, cast

from optisync.outbox.rows import Row, key_of
from optisync.shell.codec import INSERTS, Columns, Write, write, write_document
from optisync.shell.decoding import Unreadable
from optisync.shell.reading import TABLES, read_document
from optisync.shell.store import StoredDocs

_READERS: Final = {table.name: table.read for table in TABLES}
_COMMON: Final = {int, str, type(None)}
_READ: Final[dict[tuple[str, tuple[type, ...]], tuple[tuple[bool, ...], list[int]]]] = {}
"""Statements and kinds of columns that were read, with what `_numbers_of` says of them."""


def writes_of(rows: tuple[Row, ...], documents: StoredDocs) -> list[Write]:
    """What stores rows and documents. Raises Unreadable, naming the first that would not be read
    back as it is."""
    writes: list[Write] = []
    for row in rows:
        try:
            writes.append(_checked(write(row)))
        except Exception as why:  # whatever is wrong with it
            _refuse(" ".join(map(str, key_of(row))), why)
    for atom, doc, stamp in documents:
        try:
            writes.append(_checked(write_document(atom, doc, stamp)))
        except Exception as why:  # whatever is wrong with it
            _refuse(f"document {atom!r}", why)
    return writes


def _refuse(place: str, why: Exception) -> NoReturn:
    raise Unreadable(f"{place}: {why}") from why


def _checked(given: Write) -> Write:
    statement, columns = given
    if statement in INSERTS:
        kinds = tuple(map(type, columns))
        known = _READ.get((statement, kinds))
        if known is None or any(map(lt, _numbers(columns, known[0]), known[1])):
            _read(statement, columns)
            if _COMMON.issuperset(kinds):
                _READ[statement, kinds] = _numbers_of(statement, kinds)
    elif type(columns[0]) not in (int, str):
        raise Unreadable(f"{columns[0]!r} names nothing that is stored")
    return given


def _numbers(columns: Columns, which: tuple[bool, ...]) -> Iterable[int]:
    return cast(Iterable[int], compress(columns, which))


def _numbers_of(statement: str, kinds: tuple[type, ...]) -> tuple[tuple[bool, ...], list[int]]:
    """Which columns are numbers, and from where on these are read without a doubt."""
    which = tuple(kind is int for kind in kinds)
    _, names = INSERTS[statement]
    return which, [int(name in ("seq", "number")) for name in compress(names, which)]


def _read(statement: str, columns: Columns) -> None:
    table, names = INSERTS[statement]
    stored: dict[str, object] = dict(zip(names, columns, strict=True))
    if table == "documents":
        read_document(stored)
    elif table == "doubts":
        _READERS[table]({"place": 1, **stored})  # numbered as it is stored
    else:
        _READERS[table](stored)
