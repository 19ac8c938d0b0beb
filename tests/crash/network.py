"""The network between a client and the server: loses, repeats, delays, shuffles, by chance."""

import random
from typing import TypeVar

from tests.crash.authority import EPOCH, Authority

from optisync.outbox.effects import Send
from optisync.outbox.inputs import Result, Retry, Settle, Unknown
from optisync.outbox.rows import Item
from optisync.values import ClientSeq

Mail = TypeVar("Mail")


class Network:
    """What is under way. It stays so when the client dies: old requests and answers come late.

    `willing`: how often the server does not answer "not now". `healed`: nothing goes wrong.
    """

    def __init__(self, authority: Authority, chance: random.Random) -> None:
        self._authority, self._chance = authority, chance
        self._requests: list[Send] = []
        self._answers: list[Settle] = []
        self.healed = False
        self.willing = 0.85

    def send(self, request: Send) -> None:
        """The client sends."""
        self._requests.append(request)

    def arrive(self) -> bool:
        """A request reaches the server, or is lost; False: there is none."""
        request = self._taken(self._requests)
        if request is None:
            return False
        if self._happens(0.9):
            items = list(request.items)
            if not self._authority.ordered:
                self._chance.shuffle(items)
            results: list[Result] = []
            for item in items:
                self._skip(request)
                results.append(self._executed(item, request.floor))
            self._skip(request)
            if self._happens(0.85):
                self._answers.append(Settle(request.token, EPOCH, tuple(results)))
        return True

    def answer(self) -> Settle | None:
        """An answer that reaches the client."""
        return self._taken(self._answers)

    def _skip(self, request: Send) -> None:
        for first, last in request.skips:
            self._authority.skip(first, last)

    def _executed(self, item: Item, floor: ClientSeq) -> Result:
        entry_id = item.entry.entry_id
        if not self._happens(self.willing):
            return Result(entry_id, Retry())
        verdict = self._authority.submit(item, floor)
        return Result(entry_id, verdict if verdict and self._happens(0.9) else Unknown())

    def _taken(self, mail: list[Mail]) -> Mail | None:
        if not mail:
            return None
        one = self._chance.choice(mail)
        if self._happens(0.8):  # else it comes again
            mail.remove(one)
        return one

    def _happens(self, how_often: float) -> bool:
        return self._chance.random() < how_often or self.healed
