"""A replica that keeps models in memory, over fake nodes that say what they hold."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.inference.calls import usage_rows
from app.inference.fleet.node_rows import NodeRows
from app.inference.fleet.pin_rows import PinRows
from app.inference.fleet.roster import Roster
from app.inference.fleet.speed_rows import SpeedRows
from app.inference.probing.probe import Probe
from app.inference.warmth.advice import Advice, Why
from app.inference.warmth.demand_rows import DemandRows
from app.inference.warmth.warming import Warmed, Warmth
from app.postgres import Database
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.integration.inference_fixtures import EMBED, LARGE, SMALL, Replica, Seen, ask, catalogue, chat, open_replica


def node_of(gpu_bytes: int | None = None) -> FakeNode:
    """A node with two chat models of 40 bytes and one of 10 for vectors."""
    chats = [FakeModel(name=name, size_bytes=40) for name in (SMALL, LARGE)]
    return FakeNode([*chats, FakeModel(name=EMBED, kind="embed", size_bytes=10)], gpu_bytes=gpu_bytes)


@dataclass
class World:
    """A replica that warms, and what its own calls took."""

    replica: Replica
    warmth: Warmth
    database: Database
    own: Seen
    roster: Roster
    ahead: list[float]
    pauses: list[float]

    async def asks(self, model: str) -> None:
        """Have a tenant ask a model, and write down the usage."""
        seen = Seen()
        await chat(self.replica, ask(model=model), seen)
        async with self.database.transaction("usage.write") as conn:
            await usage_rows.write(conn, seen.usages)

    async def turn(self) -> None:
        """Look at every node, and do what is due."""
        await self.replica.look()
        await self.warmth.turn()

    async def planned(self, model: str, node: str = "n0") -> tuple[Advice, Why]:
        """Return what is planned with a model on a node."""
        await self.replica.look()
        return next(
            (one.advice, one.reason) for one in await self.warmth.plan() if (one.model, one.node) == (model, node)
        )

    def counted(self, model: str, outcome: Warmed, node: str = "n0") -> float | None:
        """Return how often a load ended so."""
        where = {"node": node, "model": model, "outcome": outcome.value}
        return self.replica.metrics.registry.get_sample_value("switchyard_warm_loads_total", where)


@asynccontextmanager
async def world(
    database: Database, redis_url: str, *nodes: FakeNode, vram: int | None = None, leads: bool = True
) -> AsyncGenerator[World]:
    """Open a replica over these nodes."""
    for one in nodes:
        if one.port == 0:
            await one.start()
    declared = catalogue(nodes)
    async with open_replica(declared, redis_url) as replica:
        own, ahead, pauses = Seen(), [0.0], list[float]()

        async def sleep(pause_s: float) -> None:
            pauses.append(pause_s)

        async def nothing() -> None:
            """Follow nothing."""

        warmth = Warmth(
            replica.fleet, replica.own_calls(own), replica.ollama, DemandRows(database), replica.store,
            replica.metrics, leads=lambda: leads, clock=lambda: time.monotonic() + ahead[0], sleep=sleep,
        )  # fmt: skip
        roster = Roster(replica.fleet, NodeRows(database), SpeedRows(database), PinRows(database), on_followed=nothing)
        await roster.follow()
        if vram is not None:
            for node in replica.fleet.nodes():
                await roster.change(node.name, {"vram_bytes": vram})
        await Probe(replica.fleet, replica.own_calls(), replica.ollama, replica.store, clock=time.monotonic).look()
        yield World(replica, warmth, database, own, roster, ahead, pauses)
    for one in nodes:
        await one.stop()
