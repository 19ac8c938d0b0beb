"""Corners of the pipeline that no script of the suite can name."""

from dataclasses import replace

import pytest
from tests.reference.pipelining import Life, dispatch, loaded, name

from optisync.contracts.entry import EntryId, Written
from optisync.pipeline.effects import Diag, DiagCode, Told
from optisync.pipeline.inputs import Decided, Drain
from optisync.pipeline.state import TicketStatus
from optisync.values import MAX_INT, ClientSeq, Version


@pytest.mark.parametrize("number", ["x", "", "1" * 5000, "01", "²", "-1"])
def test_a_verdict_about_what_is_no_entry_is_told_and_changes_nothing(number: str) -> None:
    life = Life()
    life.give(dispatch(1), Drain())
    before, entry = life.state, EntryId(f"me/{number}")
    assert life.give(Decided(entry, Written())) == (Diag(DiagCode.NOT_ASKED, entry),)
    assert life.state == before


def test_the_last_number_that_there_is_is_decided_too() -> None:
    life = Life(state=replace(loaded(), numbered=ClientSeq(MAX_INT - 1)))
    life.give(dispatch(MAX_INT), Drain())
    effects = life.give(Decided(name(MAX_INT), Written(Version(1))))
    assert Told(1, TicketStatus.CONFIRMED) in effects
