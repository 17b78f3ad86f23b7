"""Opens everything that calls need, and closes it in reverse order."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from app.cancel import cancel
from app.errors import StoreUnavailable
from app.inference.attempts import Limits
from app.inference.catalogue import Catalogue
from app.inference.complexity import rate
from app.inference.dispatcher import Dispatcher
from app.inference.freed import FreedListener
from app.inference.leases import Leases
from app.inference.noderows import NodeRows
from app.inference.nodes import Fleet
from app.inference.ollama import open_ollama
from app.inference.probe import Probe
from app.postgres import Database
from app.redis import RedisStore
from app.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Knobs:
    """What an operator sets. Seconds, counts, and the name of the embedding model."""

    limits: Limits
    embed_model: str
    replica_count: int = 1
    slot_lease_s: float = 10.0
    probe_interval_s: float = 2.0
    node_ca: str | None = None


@dataclass(frozen=True, slots=True)
class Inference:
    """The doors."""

    dispatcher: Dispatcher
    fleet: Fleet
    leases: Leases
    nodes: NodeRows


@asynccontextmanager
async def open_inference(
    catalogue: Catalogue,
    database: Database,
    coordination: RedisStore,
    metrics: Metrics,
    knobs: Knobs,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Inference]:
    """Declare the nodes, look at them once, and keep renewing, probing and listening until the block ends.

    PostgreSQL being away is no reason not to start: the nodes of the file serve, none of them drained.
    """
    fleet = Fleet(catalogue, metrics, clock=clock)
    rows = NodeRows(database)
    leases = Leases(
        coordination,
        catalogue.nodes,
        replica_count=knobs.replica_count,
        lease_s=knobs.slot_lease_s,
        clock=clock,
        on_taken=fleet.note_taken,
    )
    # Reads the weights now: not under the first call, where that would hold up every stream of the process.
    rate("", turns=0, session_tier=None)
    await _declare(rows, catalogue)
    async with AsyncExitStack() as stack:
        ollama = await stack.enter_async_context(open_ollama(tls_ca=knobs.node_ca))
        stack.push_async_callback(leases.close)
        probe = Probe(
            fleet, leases, ollama, rows, coordination, metrics, interval_s=knobs.probe_interval_s, clock=clock
        )  # fmt: skip
        await probe.look()
        listener = FreedListener(coordination, leases.freed)
        works = leases.run(), probe.keep_looking(), probe.keep_trying(), listener.run()
        await stack.enter_async_context(_running(*works))
        dispatcher = Dispatcher(
            fleet, leases, ollama, metrics, limits=knobs.limits, embed_model=knobs.embed_model, clock=clock
        )  # fmt: skip
        yield Inference(dispatcher, fleet, leases, rows)


async def _declare(rows: NodeRows, catalogue: Catalogue) -> None:
    try:
        await rows.declare(catalogue.nodes)
    except StoreUnavailable:
        log.warning("nodes.not_declared")


@asynccontextmanager
async def _running(*works: Coroutine[object, object, None]) -> AsyncGenerator[None]:
    """Run `works` beside the block, and cancel them at its end."""
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            await cancel(running)
