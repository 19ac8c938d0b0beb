"""Names of a script and the numbers of the engine behind them."""

from __future__ import annotations

from typing import Final

from optisync.values import ClientId, ClientSeq
from optisync_conformance.reference.host import Recorder
from optisync_conformance.script import ScriptError

ME: Final = ClientId("me")
OTHER: Final = ClientId("other")
_NEVER_GIVEN_OUT: Final = 2**40


class Names:
    """Maps both ways. A name nobody registered stands for a number never given out."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._numbers: dict[str, ClientSeq] = {}
        self._given: dict[ClientSeq, str] = {}
        self._strangers: dict[str, ClientSeq] = {}

    def known(self, name: str) -> bool:
        """Whether the engine gave out a number for this name."""
        return name in self._numbers

    def give(self, name: str, number: ClientSeq) -> None:
        """The engine gave out a number for a name; says so if it had given it out before."""
        if name in self._numbers:
            raise ScriptError(f"{name} has its number already")
        if number in self._given:
            self._recorder.tell({"e": "id-reused", "m": name})
        self._numbers[name] = number
        self._given[number] = name

    def take_back(self, name: str) -> None:
        """The engine did not use the number of this name after all."""
        del self._given[self._numbers.pop(name)]

    def renew(self, name: str, number: ClientSeq) -> None:
        """The name stands for another number from now on: its earlier entry is gone."""
        if self._numbers.pop(name, None) != number:
            self.give(name, number)
        else:
            self._numbers[name] = number

    def number(self, name: str) -> ClientSeq:
        """The number of a name."""
        if name in self._numbers:
            return self._numbers[name]
        stranger = ClientSeq(_NEVER_GIVEN_OUT + len(self._strangers))
        return self._strangers.setdefault(name, stranger)

    def name(self, number: ClientSeq) -> str:
        """The name of a number; the newest, if the engine gave it out twice."""
        strangers = {stranger: name for name, stranger in self._strangers.items()}
        return self._given.get(number) or strangers.get(number, f"#{number}")
