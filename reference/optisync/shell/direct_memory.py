"""The backend of rows in memory, behind the same JSON as one that is far away."""

from __future__ import annotations

from optisync.server.rows import Backend, step
from optisync.transport.requests import ops_from_json
from optisync.transport.wire import results_to_json
from optisync.values import Json


class MemoryBackend:
    """Lives as long as its object. `state` may be looked at, and stepped by others too."""

    def __init__(self) -> None:
        self.state = Backend()

    async def execute(self, request: Json) -> Json:
        """Execute a request. Raises WireMalformed."""
        done = step(self.state, ops_from_json(request))
        self.state = done.state
        return results_to_json(done.effects)
