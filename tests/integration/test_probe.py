"""The probe: looks, trials, drained nodes; and everything opened together."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

import pytest
from prometheus_client import CollectorRegistry

from app.breaker import BreakerState
from app.errors import NoNodeAvailable
from app.inference.fleet.catalogue import Catalogue
from app.inference.fleet.nodes import NodeState
from app.inference.opening import Knobs, open_inference
from app.inference.probing.probe import IDLE_S, Probe
from app.inference.words.account import Account, Purpose
from app.inference.words.records import Outcome
from app.loops import Loops
from app.postgres import Database, make_pool
from app.redis import open_redis
from app.telemetry.metrics import Metrics
from tests.fakes.node import FakeNode
from tests.integration.inference_fixtures import (
    ACCOUNT,
    EMBED,
    QUICK,
    SMALL,
    Replica,
    Seen,
    ask,
    catalogue,
    chat,
    fake,
    open_replica,
    until,
)

PROBES = {"purpose": "probe"}

pytestmark = pytest.mark.integration


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node with two models in memory."""
    made = fake()
    made.loaded |= {SMALL: 256, EMBED: 64}
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def database(new_database: Callable[[], str]) -> AsyncGenerator[Database]:
    """An empty database of the test's own."""
    async with make_pool(new_database(), size=2, wait_s=5.0) as pool:
        yield Database(pool, Metrics(CollectorRegistry()))


class Clock:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


def _probe(replica: Replica, clock: Callable[[], float] = time.monotonic, seen: Seen | None = None) -> Probe:
    return Probe(
        replica.fleet, replica.own_calls(seen), replica.ollama, replica.store,
        clock=clock,
    )  # fmt: skip


async def test_resident_models_that_nobody_used_are_asked_for_one_token(node: FakeNode, redis_url: str) -> None:
    seen = Seen()
    async with open_replica(catalogue([node]), redis_url) as replica:
        await _probe(replica, seen=seen).try_idle()
        assert [(call.model, call.tokens) for call in node.calls] == [(SMALL, 1), (EMBED, 0)]
        assert [(one.account, one.model, one.outcome, one.output_tokens) for one in seen.usages] == [
            (Account(purpose=Purpose.PROBE), SMALL, Outcome.DONE, 1),
            (Account(purpose=Purpose.PROBE), EMBED, Outcome.DONE, 0),
        ]
        assert [one.digest for one in seen.usages] == [node.models[name].sha for name in (SMALL, EMBED)]
        assert all(one.gpu_us > 0 and one.input_tokens > 0 for one in seen.usages)
        by_purpose = replica.metrics.registry.get_sample_value("switchyard_purpose_gpu_seconds_total", PROBES)
        assert by_purpose == pytest.approx(sum(one.gpu_us for one in seen.usages) / 1_000_000)
        for one in seen.usages:
            where = {"tier": "own", "node": "n0", "model": one.model}
            spent_s = replica.metrics.registry.get_sample_value("switchyard_gpu_seconds_total", where)
            assert spent_s == pytest.approx(one.gpu_us / 1_000_000)
        assert not any(call.loaded for call in node.calls)
        assert await replica.store.client.get("sy:node:n0") is None


@pytest.mark.requirement("FIN-07.claims")
async def test_one_replica_of_several_makes_the_trial(node: FakeNode, redis_url: str) -> None:
    async with open_replica(catalogue([node]), redis_url) as one, open_replica(catalogue([node]), redis_url) as other:
        probes = [_probe(replica, time.monotonic) for replica in (one, other)]
        await asyncio.gather(*(probe.try_idle() for probe in probes))
        assert len(node.calls) == 2


async def test_a_trial_that_fails_counts_against_the_model(node: FakeNode, redis_url: str) -> None:
    clock = Clock()
    async with open_replica(catalogue([node]), redis_url) as replica:
        seen = Seen()
        probe = _probe(replica, clock, seen)
        node.script(status=500, model=SMALL, times=-1)
        for _ in range(3):
            await replica.store.client.flushall()
            await probe.try_idle()
            clock.ahead_s += IDLE_S
        assert replica.fleet.view("n0").breakers[SMALL] is BreakerState.OPEN
        assert [(one.model, one.outcome) for one in seen.broken] == [(SMALL, Outcome.FAILED)] * 3


async def test_a_full_node_is_not_tried(node: FakeNode, redis_url: str) -> None:
    async with open_replica(catalogue([node], slots=1), redis_url) as replica:
        node.script(hang_after=0)
        task = asyncio.create_task(chat(replica, ask(), Seen()))
        await until(lambda: len(node.calls) == 1)
        await _probe(replica, time.monotonic).try_idle()
        assert len(node.calls) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_drained_node_takes_nothing_new_until_it_is_undrained(
    node: FakeNode, database: Database, redis_url: str
) -> None:
    metrics = Metrics(CollectorRegistry())
    store = open_redis(redis_url, name="coordination", metrics=metrics)
    knobs = Knobs(QUICK, EMBED, probe_interval_s=0.05)
    async with open_inference(
        catalogue([node]), database, store, metrics, knobs, cache=store, loops=Loops(metrics)
    ) as inference:
        await inference.dispatcher.ready(None, ACCOUNT)
        await inference.roster.drain("n0")
        await until(lambda: inference.fleet.view("n0").state is NodeState.DRAINING)
        with pytest.raises(NoNodeAvailable):
            await inference.dispatcher.ready(None, ACCOUNT)
    # The operator's word outlives the process.
    async with open_inference(
        catalogue([node]), database, store, metrics, knobs, cache=store, loops=Loops(metrics)
    ) as inference:
        assert inference.fleet.view("n0").state is NodeState.DRAINING
        await inference.roster.undrain("n0")
        await until(lambda: inference.fleet.view("n0").state is NodeState.READY)
    await store.close()


async def test_a_node_that_goes_and_comes_back_is_seen_and_written_down(
    node: FakeNode, database: Database, redis_url: str
) -> None:
    metrics = Metrics(CollectorRegistry())
    store = open_redis(redis_url, name="coordination", metrics=metrics)
    declared: Catalogue = catalogue([node])
    knobs = Knobs(QUICK, EMBED, probe_interval_s=0.05)
    async with open_inference(
        declared, database, store, metrics, knobs, cache=store, loops=Loops(metrics)
    ) as inference:
        assert inference.fleet.view("n0").state is NodeState.READY
        await node.stop()
        await until(lambda: inference.fleet.view("n0").state is NodeState.DOWN)
        await _until_stored(database, "down")
        await node.start()
        await until(lambda: inference.fleet.view("n0").state is NodeState.READY)
        await _until_stored(database, "ready")
    await store.close()


async def _until_stored(database: Database, state: str) -> None:
    async with asyncio.timeout(5.0):
        while True:
            async with database.connection("test") as conn:
                row = await (await conn.execute("SELECT state FROM nodes")).fetchone()
            if row is not None and row["state"] == state:
                return
            await asyncio.sleep(0.01)
