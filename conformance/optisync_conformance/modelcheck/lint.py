"""Style rules for the TLA+ sources, each against a trap that was measured.

The second checker reads a few constructs wrongly and says nothing; the rules keep them out of the
models, so that equal state counts mean something.

>>> [str(finding) for finding in lint("A ==\\n  /\\\\ LET y == 1 IN x = y\\n  /\\\\ z", "M.tla")]
['M.tla:2:6: bare-let: put this LET into parentheses: it swallows the bullets after it']
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .source import blank_comments

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|/\\|\\/|<<|>>|[()\[\]{}]|==|<?=>|\|?->|\w+|\S')
_OPENING = {"(": ")", "[": "]", "{": "}", "<<": ">>"}
_CLOSING = frozenset(_OPENING.values())
_BULLETS = frozenset({"/\\", "\\/"})
# After these a conjunction or disjunction sign starts a list, it does not join two operands.
_BEFORE_LIST = frozenset(
    {"==", "=>", "<=>", "->", "|->", "~", ":", ",", "(", "[", "{", "<<", "IN", "THEN", "ELSE", ""}
)

_DEFINITION = re.compile(r"^(\w+)(?:\([^)\n]*\))?\s*==", re.MULTILINE)
_DECLARATION = re.compile(r"^\s*VARIABLES?\b", re.MULTILINE)
_TWO_BOUND = re.compile(r"\[\s*\w+\s*(?:,\s*\w+\s*)+\\in\b[^\]]*\|->")
_FAIRNESS = re.compile(r"\b[WS]F_|\w*Fair\w*")


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule and its place (line and column from 1)."""

    file: str
    line: int
    column: int
    rule: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.rule}: {self.advice}"


def lint(text: str, file: str) -> tuple[Finding, ...]:
    """All findings in one module, in the order of their places."""
    clean = blank_comments(text)
    findings = [*_structure(clean, file), *_patterns(clean, file)]
    return tuple(sorted(findings, key=lambda finding: (finding.line, finding.column)))


@dataclass(slots=True)
class _Open:
    """An open bullet (``closing`` empty) or an open bracket."""

    column: int
    closing: str = ""
    applied: bool = False


@dataclass(slots=True)
class _Walk:
    file: str
    stack: list[_Open] = field(default_factory=list[_Open])
    previous: str = ""

    def token(
        self, word: str, line: int, column: int, first: bool, after: str
    ) -> Iterator[Finding]:
        """Follow one token; ``after`` is the text of the line behind it."""
        bullet = word in _BULLETS and self.previous in _BEFORE_LIST
        if first:
            while self.stack and not self.stack[-1].closing and self.stack[-1].column >= column:
                aligned = self.stack.pop().column == column
                bullet = bullet or (aligned and word in _BULLETS)
        if bullet:
            self.stack.append(_Open(column))
        elif word in _OPENING:
            self.stack.append(_Open(column, _OPENING[word], self.previous.isidentifier()))
        elif word in _CLOSING:
            yield from self._close(word, line, column, after)
        elif word in ("LET", "CASE") and self.stack and not self.stack[-1].closing:
            advice = f"put this {word} into parentheses: it swallows the bullets after it"
            yield Finding(self.file, line, column + 1, f"bare-{word.lower()}", advice)
        self.previous = "" if bullet else word

    def _close(self, word: str, line: int, column: int, after: str) -> Iterator[Finding]:
        while self.stack and self.stack[-1].closing != word:
            self.stack.pop()
        opened = self.stack.pop() if self.stack else _Open(column)
        if word != ")":
            return
        if opened.applied and re.match(r"\[|\.[A-Za-z]", after):
            advice = "name the result of this operator first, then select from the name"
            yield Finding(self.file, line, column + 1, "select-from-call", advice)
        if after.startswith("'"):
            advice = "prime the variables, not a parenthesised expression"
            yield Finding(self.file, line, column + 1, "primed-expression", advice)


def _structure(clean: str, file: str) -> Iterator[Finding]:
    walk = _Walk(file)
    for number, line in enumerate(clean.splitlines(), 1):
        first = True
        for token in _TOKEN.finditer(line):
            after = line[token.end() :]
            yield from walk.token(token.group(), number, token.start(), first, after)
            first = False


def _patterns(clean: str, file: str) -> Iterator[Finding]:
    def finding(position: int, rule: str, advice: str) -> Finding:
        line = clean.count("\n", 0, position) + 1
        column = position - (clean.rfind("\n", 0, position) + 1) + 1
        return Finding(file, line, column, rule, advice)

    for tab in re.finditer("\t", clean):
        yield finding(tab.start(), "tab", "use spaces: bullets are aligned by column")
    for again in list(_DECLARATION.finditer(clean))[1:]:
        yield finding(again.end(), "second-variables", "declare all variables in one VARIABLES")
    for two in _TWO_BOUND.finditer(clean):
        yield finding(two.start(), "two-bound-names", r"write [a \in S, b \in S |-> ..]")
    definitions = list(_DEFINITION.finditer(clean))
    ends = [*(definition.start() for definition in definitions), len(clean)][1:]
    for definition, end in zip(definitions, ends, strict=True):
        name = definition.group(1)
        if name.endswith("Spec") and name != "Spec":
            advice = f"rename {name}: the fairness of names ending in Spec is added everywhere"
            yield finding(definition.start(), "spec-name", advice)
        elif name == "Spec" and _FAIRNESS.search(clean[definition.end() : end]):
            advice = "keep fairness out of Spec: define SpecFair or Live beside it"
            yield finding(definition.start(), "spec-fairness", advice)
