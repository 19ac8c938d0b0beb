"""The statements about the ops driver that CrossHair must confirm, and within which bounds.

Versions, times and options are unbounded unless it says otherwise.
"""

from tests.crosshair.confirmed import Confirmed

GROUPING = (
    Confirmed("groups_of_three", 2, "3 entries of 2 resources, 1 option"),
    Confirmed("order_is_kept", 1, "3 entries of 2 resources, 1 option"),
)
ALIGNMENT = (
    Confirmed("one_result_by_its_id", 2, "2 operations of an entry, 1 result"),
    Confirmed("two_results", 4, "an operation of 2 entries, 2 results"),
    Confirmed("what_differs_is_told", 1, "2 results of one entry"),
    Confirmed("a_failure_is_its_operations", 3, "2 operations of an entry, 1 failure, 1 result"),
    Confirmed("an_error_says_what_it_means", 1, "1 failure"),
    Confirmed("numbers_are_from_0_on", 1, "none"),
)
GROUPS = {"grouping": GROUPING, "alignment": ALIGNMENT}

# Wrong on purpose: each must come out as a counterexample, or the analysis means nothing.
PLANTED = ("planted_grouping", "planted_last_wins", "planted_neighbour")
