"""Values: equal exactly when TLA+ says so, and read back as TLC prints them."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from optisync_conformance.modelcheck import dot, tlc
from optisync_conformance.modelcheck.results import Ok
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.modelcheck.valueparse import Parser, ValueSyntaxError, split_state
from optisync_conformance.modelcheck.values import (
    EMPTY,
    FALSE,
    TRUE,
    Bool,
    Fn,
    Model,
    NotCanonical,
    Rec,
    SetOf,
    Tup,
    Value,
    check_canonical,
    function,
    of,
    quote,
    record,
    show,
)

# A backtick opens a comment for TLC's parser, even inside a string.
CHARACTERS = st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="`")
TEXT = st.text(CHARACTERS | st.just("\n"), max_size=6)
NAMES = st.sampled_from(["a", "b", "op", "client_1"])
MODELS = ("m1", "m2", "m3")


def typed(depth: int) -> st.SearchStrategy[st.SearchStrategy[Value]]:
    """Strategies whose values TLC can compare with one another: one shape each."""
    leaves: list[st.SearchStrategy[Value]] = [
        st.integers(-5, 5),
        TEXT,
        st.sampled_from([TRUE, FALSE]),
        st.sampled_from([Model(name) for name in MODELS]),
    ]
    leaf = st.sampled_from(leaves)
    if depth == 0:
        return leaf
    inner = typed(depth - 1)
    return st.one_of(
        leaf,
        inner.map(lambda s: st.lists(s, max_size=3).map(lambda items: Tup(tuple(items)))),
        inner.map(lambda s: st.frozensets(s, max_size=3).map(SetOf)),
        st.tuples(inner, st.sets(NAMES, min_size=1, max_size=3)).map(
            lambda pair: st.fixed_dictionaries(dict.fromkeys(sorted(pair[1]), pair[0])).map(record)
        ),
        st.tuples(leaf, inner).map(
            lambda pair: st.dictionaries(pair[0], pair[1], max_size=3).map(
                lambda table: function(table.items())
            )
        ),
    )


VALUES = typed(3).flatmap(lambda strategy: strategy)
PAIRS = typed(2).flatmap(lambda strategy: st.tuples(strategy, strategy))


def as_functions(value: Value) -> str:
    """The value in other words: tuples and records written as functions."""
    match value:
        case Tup() if value.items:
            pairs = [(str(i), as_functions(item)) for i, item in enumerate(value.items, 1)]
        case Rec():
            pairs = [(quote(name), as_functions(item)) for name, item in value.fields]
        case _:
            return show(value)
    return "(" + " @@ ".join(f"{key} :> {item}" for key, item in pairs) + ")"


@given(VALUES)
def test_what_is_shown_is_read_back(value: Value) -> None:
    check_canonical(value)
    assert Parser().value(show(value)) == value
    assert Parser().value(as_functions(value)) == value


# No shrinking: every example is a run of TLC.
@settings(max_examples=3, phases=[Phase.generate])
@given(st.lists(PAIRS, min_size=60, max_size=60))
def test_tlc_prints_and_compares_values_as_we_do(
    tools: Toolchain, pairs: list[tuple[Value, Value]]
) -> None:
    rows = [(show(a), show(b)) for a, b in pairs]
    rows += [(show(a), as_functions(a)) for a, _ in pairs]
    cells = ",\n".join(f"  [a |-> {a}, b |-> {b}, eq |-> ({a}) = ({b})]" for a, b in rows)
    module = f"""---- MODULE Shown ----
EXTENDS Integers, Sequences, TLC
CONSTANTS {", ".join(MODELS)}
VARIABLES i, row
Rows == <<
{cells} >>
Init == i = 1 /\\ row = Rows[1]
Next == i < Len(Rows) /\\ i' = i + 1 /\\ row' = Rows[i + 1]
====
"""
    with tempfile.TemporaryDirectory() as name:
        dump = Path(name, "shown.dot")
        config = tlc.Config(constants={name: name for name in MODELS})
        job = tlc.Job("Shown", config, Path(name), dump=dump, extra={"Shown": module})
        result = tlc.run(job, tools)
        assert isinstance(result, Ok), result
        graph = dot.read(dump)
    i, row = graph.variables.index("i"), graph.variables.index("row")
    printed = {state[i]: state[row] for state in graph.states}
    everything = [*pairs, *((a, a) for a, _ in pairs)]
    for index, (a, b) in enumerate(everything, 1):
        assert printed[index] == record({"a": a, "b": b, "eq": Bool(a == b)}), rows[index - 1]


def test_kinds_stay_apart() -> None:
    values: list[Value] = [
        of(1),
        of(True),
        of("a"),
        Model("a"),
        of((1,)),
        of(frozenset({1})),
        of({"a": 1}),
        of(frozenset({("a", 1)})),
        function([(0, 1)]),
        EMPTY,
        of(frozenset()),
    ]
    assert len(set(values)) == len(values)


def test_functions_become_tuples_and_records() -> None:
    assert function([(2, "y"), (1, "x")]) == Tup(("x", "y"))
    assert of({}) == of(()) == EMPTY
    assert of({"b": 2, "a": 1}) == Rec((("a", 1), ("b", 2)))
    assert function([(TRUE, 1)]) == Fn(frozenset({(TRUE, 1)}))


@pytest.mark.parametrize(
    "value",
    [Tup((True,)), Rec((("b", 1), ("a", 2))), Fn(frozenset({(1, 2)})), Rec(()), None, (1, 2)],
)
def test_values_built_wrongly_are_refused(value: object) -> None:
    with pytest.raises(NotCanonical):
        check_canonical(value)


@pytest.mark.parametrize("text", ["", "<<1", "<<1]", "[a 1]", "{1,,2}", "1 2", "(1 :> )"])
def test_text_that_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(ValueSyntaxError):
        Parser().value(text)


def test_intervals_are_sets() -> None:
    assert Parser().value("-1..2") == of(frozenset({-1, 0, 1, 2}))
    assert Parser().value("3..2") == of(frozenset[int]())


def test_a_state_is_split_at_its_variables_only() -> None:
    text = '/\\ a = <<"/\\\\ b = 1",\n      2>>\n/\\ b = [x |-> "\\n/\\\\ c = "]'
    assert [name for name, _ in split_state(text)] == ["a", "b"]
    assert split_state("x = 1") == [("x", "1")]
