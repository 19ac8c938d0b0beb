"""A second opinion on safety: the npm package tla-checker, run in this process under wasmtime.

An independent checker (Rust, compiled to WebAssembly). It is asked for two things only: that the
invariants hold, and how many distinct states there are, which must be TLC's number. It is never
asked about liveness, and always gets INIT and NEXT, never a SPECIFICATION: it is known to add the
fairness of definitions it was not asked about.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import msgspec

from . import source
from .tlc import Config

#: tla-checker 0.9.0.
WASM_SHA256 = "4a07c47966881f78083acbc6b7946daf6f362dc96030ca550a4d64e37bebcd44"
WASM = Path("tla-checker", "node_modules", "tla-checker", "tla_checker_bg.wasm")

_TICKS_PER_S = 10
_VIOLATED = re.compile(r"Invariant (\d+) violated")


@dataclass(frozen=True, slots=True)
class Agrees:
    """All invariants hold in ``distinct`` states."""

    distinct: int


@dataclass(frozen=True, slots=True)
class Disagrees:
    """The checker reports an error where TLC was content; ``text`` is its message."""

    text: str


@dataclass(frozen=True, slots=True)
class NotRun:
    """No second opinion; ``why`` fits into a table."""

    why: str


Opinion: TypeAlias = Agrees | Disagrees | NotRun


class _Report(msgspec.Struct, frozen=True):
    success: bool
    error_message: str | None
    states_explored: int
    warnings: tuple[str, ...]


class _Options(msgspec.Struct, frozen=True):
    cfg_source: str
    max_states: int
    max_depth: int = 1_000_000
    allow_deadlock: bool = True


def check(
    module: str, config: Config, models: Path, wasm: Path, most: int, timeout_s: float = 120.0
) -> Opinion:
    """Check the module and the user modules it extends, giving up beyond ``most`` states.

    ``wasm`` is the checker's file (`locate`). Constraints, constants and invariants are passed on;
    properties are not. The opinion is `NotRun` when the checker is missing or cannot read this
    kind of model, with the reason.
    """
    if config.overrides:
        return NotRun("definition overrides are not supported")
    try:
        text = source.inline(module, models)
    except source.SourceError as error:
        return NotRun(str(error))
    checker = _load(wasm)
    if isinstance(checker, NotRun):
        return checker
    plain = replace(config, properties=(), specification="")
    opinion = checker.check(text, _Options(plain.text(), most), timeout_s)
    match opinion:
        case Disagrees(text=told) if found := _VIOLATED.fullmatch(told):
            return Disagrees(f"{config.invariants[int(found.group(1))]} is violated")
        case _:
            return opinion


def locate(adapters: Path) -> Path:
    """Where the checker's file is: named by OPTISYNC_TLA_CHECKER, or installed under adapters."""
    named = os.environ.get("OPTISYNC_TLA_CHECKER")
    return Path(named) if named else adapters / WASM


@lru_cache(maxsize=1)
def _load(wasm: Path) -> _Checker | NotRun:
    if not wasm.is_file():
        return NotRun("not installed (needs Node.js: `npm ci` in conformance/adapters/tla-checker)")
    if hashlib.sha256(wasm.read_bytes()).hexdigest() != WASM_SHA256:
        return NotRun(f"{wasm.name} is not the pinned tla-checker 0.9.0")
    return _Checker(wasm)


class _Checker:
    """The compiled module; each check gets an instance of its own, so threads may share this."""

    def __init__(self, wasm: Path) -> None:
        import wasmtime

        self._wasmtime = wasmtime
        config = wasmtime.Config()
        config.epoch_interruption = True
        with suppress(wasmtime.WasmtimeError):  # a home that cannot be written: compile anew
            config.cache = True
        self._engine = wasmtime.Engine(config)
        self._module = wasmtime.Module(self._engine, wasm.read_bytes())
        threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        pause = threading.Event()
        while not pause.wait(1 / _TICKS_PER_S):
            self._engine.increment_epoch()

    def check(self, text: str, options: _Options, timeout_s: float) -> Opinion:
        try:
            raw = self._call(text, msgspec.json.encode(options), timeout_s)
        except self._wasmtime.Trap as trap:
            timed_out = trap.trap_code == self._wasmtime.TrapCode.INTERRUPT
            why = f"stopped after {timeout_s:g} s" if timed_out else "the checker crashed"
            return NotRun(why)
        report = msgspec.json.decode(raw, type=_Report)
        if report.warnings:
            return Disagrees("; ".join(report.warnings))
        if not report.success:
            return Disagrees(report.error_message or "no reason given")
        return Agrees(report.states_explored)

    def _call(self, text: str, options: bytes, timeout_s: float) -> bytes:
        store = self._wasmtime.Store(self._engine)
        store.set_epoch_deadline(max(1, int(timeout_s * _TICKS_PER_S)))
        exports = self._wasmtime.Instance(store, self._module, []).exports(store)
        memory = exports["memory"]
        assert isinstance(memory, self._wasmtime.Memory)

        def call(name: str, *arguments: int) -> int:
            function = exports[name]
            assert isinstance(function, self._wasmtime.Func)
            answer: object = function(store, *arguments)
            return answer & 0xFFFFFFFF if isinstance(answer, int) else 0

        def put(data: bytes) -> tuple[int, int]:
            pointer = call("__wbindgen_export", len(data), 1)
            memory.write(store, data, pointer)
            return pointer, len(data)

        # The layout is wasm-bindgen's: strings as (pointer, length), the result through a slot.
        slot = call("__wbindgen_add_to_stack_pointer", -16)
        call("check_spec_with_options", slot, *put(text.encode()), *put(options))
        answer = bytes(memory.read(store, slot, slot + 8))
        pointer, length = (int.from_bytes(answer[i : i + 4], "little") for i in (0, 4))
        return bytes(memory.read(store, pointer, pointer + length))
