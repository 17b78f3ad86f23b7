"""/health, /livez, /readyz, /metrics."""

import msgspec
import pytest

from app.api.operations import HealthStatus, HealthView, judge
from app.health import Readiness, Services
from app.loops import Failing, Loop
from tests.fakes.asgi import Client
from tests.fakes.platform import FakePlatform

ALL = Services(database=True, redis=True, vector_store=True, llm=True)


@pytest.mark.requirement("INS-24", "ORC-16", "UPL-13")
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
    }


@pytest.mark.requirement("INS-24", "INS-68")
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


@pytest.mark.requirement("INS-25", "ORC-23")
async def test_metrics_are_prometheus_text_with_fresh_gauges(stranger: Client, platform: FakePlatform) -> None:
    reply = await stranger.get("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert b"# TYPE api_request_duration_seconds histogram" in reply.body
    assert platform.health.watched == 1
