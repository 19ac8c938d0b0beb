"""What happens in a run, in order: one stream of records that every display and report is made of.

Written out, each is one line of JSON (`--report ndjson=FILE`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from optisync_conformance.frames import Impl, Observation, Scope


class Verdict(StrEnum):
    """What is said of one case of one target."""

    PASS = "pass"
    BLIND = "blind"
    FAIL = "fail"
    ERROR = "error"
    CRASH = "crash"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    NOT_RUN = "not-run"
    XFAIL = "xfail"
    XPASS = "xpass"
    FLAKY = "flaky"


# What makes a run end with exit code 1.
RED: Final = frozenset(
    {Verdict.FAIL, Verdict.ERROR, Verdict.CRASH, Verdict.TIMEOUT, Verdict.XPASS, Verdict.FLAKY}
)
# What says something about the implementation; without any of these a run is inconclusive.
SCORED: Final = RED | {Verdict.PASS, Verdict.XFAIL}


class Exit(StrEnum):
    """How a target or a run ended; `code` is the exit code of the process."""

    CONFORMANT = "conformant"
    INCONCLUSIVE = "inconclusive"
    FAILURE = "failure"
    UNUSABLE = "unusable"
    SUITE_BUG = "suite-bug"
    INTERRUPTED = "interrupted"

    @property
    def code(self) -> int:
        """The exit code; 2 is for wrong usage, which is no way for a run to end."""
        return _CODES[self.value]


_CODES: Final = {
    "conformant": 0, "failure": 1, "unusable": 3, "inconclusive": 4, "suite-bug": 5,
    "interrupted": 130,
}  # fmt: skip


def worst(exits: list[Exit]) -> Exit:
    """How a run of several targets ends: in the order in which `Exit` lists them.

    >>> worst([Exit.CONFORMANT, Exit.UNUSABLE, Exit.FAILURE])
    <Exit.UNUSABLE: 'unusable'>
    """
    order = list(Exit)
    return max(exits, key=order.index, default=Exit.INCONCLUSIVE)


class _Event(msgspec.Struct, frozen=True, tag_field="t", omit_defaults=True):
    pass


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """A failure as it is told: the shortest script that shows it, and where it diverges.

    `step` counts from 1 (0 is the observation after start, or not known); `observations` and
    `steps` are those of the shortest script, `setting` its `with`. `expected` and `got` are JSON
    values, and `path` where they differ: empty, as `sentence` is, if there was nothing to judge.
    """

    fingerprint: str
    text: str
    sentence: str = ""
    step: int = 0
    path: str = ""
    expected: object = None
    got: object = None
    setting: object = None
    steps: list[object] = []
    observations: list[Observation] = []
    stderr: str = ""
    replay: str = ""
    others: list[str] = []


class RunStarted(_Event, frozen=True, tag="run-started"):
    """The first record."""

    suite: str
    seed: int
    packs: tuple[str, ...]
    targets: tuple[str, ...]


class TargetStarted(_Event, frozen=True, tag="target-started"):
    """A target is about to be run; what its adapter declares, unless it cannot be started."""

    target: str
    command: str
    impl: Impl | None = None
    profiles: dict[str, Scope] = {}


class Planned(_Event, frozen=True, tag="planned"):
    """How many cases are planned for a target, as far as known: packs are loaded when needed."""

    target: str
    total: int


class TargetSkipped(_Event, frozen=True, tag="target-skipped"):
    """A target that was not run at all, and why."""

    target: str
    reason: str


class Done(_Event, frozen=True, tag="done"):
    """One case of one target has its verdict. `note` says more in a line."""

    target: str
    case: str
    requirement: str
    profile: str
    verdict: Verdict
    seconds: float = 0.0
    note: str = ""
    detail: Detail | None = None

    @property
    def judged(self) -> bool:
        """Whether the engine was seen to break the requirement; else it could not be judged."""
        return self.detail is not None and bool(self.detail.path)


class Probed(_Event, frozen=True, tag="probed"):
    """A probe of the adapter itself came out; `remedy` is what to do if it failed."""

    target: str
    probe: str
    ok: bool
    text: str
    remedy: str = ""


class Stale(_Event, frozen=True, tag="stale"):
    """An expected failure that is not as the file says."""

    target: str
    text: str


class TargetEnded(_Event, frozen=True, tag="target-ended"):
    """How a target came out; `reason` and `stderr` when it was not run to its end."""

    target: str
    exit: Exit
    seconds: float
    reason: str = ""
    stderr: str = ""


class RunEnded(_Event, frozen=True, tag="run-ended"):
    """The last record."""

    exit: Exit
    seconds: float


Event: TypeAlias = (
    RunStarted
    | TargetStarted
    | Planned
    | TargetSkipped
    | Done
    | Probed
    | Stale
    | TargetEnded
    | RunEnded
)

_encoder: Final = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """One line of the stream."""
    return _encoder.encode(event) + b"\n"


def decode(text: bytes) -> list[Event]:
    """The stream back from its lines. Raises msgspec.MsgspecError."""
    decoder = msgspec.json.Decoder(Event)
    return [decoder.decode(line) for line in text.splitlines() if line.strip()]
