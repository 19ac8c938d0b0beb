"""The statements about the outbox that CrossHair must confirm, and within which bounds.

Times, tokens, versions, limits and answers are unbounded unless it says otherwise.
"""

from tests.crosshair.confirmed import Confirmed

GATE = (
    Confirmed("one_gate_per_entity", 1, "2 members, whose time has come"),
    Confirmed("gate_stays_closed", 1, "3 members, whose time has come"),
    Confirmed("ordered_is_a_prefix", 3, "2 writes and a hole between them"),
)
LEASE = (
    Confirmed("reserve_hands_out_at_most", 1, "2 members that may be sent"),
    Confirmed("lease_of_a_send", 1, "1 member"),
    Confirmed("lease_ends", 1, "1 member"),
    Confirmed("only_the_holder", 1, "1 member"),
    Confirmed("indefinite_is_fenced", 1, "1 member"),
    Confirmed("definite_settles", 1, "1 member, not accepted yet"),
)
BACK_OFF = (
    Confirmed("parked_after", 1, "1 member"),
    Confirmed("retry_waits", 1, "0 to 5 failures before"),
    Confirmed("back_off_doubles", 1, "1 to 6 failures"),
    Confirmed("back_off_is_bounded", 1, "1, 2 and 1000 failures"),
)
NUMBERS = (
    Confirmed("base_is_own_or_planned", 2, "none"),
    Confirmed("ranges_hold_each_number", 1, "0 to 3 numbers"),
)
GROUPS = {"gate": GATE, "lease": LEASE, "back-off": BACK_OFF, "numbers": NUMBERS}

# Wrong on purpose: each must come out as a counterexample, or the analysis means nothing.
PLANTED = ("planted_gate", "planted_fence", "planted_base")
