"""Graph equality on a small machine, and what is said when machine and model differ."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pytest

from optisync_conformance.modelcheck.compare import Different, Equal
from optisync_conformance.modelcheck.graph import GraphError, explore
from optisync_conformance.modelcheck.tie import Tie, tie
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.modelcheck.values import Value, of

SPECS = Path(__file__).parent / "specs"


@dataclass(frozen=True)
class ShelfState:
    items: tuple[str, ...] = ()
    lit: bool = False


@dataclass(frozen=True)
class Put:
    book: str


@dataclass(frozen=True)
class Take: ...


@dataclass(frozen=True)
class Switch: ...


Given: TypeAlias = Put | Take | Switch
Out: TypeAlias = tuple[tuple[Value, ...], str]


@dataclass(frozen=True)
class Shelf:
    """The demonstration machine; ``fault`` plants a difference."""

    room: int = 3
    fault: str = ""
    most: int = 9
    name: str = "shelf"
    initial: ShelfState = ShelfState()
    alphabet: tuple[tuple[str, Given], ...] = (
        ("put a", Put("a")),
        ("put b", Put("b")),
        ("take", Take()),
        ("switch", Switch()),
    )

    def step(self, state: ShelfState, given: Given) -> tuple[ShelfState, Out]:
        match given:
            case Put(book=book):
                if len(state.items) == self.room:
                    return state, ((), "full")
                effect = of({"kind": "put", "book": book, "lit": state.lit})
                return replace(state, items=(*state.items, book)), ((effect,), "")
            case Take():
                if not state.items:
                    return state, ((), "empty")
                book, *rest = state.items
                lit = state.lit and self.fault == "stays lit" and len(rest) == 2
                effects: tuple[Value, ...] = ("dark", book) if state.lit else (book,)
                if self.fault == "order":
                    effects = tuple(reversed(effects))
                return ShelfState(tuple(rest), lit), (effects, "")
            case Switch():
                if self.fault == "refuses" and len(state.items) == 1:
                    return state, ((), "busy")
                return replace(state, lit=not state.lit), ((), "")

    def inside(self, state: ShelfState) -> bool:
        return len(state.items) <= self.most

    def encode(self, state: ShelfState) -> Value:
        lit = False if self.fault == "not injective" else state.lit
        start = "x" if self.fault == "start" and not state.items else ""
        return of({"items": start or state.items, "lit": lit})

    def encode_out(self, out: Out) -> Value:
        return of({"effects": out[0], "error": out[1]})


def run(machine: Shelf, tools: Toolchain) -> Tie:
    constraints = ("Small",) if machine.most == 2 else ()
    return tie(machine, "Shelf", SPECS, tools, {"Room": machine.room}, constraints)


@pytest.mark.parametrize(("most", "states", "edges"), [(9, 30, 120), (2, 14, 40)])
def test_the_machine_and_its_model_have_one_graph(
    tools: Toolchain, most: int, states: int, edges: int
) -> None:
    tied = run(Shelf(most=most), tools)
    assert tied.comparison == Equal(states, edges)
    assert (len(tied.graph.states), tied.graph.edge_count) == (states, edges)
    assert (len(tied.model.states), tied.model.edge_count) == (states, edges)


@pytest.mark.parametrize(
    ("fault", "path", "label"),
    [
        ("stays lit", ["put a", "put a", "put a", "switch"], "take"),
        ("order", ["put a", "switch"], "take"),
        ("refuses", ["put a"], "switch"),
    ],
)
def test_a_difference_comes_with_the_shortest_path_to_it(
    tools: Toolchain, fault: str, path: list[str], label: str
) -> None:
    found = run(Shelf(fault=fault), tools).comparison
    assert isinstance(found, Different)
    assert sorted(step.label for step in found.path) == sorted(path)
    assert found.label == label
    assert found.ours and found.theirs


def test_a_difference_reads_well(tools: Toolchain) -> None:
    found = run(Shelf(fault="order"), tools).comparison
    assert isinstance(found, Different)
    assert found.text() == (
        "the graphs differ after 2 common steps, at take\n"
        "  start  [items |-> <<>>, lit |-> FALSE]\n"
        '  1. put a -> [effects |-> <<[book |-> "a", kind |-> "put", lit |-> FALSE]>>, '
        'error |-> ""]\n'
        '         [items |-> <<"a">>, lit |-> FALSE]\n'
        '  2. switch -> [effects |-> <<>>, error |-> ""]\n'
        '         [items |-> <<"a">>, lit |-> TRUE]\n'
        "  3. take\n"
        '     Python: out [effects |-> <<"a", "dark">>, error |-> ""]\n'
        "             changes items to <<>>, lit to FALSE\n"
        '     TLA+: out [effects |-> <<"dark", "a">>, error |-> ""]\n'
        "           changes items to <<>>, lit to FALSE"
    )


def test_a_smaller_machine_or_model_is_seen(tools: Toolchain) -> None:
    small = tie(Shelf(room=2), "Shelf", SPECS, tools, {"Room": 3}).comparison
    assert isinstance(small, Different)
    assert len(small.path) == 2
    cut = tie(Shelf(most=2), "Shelf", SPECS, tools, {"Room": 3}).comparison
    assert isinstance(cut, Different)
    assert (len(cut.path), cut.ours) == (2, ())
    assert "Python: no such step" in cut.text()


def test_other_initial_states_are_seen(tools: Toolchain) -> None:
    found = run(Shelf(fault="start"), tools).comparison
    assert isinstance(found, Different)
    assert found.text().splitlines() == [
        "the initial states differ",
        '  only Python: [items |-> "x", lit |-> FALSE]',
        "  only TLA+: [items |-> <<>>, lit |-> FALSE]",
    ]


def test_an_encoding_that_merges_states_is_refused() -> None:
    with pytest.raises(GraphError, match="not injective"):
        explore(Shelf(fault="not injective"))


def test_an_endless_machine_is_refused() -> None:
    with pytest.raises(GraphError, match="more than 100 states"):
        explore(Shelf(room=50, most=50), limit=100)


def test_a_model_that_does_not_run_says_why(tools: Toolchain) -> None:
    with pytest.raises(GraphError, match="Room"):
        tie(Shelf(), "Shelf", SPECS, tools, {})
