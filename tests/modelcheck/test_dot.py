"""Dumps of state graphs: the pitfalls of the format."""

from pathlib import Path

import pytest

from optisync_conformance.modelcheck import dot, tlc
from optisync_conformance.modelcheck.dot import DotError
from optisync_conformance.modelcheck.results import Ok, Violated
from optisync_conformance.modelcheck.tlc import Config, Job
from optisync_conformance.modelcheck.toolchain import Toolchain
from optisync_conformance.modelcheck.values import FALSE, TRUE, of

SPECS = Path(__file__).parent / "specs"

MODULE = r"""---- MODULE Odd ----
EXTENDS Naturals
VARIABLES text, flag
vars == <<text, flag>>
Init == text \in {"1 -> 2 [label=", "back\\slash\n\"/\\ flag = "} /\ flag = FALSE
Flip == flag' = ~flag /\ UNCHANGED text
Set == flag' = TRUE /\ UNCHANGED text
Next == Flip \/ Set
Live == Init /\ [][Next]_vars /\ WF_vars(Set)
Lit == <>flag
====
"""


@pytest.mark.parametrize("live", [False, True])
def test_odd_strings_parallel_and_stuttering_edges(
    tools: Toolchain, tmp_path: Path, live: bool
) -> None:
    config = Config(specification="Live", properties=("Lit",)) if live else Config()
    path = tmp_path / "odd.dot"
    job = Job("Odd", config, SPECS, extra={"Odd": MODULE}, dump=path, quick=True)
    result = tlc.run(job, tools)
    assert isinstance(result, Ok)
    graph = dot.read(path)
    text, flag = graph.variables.index("text"), graph.variables.index("flag")
    states = {(state[text], state[flag]) for state in graph.states}
    texts = ["1 -> 2 [label=", 'back\\slash\n"/\\ flag = ']
    assert states == {(word, lit) for word in texts for lit in (TRUE, FALSE)}
    assert {graph.states[number][flag] for number in graph.initial} == {FALSE}
    assert len(graph.initial) == 2
    edges = {
        (graph.states[source][flag], label, graph.states[target][flag])
        for source, label, target in graph.edges
        if graph.states[source][text] == texts[1]
    }
    assert edges == {
        (FALSE, "Flip", TRUE),
        (FALSE, "Set", TRUE),
        (TRUE, "Flip", FALSE),
        (TRUE, "Set", TRUE),
    }


def test_a_run_that_ends_early_leaves_a_readable_dump(tools: Toolchain, tmp_path: Path) -> None:
    config = Config({"Limit": 3, "Mutant": '"no-limit"'}, ("Bounded",), constraints=("Short",))
    path = tmp_path / "counter.dot"
    result = tlc.run(Job("Counter", config, SPECS, dump=path, quick=True), tools)
    assert isinstance(result, Violated)
    assert dot.read(path).states[0] == (0, of(()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('1 [label="x = 1"];\n2 [label="y = 1"];', "line 2: variables"),
        ('1 [label="x = 1"];\n1 -> 2 [label="A",color="black"];', "an edge leads to a state"),
        ('1 [label="x = <<"];', "line 1: cannot read"),
        ('1 [label="x = 1";', "line 1: cannot read"),
        ("1 -> 2 [what];", "line 1: cannot read"),
    ],
)
def test_a_damaged_dump_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "g.dot"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DotError, match=rf"g\.dot.*{message}"):
        dot.read(path)
