"""Nodes that operators add, change, drain and remove while replicas serve."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.errors import NodeExists, NodeUnknown, NoNodeAvailable
from app.inference.calls.attempts import Limits
from app.inference.fleet.catalogue import Catalogue
from app.inference.fleet.node import Node
from app.inference.fleet.node_rows import Applied, NodeRows
from app.inference.fleet.nodes import NodeState
from app.inference.fleet.overlap import SlotNotice
from app.inference.opening import Inference, Knobs, open_inference
from app.inference.operating import Operating
from app.loops import Loops
from app.postgres import Database, make_pool
from app.redis import open_redis
from app.telemetry.metrics import Metrics
from tests.fakes.node import FakeNode
from tests.integration.inference_fixtures import EMBED, LARGE, QUICK, SMALL, Seen, ask, catalogue, fake, until

pytestmark = pytest.mark.integration


@pytest.fixture
async def fakes() -> AsyncGenerator[tuple[FakeNode, FakeNode]]:
    """Two nodes."""
    both = fake(), fake()
    for one in both:
        await one.start()
    yield both
    for one in both:
        await one.stop()


@pytest.fixture
async def database(new_database: Callable[[], str]) -> AsyncGenerator[Database]:
    """An empty database of the test's own."""
    async with make_pool(new_database(), size=4, wait_s=5.0) as pool:
        yield Database(pool, Metrics(CollectorRegistry()))


class Replicas:
    """Opens replicas over one database and one Redis, each told of nodes by its file."""

    def __init__(self, database: Database, redis_url: str) -> None:
        self._database = database
        self._redis_url = redis_url
        self.rows = NodeRows(database)

    @asynccontextmanager
    async def open(self, declared: Catalogue, limits: Limits = QUICK, **knobs: str) -> AsyncGenerator[Inference]:
        """Open one."""
        metrics = Metrics(CollectorRegistry())
        store = open_redis(self._redis_url, name="coordination", metrics=metrics, timeout_s=2.0)
        told = Knobs(limits, EMBED, probe_interval_s=0.05, **knobs)  # pyright: ignore[reportArgumentType]
        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.close)
            yield await stack.enter_async_context(
                open_inference(declared, self._database, store, metrics, told, cache=store, loops=Loops(metrics))
            )


@pytest.fixture
def replicas(database: Database, redis_url: str) -> Replicas:
    """Replicas over an empty database and an empty Redis."""
    return Replicas(database, redis_url)


def second(node: FakeNode) -> Node:
    """The second node, as an operator adds it."""
    return Node(name="n1", url=node.url, slots=2, models=(SMALL, LARGE, EMBED))


async def answered_by(inference: Inference) -> str:
    """Make a call, and return the node that answered."""
    seen = Seen()
    answer = await inference.dispatcher.chat(
        ask(), on_route=seen.routes.append, on_delta=seen.on_delta, on_restart=seen.on_restart,
        on_usage=seen.usages.append,
    )  # fmt: skip
    return answer.route.node


async def test_a_node_that_is_added_serves_every_replica_without_a_restart(
    fakes: tuple[FakeNode, FakeNode], replicas: Replicas
) -> None:
    declared = catalogue(fakes[:1])
    async with replicas.open(declared) as one, replicas.open(declared) as other:
        assert await answered_by(other) == "n0"
        await one.roster.add(second(fakes[1]))
        for inference in (one, other):
            await until(lambda inference=inference: state_of(inference, "n1") is NodeState.READY)
        await fakes[0].stop()
        await until(lambda: state_of(other, "n0") is NodeState.DOWN)
        assert await answered_by(other) == "n1"
        assert [call.path for call in fakes[1].calls if not call.aborted][-1] == "/api/chat"


def state_of(inference: Inference, name: str) -> NodeState | None:
    """Return the state of a node, None where there is none."""
    view = inference.fleet.find(name)
    return None if view is None else view.state


async def test_slots_that_the_node_does_not_run_at_once_are_told_until_they_are_put_right(
    database: Database, redis_url: str
) -> None:
    one_at_once, replicas = fake(slots=1, tokens_per_s=400.0), Replicas(database, redis_url)
    await one_at_once.start()
    async with replicas.open(catalogue([one_at_once], slots=2), Limits()) as inference:
        for _ in range(10):
            await asyncio.gather(answered_by(inference), answered_by(inference))
        await inference.roster.follow()
        (notice,) = (await inference.roster.get("n0")).notices
        assert (notice.notice, notice.model) == (SlotNotice.TOO_MANY, SMALL)
        assert notice.detail.startswith(f"2 slots are declared, and it runs at most 1 calls of {SMALL} at once")
        changed = await inference.roster.change("n0", {"slots": 1})
        assert changed.notices == ()
        await inference.roster.follow()
        assert (await inference.roster.get("n0")).notices == ()
    await one_at_once.stop()


async def test_what_was_removed_stays_removed_whatever_the_file_says_until_it_is_added_again(
    fakes: tuple[FakeNode, FakeNode], replicas: Replicas
) -> None:
    declared = catalogue(fakes)
    async with replicas.open(declared) as inference:
        await inference.roster.remove("n1")
        assert state_of(inference, "n1") is None
        with pytest.raises(NodeUnknown):
            await inference.roster.drain("n1")
    async with replicas.open(declared) as inference:
        assert [node.name for node in inference.fleet.nodes()] == ["n0"]
        assert inference.fleet.removed() == ("n1",)
        await inference.roster.add(declared.nodes[1])
        assert [node.name for node in inference.fleet.nodes()] == ["n0", "n1"]


async def test_what_an_operator_changed_wins_over_the_file_and_the_difference_is_told_once(
    fakes: tuple[FakeNode, FakeNode], replicas: Replicas
) -> None:
    declared = catalogue(fakes[:1])
    async with replicas.open(declared) as inference:
        changed = await inference.roster.change("n0", {"slots": 7, "labels": {"zone": "a"}})
        assert (changed.slots, changed.labels, changed.revision) == (7, {"zone": "a"}, 2)
    with capture_logs() as lines:
        async with replicas.open(declared) as inference:
            await inference.roster.follow()
            assert inference.fleet.view("n0").node.slots == 7
    assert [line["nodes"] for line in lines if line["event"] == "nodes.file_differs"] == [["n0"]]
    assert await replicas.rows.apply(declared.nodes) == {"n0": Applied.CHANGED}
    assert await replicas.rows.apply(declared.nodes) == {"n0": Applied.SAME}
    assert [row.slots for row in await replicas.rows.list()] == [2]


async def test_applying_a_file_adds_what_is_new_and_leaves_what_was_removed(replicas: Replicas) -> None:
    nodes = [Node(name=name, url=f"http://{name}", slots=2, models=(SMALL,)) for name in ("a", "b", "c")]
    await replicas.rows.seed(nodes[:2])
    await replicas.rows.remove("b")
    done = await replicas.rows.apply(nodes)
    assert done == {"a": Applied.SAME, "b": Applied.LEFT_OUT, "c": Applied.ADDED}
    assert [row.name for row in await replicas.rows.list()] == ["a", "c"]


async def test_one_node_is_one_entry_by_name_and_by_address(replicas: Replicas) -> None:
    a = Node(name="a", url="http://LocalHost:80", slots=2, models=(SMALL,))
    await replicas.rows.add(a)
    with pytest.raises(NodeExists, match="there is a node a already"):
        await replicas.rows.add(msgspec.structs.replace(a, url="http://other"))
    b = Node(name="b", url="http://127.0.0.1/", slots=2, models=(SMALL,))
    with pytest.raises(NodeExists, match="node a has that address"):
        await replicas.rows.add(b)
    await replicas.rows.add(msgspec.structs.replace(b, url="http://b"))
    with pytest.raises(NodeExists, match="node a has that address"):
        await replicas.rows.change(b)


async def test_all_that_is_said_of_a_node_is_kept(replicas: Replicas) -> None:
    node = Node(
        name="a", url="https://gateway/ollama", slots=4, gpus=2, gpu="NVIDIA L4", vram_bytes=24_000_000_000, watts=72,
        price_usd_per_hour=0.71, labels={"zone": "a"}, models=(SMALL,),
    )  # fmt: skip
    await replicas.rows.add(node)
    (row,) = await replicas.rows.list()
    assert (row.node, row.state, row.drained, row.revision) == (node, "warming", False, 1)


OLD_START = """
    INSERT INTO nodes (name, url, slots, gpus, price_usd_micro_per_hour, models, state, updated_at)
    VALUES ('a', 'http://old', 1, 1, 0, '["x"]', 'warming', now())
    ON CONFLICT (name) DO UPDATE SET url = excluded.url, slots = excluded.slots, gpus = excluded.gpus,
        price_usd_micro_per_hour = excluded.price_usd_micro_per_hour, models = excluded.models, updated_at = now()
"""


async def test_a_replica_of_the_version_before_takes_no_node_away_when_it_starts(
    replicas: Replicas, database: Database
) -> None:
    node = Node(name="a", url="http://a", slots=4, models=(SMALL,))
    await replicas.rows.add(node)
    await replicas.rows.add(msgspec.structs.replace(node, name="b", url="http://b"))
    async with database.transaction("test") as conn:
        await conn.execute(OLD_START)
        await conn.execute("DELETE FROM nodes WHERE NOT (name = ANY(%s))", [["a"]])
    assert [(row.name, row.url, row.slots) for row in await replicas.rows.list()] == [
        ("a", "http://a", 4),
        ("b", "http://b", 4),
    ]


async def test_a_drained_node_finishes_what_runs_says_when_and_gets_nothing_new(
    fakes: tuple[FakeNode, FakeNode], replicas: Replicas, redis_url: str
) -> None:
    fakes[0].script(hang_after=1, times=1)
    store = open_redis(redis_url, name="coordination", metrics=Metrics(CollectorRegistry()), timeout_s=2.0)
    async with replicas.open(catalogue(fakes[:1])) as inference:
        nodes = Operating(inference.roster, inference.fleet, store)
        running = asyncio.create_task(answered_by(inference))
        await until(lambda: any(call.tokens for call in fakes[0].calls))
        report = await nodes.drain("n0")
        assert (report.state, report.cause, report.calls) == (NodeState.DRAINING, "drained", 1)
        assert report.calls_end_in_s is None or report.calls_end_in_s > 0
        assert report.remedy == "`switchyard nodes undrain n0` has it take calls again"
        with pytest.raises(NoNodeAvailable):
            await answered_by(inference)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await store.close()


async def test_a_node_behind_a_gateway_is_given_its_token_and_nobody_else_is(
    fakes: tuple[FakeNode, FakeNode], replicas: Replicas, tmp_path: Path
) -> None:
    (tmp_path / "n1").write_text("t0ken-of-n1\n")
    for one, token in zip(fakes, (None, "t0ken-of-n1"), strict=True):
        one.gateway.token = token
    with capture_logs() as lines:
        async with replicas.open(catalogue(fakes[:1]), node_tokens_dir=str(tmp_path)) as inference:
            await inference.roster.add(second(fakes[1]))
            await until(lambda: state_of(inference, "n1") is NodeState.READY)
            await inference.roster.drain("n0")
            assert await answered_by(inference) == "n1"
            assert fakes[0].gateway.tokens == {None}
            # A gateway's token changes: it is read again, and until then the reason is told with what to do.
            fakes[1].gateway.token = "an0ther"
            await until(lambda: state_of(inference, "n1") is NodeState.DOWN)
            finding = inference.fleet.view("n1").finding
            assert finding is not None
            assert (finding.cause.value, "SWITCHYARD_NODE_TOKENS_DIR" in finding.advice) == ("rights", True)
            (tmp_path / "n1").write_text("an0ther")
            await until(lambda: state_of(inference, "n1") is NodeState.READY)
    assert "t0ken-of-n1" not in str(lines) + str(await replicas.rows.list())
