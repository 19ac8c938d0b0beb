"""The statements that CrossHair must confirm, and the bounds within which it does.

Integers are unbounded in all of them; what is bounded is the length of the queues.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Confirmed:
    """A subject of `subjects`: how many conditions it has, and what is bounded."""

    name: str
    conditions: int
    bounds: str


SEQUENCE = (
    Confirmed("place_is_a_decision", 4, "none"),
    Confirmed("place_after_applying", 1, "none"),
    Confirmed("predecessor_is_below", 2, "none"),
)
QUEUE = (
    Confirmed("registration_order", 2, "a queue of 2, full or with room for one"),
    Confirmed("reject_removes_exactly_one", 1, "2 pending"),
)
SETTLEMENT = (
    Confirmed("the_first_verdict_stands", 2, "2 verdicts remembered"),
    Confirmed("ack_settles", 4, "1 pending"),
)
INVARIANT = (
    Confirmed("invariant_under_generate", 1, "nothing pending"),
    Confirmed("invariant_under_register", 1, "0 to 2 pending"),
    Confirmed("invariant_under_abandon", 1, "0 to 2 pending"),
    Confirmed("invariant_under_ack", 1, "2 pending"),
    Confirmed("invariant_under_reject", 1, "2 pending"),
    Confirmed("invariant_under_head", 1, "nothing pending"),
    Confirmed("invariant_under_tick", 1, "0 or 1 delta held back"),
    Confirmed("invariant_under_delta", 1, "0 or 1 delta held back"),
    Confirmed("invariant_under_applied", 1, "2 pending, 1 label, nothing held back"),
    Confirmed("invariant_under_loaded", 1, "1 pending, 0 or 1 outcome, the same epoch or the next"),
)
GROUPS = {
    "sequence": SEQUENCE,
    "queue": QUEUE,
    "settlement": SETTLEMENT,
    "invariant": INVARIANT,
}

# Wrong on purpose: each must come out as a counterexample, or the analysis means nothing.
PLANTED = ("planted_off_by_one", "planted_ack_drops", "planted_invariant")
