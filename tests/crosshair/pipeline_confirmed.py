"""The statements about the pipeline that CrossHair must confirm, and within which bounds.

Keys, times, versions and positions are unbounded unless it says otherwise.
"""

from tests.crosshair.confirmed import Confirmed

SEGMENTS = (
    Confirmed("shares_a_segment", 1, "2 events"),
    Confirmed("key_counts_member_by_member", 1, "2 events"),
    Confirmed("runs_leave_nothing_out", 1, "3 events"),
    Confirmed("as_many_runs_as_keys_change", 1, "3 events"),
)
HELD_BACK = (
    Confirmed("waits_behind_its_row", 1, "2 writes"),
    Confirmed("waits_for_its_parent", 1, "2 writes"),
)
TICKETS = (
    Confirmed("status_while_undecided", 1, "1 or 2 undecided writes"),
    Confirmed("status_once_decided", 4, "none"),
    Confirmed("status_never_goes_back", 1, "0 to 2 undecided writes"),
    Confirmed("wait_hears", 4, "none"),
    Confirmed("wait_ends", 1, "1 ticket, 1 wait"),
    Confirmed("wait_ends_as", 1, "1 ticket, 1 wait"),
    Confirmed("no_time_is_over_at_once", 1, "1 ticket, 2 waits"),
)
DOCUMENTS = (
    Confirmed("row_replaces_an_older_one", 1, "1 row"),
    Confirmed("base_is_raised_by_an_unbroken_chain", 1, "2 writes, of one epoch"),
    Confirmed("shown_until_covered", 1, "1 write"),
    Confirmed("shown_until_read", 1, "1 write, of this epoch"),
)
GROUPS = {
    "segments": SEGMENTS,
    "held back": HELD_BACK,
    "tickets": TICKETS,
    "documents": DOCUMENTS,
}

# Wrong on purpose: each must come out as a counterexample, or the analysis means nothing.
PLANTED = ("planted_key", "planted_hold", "planted_wait")
