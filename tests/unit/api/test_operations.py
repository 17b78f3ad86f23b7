"""/health, /livez, /readyz, /metrics."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.api.app import create_app
from app.api.operations import Details, HealthStatus, HealthView, judge
from app.errors import StoreUnavailable
from app.health import NodeHealth, Readiness, Services
from app.inference.fleet.nodes import NodeState
from app.looks import StoreHealth
from app.loops import Failing, Loop
from tests.fakes.asgi import Client
from tests.fakes.platform import KEY_A, KEY_OPERATE, FakePlatform

ALL = Services(database=True, redis=True, vector_store=True, llm=True)


@pytest.mark.requirement("INS-24.version")
async def test_health_has_the_promised_shape(stranger: Client) -> None:
    reply = await stranger.get("/health")
    assert reply.status == 200
    assert reply.json() == {
        "status": "healthy",
        "services": {
            "database": "connected",
            "redis": "connected",
            "vector_store": "connected",
            "llm": "available",
            "openai": "available",
        },
        "version": "0.1.0",
        "nodes": {"ready": 0, "warming": 0, "draining": 0, "down": 0, "misconfigured": 0},
    }


@pytest.mark.requirement("INS-24.status")
@pytest.mark.parametrize(
    ("away", "status", "code"),
    [
        ("database", "unhealthy", 503),
        ("llm", "unhealthy", 503),
        ("redis", "degraded", 200),
        ("vector_store", "degraded", 200),
    ],
)
async def test_each_part_that_is_away_is_told(
    stranger: Client, platform: FakePlatform, away: str, status: str, code: int
) -> None:
    platform.health.now = msgspec.structs.replace(ALL, **{away: False})
    reply = await stranger.get("/health")
    view = msgspec.json.decode(reply.body, type=HealthView)
    assert (reply.status, view.status) == (code, status)
    told = msgspec.to_builtins(view.services)
    word = "unavailable" if away == "llm" else "disconnected"
    assert told[away] == word
    assert told["openai"] == told["llm"]
    assert sum(value in {"disconnected", "unavailable"} for name, value in told.items() if name != "openai") == 1


STORE = StoreHealth("cache", "redis://c:6379/0", works=False, cause="password", detail="wrong", remedy="correct it")
NODE = NodeHealth("a", "http://gpu:11434", NodeState.DOWN, cause="no_answer", detail="late", remedy="look at it")


async def test_a_key_that_may_operate_is_told_where_everything_is_and_what_is_wrong(platform: FakePlatform) -> None:
    platform.health.stores, platform.health.nodes = (STORE,), (NODE,)
    reply = await Client(create_app(platform), KEY_OPERATE).get("/health")
    view = msgspec.json.decode(reply.body, type=HealthView)
    assert view.nodes[NodeState.DOWN] == 1
    assert view.details == Details((STORE,), (NODE,))


@pytest.mark.parametrize("key", [KEY_A, None])
async def test_others_are_told_how_many_nodes_there_are_and_no_more(platform: FakePlatform, key: str | None) -> None:
    platform.health.stores, platform.health.nodes = (STORE,), (NODE,)
    reply = await Client(create_app(platform), key).get("/health")
    assert reply.json()["nodes"]["down"] == 1
    assert "details" not in reply.json()
    assert b"gpu" not in reply.body
    assert b"redis://" not in reply.body


async def test_a_wrong_key_is_refused_as_everywhere(platform: FakePlatform) -> None:
    reply = await Client(create_app(platform), "sy_wrong").get("/health")
    assert (reply.status, reply.json()["code"]) == (401, "key_unknown")


async def test_health_is_told_while_nobody_can_say_whose_a_key_is(platform: FakePlatform) -> None:
    platform.keys.error = StoreUnavailable("PostgreSQL does not answer", store="postgres")
    platform.health.now = msgspec.structs.replace(ALL, database=False)
    reply = await Client(create_app(platform), KEY_OPERATE).get("/health")
    assert (reply.status, reply.json()["status"]) == (503, "unhealthy")
    assert "details" not in reply.json()


async def test_uploads_that_cannot_be_kept_degrade(stranger: Client, platform: FakePlatform) -> None:
    platform.health.now = msgspec.structs.replace(ALL, blobs=False)
    reply = await stranger.get("/health")
    assert (reply.status, reply.json()["status"]) == (200, "degraded")


def test_nothing_answers_means_unhealthy() -> None:
    assert judge(Services(database=False, redis=False, vector_store=False, llm=False)) is HealthStatus.UNHEALTHY
    assert judge(Services(database=True, redis=False, vector_store=False, llm=True)) is HealthStatus.DEGRADED


async def test_a_process_is_alive_whatever_its_stores_do(stranger: Client, platform: FakePlatform) -> None:
    platform.health.now = Services(database=False, redis=False, vector_store=False, llm=False)
    platform.health.readiness_now = Readiness(is_draining=True, database="store_unavailable")
    assert (await stranger.get("/livez")).json() == {"status": "ok"}


WELL: dict[str, object] = {"status": "ok", "draining": False, "database": "ok", "loops": []}


@pytest.mark.parametrize(
    ("readiness", "status", "told"),
    [
        (Readiness(is_draining=False, database=None), 200, WELL),
        (Readiness(is_draining=True, database=None), 503, {**WELL, "status": "not_ready", "draining": True}),
        (
            Readiness(is_draining=False, database="store_unavailable"),
            503,
            {**WELL, "status": "not_ready", "database": "store_unavailable"},
        ),
        # An old view of the nodes serves; runs whose leases cannot be kept are done twice.
        (
            Readiness(is_draining=False, database=None, failing=(Failing(Loop.PROBE_LOOK, 4, "TypeError"),)),
            200,
            {**WELL, "loops": [{"loop": "probe_look", "failures": 4, "cause": "TypeError"}]},
        ),
        (
            Readiness(is_draining=False, database=None, failing=(Failing(Loop.RUN_RENEWAL, 3, "KeyError"),)),
            503,
            {**WELL, "status": "not_ready", "loops": [{"loop": "run_renewal", "failures": 3, "cause": "KeyError"}]},
        ),
    ],
)
async def test_readiness_says_what_does_not_work(
    stranger: Client, platform: FakePlatform, readiness: Readiness, status: int, told: dict[str, object]
) -> None:
    platform.health.readiness_now = readiness
    reply = await stranger.get("/readyz")
    assert (reply.status, reply.json()) == (status, told)


@pytest.mark.requirement("INS-25.text", "INS-25.fresh")
async def test_metrics_are_prometheus_text_with_fresh_gauges(stranger: Client, platform: FakePlatform) -> None:
    reply = await stranger.get("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    kinds = {family.name: family.type for family in text_string_to_metric_families(reply.body.decode())}
    assert (kinds["api_requests"], kinds["api_request_duration_seconds"]) == ("counter", "histogram")
    assert platform.health.watched == 1
