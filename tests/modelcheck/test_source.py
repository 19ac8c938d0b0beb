"""Source texts: comments, declarations, inlining, and the style rules."""

from pathlib import Path

import pytest

from optisync_conformance.modelcheck.lint import lint
from optisync_conformance.modelcheck.source import (
    SourceError,
    blank_comments,
    closure,
    inline,
    parse,
)

SPECS = Path(__file__).parent / "specs"


def test_comments_become_spaces_of_the_same_size() -> None:
    text = 'A == 1 (* (* in *) "x *) \\* not nested\nB == "(* \\\\* *)" \\* "end\n'
    clean = blank_comments(text)
    assert [len(line) for line in clean.split("\n")] == [len(line) for line in text.split("\n")]
    assert clean.split() == ["A", "==", "1", "B", "==", '"(*', "\\\\*", '*)"']


def test_a_module_is_taken_apart() -> None:
    text = (
        "junk\n---- MODULE M ----\nEXTENDS Naturals, Base\nCONSTANTS A, Op(_, _),\n  B\n"
        "VARIABLE x \\* one\nVARIABLES y,\n          z\n----\nInit == x = 0\n====\nmore"
    )
    module = parse(text, "M.tla")
    assert module.name == "M"
    assert module.extends == ("Naturals", "Base")
    assert module.constants == ("A", "Op(_, _)", "B")
    assert module.variables == ("x", "y", "z")
    assert module.body.strip() == "Init == x = 0"


def test_user_modules_are_inlined_with_their_declarations_merged() -> None:
    text = inline("Counter", SPECS)
    assert text.startswith("---- MODULE Counter ----\nEXTENDS Naturals, Sequences\n")
    assert "CONSTANTS Limit, Mutant\nVARIABLES n, log\n" in text
    assert text.index("Down ==") < text.index("Undo ==")
    assert [module.name for module in closure("Counter", SPECS)] == ["CounterBase", "Counter"]


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"A": "EXTENDS Gone"}, r"A -> Gone: there is no Gone\.tla"),
        ({"A": "EXTENDS B", "B": "EXTENDS A"}, "A -> B -> A: extends itself"),
        ({"A": "I == INSTANCE B"}, "A: INSTANCE"),
    ],
)
def test_what_cannot_be_inlined_is_named(
    tmp_path: Path, modules: dict[str, str], message: str
) -> None:
    for name, body in modules.items():
        text = f"---- MODULE {name} ----\n{body}\n===="
        (tmp_path / f"{name}.tla").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        inline("A", tmp_path)


def test_a_text_without_header_is_refused() -> None:
    with pytest.raises(SourceError, match=r"M\.tla"):
        parse("A == 1", "M.tla")


GOOD = r"""
VARIABLES x, y
A ==
  /\ x = 1
  /\ (LET z == 1 IN x = z)
  /\ \/ y = 1
     \/ y' = (CASE x = 1 -> 1 [] OTHER -> 2)
  /\ y' = [y EXCEPT ![1] = f[x].g]
B == LET z == 1 IN
     /\ z = 1
     /\ x' = 1
C(s) == x = 1 /\ Len(s) > 0
D == (LET z == Head(s) IN z.id) \* LET in a comment
Spec == A /\ [][B]_x
SpecFair == Spec /\ WF_x(A)
E == IF x = 1 THEN CASE x = 1 -> 2 ELSE y = <<f[1], s[2].id>> /\ Op(1) = 2
F == [a \in S, b \in S |-> a]
"""


def test_good_style_passes() -> None:
    assert lint(GOOD, "Good.tla") == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A ==\n  /\\ LET z == 1 IN x\n  /\\ y", ["2:6 bare-let"]),
        ("A == \\/ /\\ x\n        /\\ CASE x -> 1\n     \\/ y", ["2:12 bare-case"]),
        ("A ==\n  /\\ \\E z \\in S :\n       LET w == z IN w\n  /\\ y", ["3:8 bare-let"]),
        ("A ==\n  /\\ (x\n      /\\ LET z == 1 IN z)", []),
        ("A ==\n  /\\ x\nB == LET z == 1 IN z", []),
        ("A == Head(q).id", ["1:12 select-from-call"]),
        ("A == Op(a, (b))[1]", ["1:15 select-from-call"]),
        ("A == (q)[1] /\\ 1..f(2) /\\ s \\in (1)..2", []),
        ("A == (x + y)'", ["1:12 primed-expression"]),
        ("FairSpec == x", ["1:1 spec-name"]),
        ("Spec == A /\\ WF_x(B)\nB == 1", ["1:1 spec-fairness"]),
        ("Spec == A /\\ Fairness", ["1:1 spec-fairness"]),
        ("VARIABLE x\nVARIABLES y", ["2:10 second-variables"]),
        ("A == [a, b \\in S |-> a]", ["1:6 two-bound-names"]),
        ("A ==\n\tx", ["2:1 tab"]),
    ],
)
def test_each_trap_has_a_rule(text: str, found: list[str]) -> None:
    told = [f"{finding.line}:{finding.column} {finding.rule}" for finding in lint(text, "M.tla")]
    assert told == found


@pytest.mark.parametrize("name", ["Counter", "CounterBase", "Shelf"])
def test_the_specs_of_this_folder_are_in_style(name: str) -> None:
    assert lint((SPECS / f"{name}.tla").read_text(encoding="utf-8"), name) == ()
