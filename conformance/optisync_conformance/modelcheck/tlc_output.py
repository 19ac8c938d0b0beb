"""Turns what ``TLC -tool`` prints, and its exit code, into a `results.Result`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .results import (
    ActionCount,
    Failed,
    Failure,
    Loop,
    Ok,
    Result,
    TraceStep,
    Violated,
    Violation,
)
from .valueparse import Parser, split_state

_START = re.compile(r"@!@!@STARTMSG (-?\d+):(\d+) @!@!@")
_END = re.compile(r"@!@!@ENDMSG (-?\d+) @!@!@")

_ERROR = 1  # severity
_STARTING = 2185
_DEADLOCK, _TEMPORAL = 2114, 2116
_STATE, _STUTTERING, _BACK = 2217, 2218, 2122
_STATS, _DEPTH = 2199, 2194
_COVERAGE_START, _COVERAGE_ACTION = 2201, 2772
_IN_INITIAL_STATE = frozenset({2107, 2108})
_PARSE_CODES = frozenset({3002, 2171})
_NESTED_CODES = frozenset({2103, 2105, 2111, 2113, 1005})
_ONLY_PLACES = frozenset({2103, 2121})  # positions of nested expressions; the trace's heading
_EXIT_PARSE, _EXIT_CONFIG = 150, 151
_EXIT_EVALUATION = frozenset({14, 75, 76, 77})
_OUT_OF_MEMORY = frozenset({1001, 1002})

# message code -> (kind, pattern whose group 1 is the name)
_NAMED = {
    2107: (Violation.INVARIANT, re.compile(r"Invariant (\S+) is violated")),
    2108: (Violation.PROPERTY, re.compile(r"Property (\S+) is violated")),
    2110: (Violation.INVARIANT, re.compile(r"Invariant (\S+) is violated")),
    2112: (Violation.PROPERTY, re.compile(r"Action property (\S+) is violated")),
    2104: (Violation.ASSUMPTION, re.compile(r"Assumption (.+?) is false")),
}
_NUMBERS = re.compile(r"([\d,]+) states generated.*?, ([\d,]+) distinct states found")
_SEARCH_DEPTH = re.compile(r"search is (\d+)")
_ACTION = re.compile(r"<(\S+) .*>: ([\d,]+):([\d,]+)")
_STEP = re.compile(r"\d+: <(Initial predicate|\S+)[^\n]*(?:\n|$)")
_PLACE = re.compile(
    r"line (\d+), col(?:umn)? (\d+)(?: to line \d+, col(?:umn)? \d+)?(?: (?:of module|in) (\w+))?",
    re.IGNORECASE,
)
_SEARCHED = re.compile(r" while looking in these directories: \S+")
_IN_MODULE = re.compile(r"In module (\w+)")
_PREAMBLE = (
    "TLC threw an unexpected exception.\nThis was probably caused by an error in the spec or model."
    "\nSee the User Output or TLC Console for clues to what happened.\n"
)
_NOISE = re.compile(
    r"^(Parsing file|Semantic processing|Fatal errors|Residual stack|\*\*\*|tla2sany\.|"
    r"Module definition|In module|Could not parse|Unknown location)"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One framed message of TLC; a message inside another is merged into its body."""

    code: int
    severity: int
    body: str


def split_messages(text: str) -> tuple[tuple[Message, ...], tuple[str, ...], tuple[str, ...]]:
    """The framed messages, the loose lines before the run starts, and those after it.

    The loose lines before are the parser's, those after are printed by the model.
    """
    messages: list[Message] = []
    loose: tuple[list[str], list[str]] = ([], [])
    running = False
    open_codes: list[tuple[int, int]] = []
    body: list[str] = []
    for line in text.splitlines():
        rest = line
        if start := _START.search(line):
            open_codes.append((int(start.group(1)), int(start.group(2))))
            rest = line[: start.start()] if len(open_codes) > 1 else ""
        elif _END.search(line):
            code, severity = open_codes.pop() if open_codes else (0, 0)
            if not open_codes:
                messages.append(Message(code, severity, "\n".join(body).strip()))
                running = running or code == _STARTING
                body = []
            continue
        if open_codes:
            body.append(rest)
        elif rest.strip():
            loose[running].append(rest)
    if open_codes:  # killed in the middle of a message
        messages.append(Message(*open_codes[0], "\n".join(body).strip()))
    return tuple(messages), tuple(loose[False]), tuple(loose[True])


def read(text: str, exit_code: int, seconds: float) -> Result:
    """The result of a run that ended by itself."""
    messages, sany, printed = split_messages(text)
    errors = [message for message in messages if message.severity == _ERROR]
    if exit_code == 0 and not errors:
        return _ok(messages, printed, seconds)
    for message in errors:
        violation = _violation(message)
        if violation is not None:
            kind, name = violation
            trace, loop = _trace(messages)
            return Violated(kind, name, trace, seconds, loop, printed)
    return _failed(messages, errors, sany, exit_code, seconds)


def _ok(messages: tuple[Message, ...], printed: tuple[str, ...], seconds: float) -> Result:
    distinct = generated = depth = -1
    actions: list[ActionCount] = []
    for message in messages:
        if message.code == _STATS and (numbers := _NUMBERS.search(message.body)):
            generated, distinct = _number(numbers.group(1)), _number(numbers.group(2))
        elif message.code == _DEPTH and (found := _SEARCH_DEPTH.search(message.body)):
            depth = int(found.group(1))
        elif message.code == _COVERAGE_START:
            actions = []  # reported again and again; the last report is complete
        elif message.code == _COVERAGE_ACTION and (count := _ACTION.search(message.body)):
            new, taken = _number(count.group(2)), _number(count.group(3))
            actions.append(ActionCount(count.group(1), new, taken))
    if distinct < 0:
        return Failed(Failure.CRASH, "TLC ended without a number of states", seconds)
    return Ok(distinct, generated, depth, seconds, tuple(actions), printed)


def _violation(message: Message) -> tuple[Violation, str] | None:
    if message.code == _DEADLOCK:
        return Violation.DEADLOCK, "deadlock"
    if message.code == _TEMPORAL:
        return Violation.PROPERTY, ""
    if message.code not in _NAMED:
        return None
    kind, pattern = _NAMED[message.code]
    found = pattern.search(message.body)
    return (kind, found.group(1)) if found else None


def _trace(messages: tuple[Message, ...]) -> tuple[tuple[TraceStep, ...], Loop]:
    parser = Parser()
    steps: list[TraceStep] = []
    loop = Loop.NONE
    for message in messages:
        if message.code in _IN_INITIAL_STATE:  # the state stands in the message itself
            steps.append(_step(parser, "Init", message.body.partition("\n")[2]))
        elif message.code == _STATE and (step := _STEP.match(message.body)):
            action = step.group(1)
            name = "Init" if action == "Initial predicate" else action
            steps.append(_step(parser, name, message.body[step.end() :]))
        elif message.code == _STUTTERING:
            loop = Loop.STUTTERING
        elif message.code == _BACK:
            loop = Loop.BACK
    return tuple(steps), loop


def _step(parser: Parser, action: str, text: str) -> TraceStep:
    state = ((name, parser.value(value)) for name, value in split_state(text))
    return TraceStep(action, tuple(state))


def _failed(
    messages: tuple[Message, ...],
    errors: list[Message],
    sany: tuple[str, ...],
    exit_code: int,
    seconds: float,
) -> Failed:
    codes = {message.code for message in messages}
    if codes & _PARSE_CODES or exit_code == _EXIT_PARSE:
        lines = [line.strip() for line in sany if not _NOISE.match(line.strip())]
        text = _SEARCHED.sub("", _one_line(lines)) or "the module cannot be parsed"
        if "NullPointerException" in text:
            text = "the module's name differs from its file's, or its header is broken"
        return Failed(Failure.PARSE, text, seconds, _place("\n".join(sany), first=True))
    bodies = "\n".join(message.body for message in errors)
    told = [message.body for message in errors if message.code not in _ONLY_PLACES]
    text = _one_line("\n".join(told).replace(_PREAMBLE, "").splitlines())
    if codes & _OUT_OF_MEMORY or "OutOfMemoryError" in bodies:
        kind = Failure.MEMORY
    elif exit_code == _EXIT_CONFIG or "ConfigFileException" in bodies:
        kind = Failure.CONFIG
    elif exit_code in _EXIT_EVALUATION or codes & _NESTED_CODES:
        kind = Failure.EVALUATION
    else:
        kind = Failure.CRASH
        text = text or _one_line(sany[-5:]) or "TLC said nothing"
        text = f"exit code {exit_code}: {text}"
    return Failed(kind, text, seconds, _place(bodies))


def _place(text: str, first: bool = False) -> str:
    """A place named in ``text``: of nested expressions TLC names the innermost last."""
    found = _PLACE.findall(text)
    if not found:
        return ""
    line, column, module = found[0 if first else -1]
    module = module or next(iter(_IN_MODULE.findall(text)), "")
    return f"{module}{', ' if module else ''}line {line}, column {column}"


def _one_line(lines: Iterable[str]) -> str:
    return " ".join(" ".join(lines).split())


def _number(text: str) -> int:
    return int(text.replace(",", ""))
