"""The peers' HTTP servers, one a port; each can be lost as by a crash, and come back.

Not of Qdrant: `PUT /double/peers/{number}` with `{"lost": true}` at another peer. Requests under way break off, and new
connections are refused, until `{"lost": false}`; then what was missed is caught up with. `PUT /double/indexes` answers
once every index that is due is built.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec
from aiohttp import web

from ops.local.qdrant import faults
from ops.local.qdrant.engine import Engine
from ops.local.qdrant.routes import body, timed

SHUTDOWN_TIMEOUT_S = 5.0
# A request at a peer that is lost has no time; 0 would mean no limit.
CUT_OFF_S = 0.001
# A real cluster looks for dead copies every consensus tick, and a transfer takes a while.
RECOVERY_STEP_S = 0.25

log = logging.getLogger(__name__)


class ChangePeer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`PUT /double/peers/{number}`."""

    lost: bool


class Peers:
    """Listens for every peer that is not lost. Numbers count from 1 in the order of the ports."""

    def __init__(
        self, engine: Engine, host: str, ports: Sequence[int], application: Callable[[int], web.Application]
    ) -> None:
        """`application` makes the routes of the peer at a place."""
        self._engine = engine
        self._cluster = engine.catalog.cluster
        self._host = host
        self._ports = tuple(ports)
        self._application = application
        self._runners: dict[int, web.AppRunner] = {}
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Have every peer listen."""
        for place in range(len(self._ports)):
            await self._listen(place)

    async def close(self) -> None:
        """Finish what runs, and stop listening."""
        await asyncio.gather(*(runner.cleanup() for runner in self._runners.values()))
        self._runners.clear()

    async def recover(self) -> None:
        """Have copies that are not whole catch up, step by step; for ever."""
        while True:
            await asyncio.sleep(RECOVERY_STEP_S)
            if self._engine.catalog.is_recovering:
                await self._engine.run(self._engine.catalog.recover)

    def table(self, place: int) -> list[web.RouteDef]:
        """The routes that the peer at `place` has beyond Qdrant's."""

        async def change(request: web.Request) -> object:
            return await self._change(place, request)

        return [
            web.put("/double/peers/{number:[0-9]{1,3}}", timed(change)),
            web.put("/double/indexes", timed(self._build_indexes)),
        ]

    async def _build_indexes(self, _: web.Request) -> object:
        await self._engine.optimize()
        return True

    async def _change(self, this: int, request: web.Request) -> object:
        asked = await body(request, ChangePeer)
        place = int(request.match_info["number"]) - 1
        if not 0 <= place < len(self._ports):
            raise faults.bad_request(f"Peer {place + 1} does not exist")
        if place == this:
            raise faults.bad_request("a peer is lost or brought back at another one")
        async with self._lock:
            if asked.lost:
                await self._lose(place)
            else:
                await self._bring_back(place)
        return True

    async def _lose(self, place: int) -> None:
        await self._engine.run(self._cluster.lose, place)
        runner = self._runners.pop(place, None)
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        if runner.server is not None:
            runner.server.pre_shutdown()
            await runner.server.shutdown(CUT_OFF_S)
        await runner.cleanup()
        log.info("Peer %s is lost", place + 1)

    async def _bring_back(self, place: int) -> None:
        await self._engine.run(self._cluster.bring_back, place)
        if place not in self._runners:
            await self._listen(place)

    async def _listen(self, place: int) -> None:
        runner = web.AppRunner(self._application(place), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        await web.TCPSite(runner, self._host, self._ports[place]).start()
        self._runners[place] = runner
        log.info("Qdrant HTTP listening on %s", self._ports[place])
