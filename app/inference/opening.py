"""Opens everything that calls need, and closes it in reverse order."""

import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from app.inference.calls.attempts import Attempts, Limits
from app.inference.calls.calibration import Calibration
from app.inference.calls.continuation import Continuations
from app.inference.calls.continuation_rows import ContinuationRows
from app.inference.calls.dispatcher import Dispatcher
from app.inference.calls.embedding_cache import EmbeddingCache
from app.inference.calls.learnt import Learnt
from app.inference.calls.usage_book import UsageBook
from app.inference.fleet.catalogue import Catalogue
from app.inference.fleet.node_rows import NodeRows
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.pin_rows import PinRows
from app.inference.fleet.roster import Roster
from app.inference.fleet.speed_rows import SpeedRows
from app.inference.models import Models
from app.inference.probing.own_calls import OwnCalls
from app.inference.probing.probe import Probe
from app.inference.probing.proving import Prover
from app.inference.probing.shared_looks import SharedLooks
from app.inference.routing.complexity import rate
from app.inference.routing.prefixes import Prefixes
from app.inference.slots.freed import FreedListener
from app.inference.slots.queue import Places, SlotQueue
from app.inference.slots.register import LeaseRegister
from app.inference.warmth.demand_rows import DemandRows
from app.inference.warmth.warming import EVERY_S, Warmth
from app.inference.wire.ollama import Ollama, open_ollama
from app.inference.wire.tokens import NodeTokens
from app.loops import Loop, Loops
from app.postgres import Database
from app.redis import RedisStore
from app.telemetry.metrics import Metrics

# A turn of the loops that look and write; each of their requests has a shorter limit of its own.
TURN_LIMIT_S = 15.0
# Trials of the models of one node come one after the other.
TRY_LIMIT_S = 120.0
WARM_MARGIN_S = 60.0
"""A turn that loads models takes as long as a load may, and so much for making room and looking."""
# A session's next turn seldom comes sooner.
PREFIXES_EVERY_S = 0.25
PREFIX_TTL_S = 600.0
"""So long a node is taken to have what it has read: llama.cpp keeps prompts in memory until others need the room."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """What an operator sets. Seconds, counts, and the name of the embedding model."""

    limits: Limits
    embed_model: str
    replica_count: int = 1
    slot_lease_s: float = 10.0
    probe_interval_s: float = 2.0
    node_ca: str | None = None
    node_tokens_dir: str | None = None


@dataclass(frozen=True, slots=True)
class Inference:
    """The doors."""

    dispatcher: Dispatcher
    fleet: Fleet
    leases: LeaseRegister
    roster: Roster
    models: Models
    book: UsageBook
    calibration: Calibration


@asynccontextmanager
async def open_inference(
    catalogue: Catalogue,
    database: Database,
    coordination: RedisStore,
    metrics: Metrics,
    knobs: Knobs,
    *,
    cache: RedisStore,
    loops: Loops,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Inference]:
    """Find the nodes, look at them once, and keep renewing, probing and listening until the block ends.

    PostgreSQL being away is no reason not to start: the nodes of the file serve, none of them drained.
    """
    fleet, tokens = Fleet(catalogue, metrics, clock=clock), NodeTokens(knobs.node_tokens_dir)
    roster = _roster(database, fleet, tokens)
    queue, learnt = _queue(coordination, fleet, metrics, knobs, clock), _learnt(cache, metrics, clock)
    # Reads the weights now: not under the first call, where that would hold up every stream of the process.
    rate("", turns=0, session_tier=None)
    async with AsyncExitStack() as stack:
        ollama = await stack.enter_async_context(open_ollama(tls_ca=knobs.node_ca, token_of=tokens.of))
        book, known, counts = UsageBook(database, metrics), learnt.continuations, learnt.calibration
        # Last of all: a lease that is released may still bring usage.
        stack.push_async_callback(book.close)
        stack.push_async_callback(queue.register.close)
        attempts = Attempts(fleet, queue.register, metrics, knobs.limits, clock=clock)
        own = OwnCalls(fleet, queue.register, ollama, attempts, on_usage=book.take, clock=clock)
        probe = _probe(fleet, own, ollama, coordination, knobs, clock)
        stack.push_async_callback(probe.leave)
        warmth = Warmth(fleet, own, ollama, DemandRows(database), coordination, metrics, lambda: probe.leads, clock)
        probe.keep_alive = warmth.keep_alive
        prover = Prover(fleet, own, known, ContinuationRows(database, known), coordination, clock=clock)
        await _turn_once(loops, roster, probe, prover)
        works = _loops_of(loops, knobs, queue, roster, probe, prover, FreedListener(coordination, queue))
        await stack.enter_async_context(
            loops.beside(*works, *_writing(loops, book, learnt.prefixes), _warming(loops, knobs, warmth))
        )
        dispatcher = _dispatcher(fleet, queue, ollama, metrics, learnt, knobs, clock)
        yield Inference(dispatcher, fleet, queue.register, roster, Models(fleet, known, warmth.plan), book, counts)


def _dispatcher(
    fleet: Fleet,
    queue: SlotQueue,
    ollama: Ollama,
    metrics: Metrics,
    learnt: Learnt,
    knobs: Knobs,
    clock: Callable[[], float],
) -> Dispatcher:
    return Dispatcher(
        fleet, queue, ollama, metrics, learnt, limits=knobs.limits, embed_model=knobs.embed_model, clock=clock
    )


def _learnt(cache: RedisStore, metrics: Metrics, clock: Callable[[], float]) -> Learnt:
    prefixes = Prefixes(cache, ttl_s=PREFIX_TTL_S, clock=clock)
    return Learnt(Continuations(), prefixes, EmbeddingCache(cache, metrics, clock=clock))


def _roster(database: Database, fleet: Fleet, tokens: NodeTokens) -> Roster:
    async def read_tokens() -> None:
        await tokens.read(fleet.nodes())

    return Roster(fleet, NodeRows(database), SpeedRows(database), PinRows(database), on_followed=read_tokens)


def _probe(
    fleet: Fleet, own: OwnCalls, ollama: Ollama, store: RedisStore, knobs: Knobs, clock: Callable[[], float]
) -> Probe:
    return Probe(fleet, own, ollama, store, clock=clock, shared=SharedLooks(store, every_s=knobs.probe_interval_s))


async def _turn_once(loops: Loops, roster: Roster, probe: Probe, prover: Prover) -> None:
    firsts = {Loop.NODE_ROWS: roster.follow, Loop.PROBE_LOOK: probe.look, Loop.CONTINUATIONS: prover.read}
    for loop, turn in firsts.items():
        await loops.turn(loop, turn, limit_s=TURN_LIMIT_S)


def _warming(loops: Loops, knobs: Knobs, warmth: Warmth) -> Coroutine[object, object, None]:
    limit_s = knobs.limits.load_s + WARM_MARGIN_S
    return loops.repeat(Loop.WARMTH, EVERY_S, warmth.turn, limit_s=limit_s)


def _writing(loops: Loops, book: UsageBook, prefixes: Prefixes) -> tuple[Coroutine[object, object, None], ...]:
    return (
        loops.hold(Loop.USAGE, book.keep_writing),
        loops.repeat(Loop.PREFIXES, PREFIXES_EVERY_S, prefixes.flush, limit_s=TURN_LIMIT_S),
    )


def _queue(
    coordination: RedisStore, fleet: Fleet, metrics: Metrics, knobs: Knobs, clock: Callable[[], float]
) -> SlotQueue:
    register = LeaseRegister(
        coordination,
        fleet.nodes,
        replica_count=knobs.replica_count,
        lease_s=knobs.slot_lease_s,
        clock=clock,
        on_taken=fleet.note_taken,
        on_loads=fleet.note_loads,
        removed=fleet.removed,
    )
    # Of this start of this process: what waits for it is nobody's once it has ended.
    replica, limits = str(uuid4()), knobs.limits
    places = Places(limits.waiting_places, limits.tenant_places)
    return SlotQueue(register, metrics, replica, knobs.replica_count, clock, places)


def _loops_of(
    loops: Loops,
    knobs: Knobs,
    queue: SlotQueue,
    roster: Roster,
    probe: Probe,
    prover: Prover,
    listener: FreedListener,
) -> tuple[Coroutine[object, object, None], ...]:
    every_s, renew_s, lease_s = knobs.probe_interval_s, queue.register.renew_s, knobs.slot_lease_s
    return (
        loops.repeat(Loop.SLOT_RENEWAL, renew_s, queue.register.renew, limit_s=lease_s, longest_pause_s=renew_s),
        loops.repeat(Loop.QUEUE_LOOK, renew_s, queue.look, limit_s=lease_s, longest_pause_s=renew_s),
        loops.repeat(Loop.PROBE_LOOK, every_s, probe.look, limit_s=TURN_LIMIT_S),
        loops.repeat(Loop.NODE_ROWS, every_s, roster.follow, limit_s=TURN_LIMIT_S),
        loops.repeat(Loop.PROBE_TRY, every_s, probe.try_idle, limit_s=TRY_LIMIT_S),
        loops.repeat(Loop.CONTINUATIONS, every_s, prover.prove, limit_s=TRY_LIMIT_S),
        loops.hold(Loop.FREED_LISTENER, listener.listen),
    )
