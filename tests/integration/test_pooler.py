"""The platform through a real PgBouncer in transaction mode, with the setting for it and without."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.agents.life import RunState
from app.agents.values import OnDisconnect
from app.configuration import with_files
from app.database_url import make_access
from app.errors import StoreMisconfigured
from app.loops import Loop
from app.postgres import SESSION_LIMITS, Database, make_pool
from app.telemetry.metrics import Metrics
from app.wiring import Platform, open_platform
from tests.fakes.node import FakeNode
from tests.integration.pgbouncer import pgbouncer
from tests.integration.platforms import (
    CHAT,
    END_S,
    Servers,
    add_caller,
    answered,
    ask,
    chat_of,
    opened,
    settings_for,
    until,
    worked,
)

pytestmark = pytest.mark.integration

QUESTIONS = 8
IGNORES_OPTIONS = "ignore_startup_parameters = options,extra_float_digits"


@pytest.fixture
def direct_url(new_database: Callable[[], str]) -> str:
    """The address of a database of the test's own, past the pooler."""
    return new_database()


def behind(servers: Servers, url: str) -> Servers:
    """Return the same stores with another database."""
    return Servers(url, servers.cache_url, servers.coordination_url, servers.qdrant_urls, servers.directory)


async def text() -> AsyncIterator[bytes]:
    yield b"The warranty of a kettle lasts for three years."


async def ingested(platform: Platform) -> bool:
    async with platform.database.connection("test") as conn:
        row = await (await conn.execute("SELECT count(*) AS ready FROM documents WHERE state = 'ready'")).fetchone()
    return row is not None and row["ready"] == 1


async def eventually(platform: Platform) -> None:
    async with asyncio.timeout(END_S):
        while not await ingested(platform):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.1)


async def test_everything_works_through_a_pooler_and_nothing_is_logged_as_wrong(
    servers: Servers, node: FakeNode, direct_url: str
) -> None:
    with pgbouncer(servers.directory, direct_url, servers=3) as url, capture_logs() as told:
        settings = [
            settings_for(
                behind(servers, url),
                node,
                replica=name,
                database_pool_size=4,
                database_wait_s=10.0,
                database_pooler="transaction",
                database_direct_url=direct_url,
            )
            for name in ("replica", "worker", "dying")
        ]
        async with opened(*settings[:2]) as (replica, worker), worked(worker):
            caller = await add_caller(replica)
            results = await asyncio.gather(*(answered(replica, caller, ask()) for _ in range(QUESTIONS)))
            assert {result.state for result in results} == {RunState.DONE}

            await replica.documents.add(caller.tenant_id, "kettle.md", "text/markdown", text())
            await eventually(replica)

            # A process that stops lets its run go; the worker takes it over through its queue.
            node.script(model=CHAT, tokens_per_s=10.0)
            async with opened(settings[2]) as (dying,):
                handle = await dying.runner.start(caller, ask(on_disconnect=OnDisconnect.CONTINUE))
                await until(lambda: chat_of(node).tokens >= 2)
            taken = await replica.runner.result(caller, handle.run_id, END_S)
            assert taken.state is RunState.DONE
            assert worker.metrics.registry.get_sample_value("switchyard_runs_taken_over_total") == 1
            assert (await replica.health.readiness()).is_ready
            assert [one.failing() for one in (replica.loops, worker.loops)] == [[], []]
    assert [line for line in told if line["log_level"] in {"error", "critical"}] == []
    assert [line for line in told if str(line["event"]).startswith("postgres.")] == []


async def test_the_limits_of_a_session_hold_in_every_block_and_outlive_none(servers: Servers, direct_url: str) -> None:
    with pgbouncer(servers.directory, f"{direct_url}", servers=1) as url:
        access = make_access(f"{url}?options=-csearch_path%3Dpg_catalog", pooler="transaction", direct_url=direct_url)
        async with make_pool(access, size=2, wait_s=5.0) as pool:
            database = Database(pool, Metrics(CollectorRegistry()))
            for block in (database.connection, database.transaction):
                async with block("test") as conn:
                    for name, value in {
                        **SESSION_LIMITS, "transaction_timeout": "15s", "search_path": "pg_catalog",
                    }.items():  # fmt: skip
                        shown = await (await conn.execute("SELECT current_setting(%s) AS it", [name])).fetchone()
                        assert shown == {"it": value}, name
        with psycopg.connect(url, autocommit=True) as connection:
            for limit in ("statement_timeout", "transaction_timeout"):
                assert connection.execute(f"SHOW {limit}").fetchone() == ("0",)


async def test_a_pooler_that_refuses_our_session_is_named_with_the_setting_to_set(
    servers: Servers, node: FakeNode, direct_url: str
) -> None:
    with pgbouncer(servers.directory, direct_url) as url, capture_logs() as told:
        async with open_platform(with_files(settings_for(behind(servers, url), node, database_wait_s=0.5))) as platform:
            readiness = await platform.health.readiness()
            assert (readiness.is_ready, readiness.database) == (False, "pooler")
            with pytest.raises(StoreMisconfigured, match="SWITCHYARD_DATABASE_POOLER=transaction"):
                async with platform.database.connection("test"):
                    pytest.fail("a connection came")
            assert platform.fleet.view("a").state.value == "ready"
    refused = [line for line in told if line["event"] == "postgres.cannot_connect"]
    assert [line["reason"] for line in refused] == ["pooler"]
    assert "SWITCHYARD_DATABASE_POOLER=transaction" in refused[0]["remedy"]


async def test_prepared_statements_that_meet_another_server_end_no_loop_and_are_named(
    servers: Servers, node: FakeNode, direct_url: str
) -> None:
    with pgbouncer(servers.directory, direct_url, servers=3, more=IGNORES_OPTIONS) as url, capture_logs() as told:
        settings = settings_for(behind(servers, url), node, probe_interval_s=0.05, run_lease_s=0.3)
        async with open_platform(with_files(settings)) as platform, worked(platform):
            await until(lambda: failures(platform, Loop.NODE_ROWS) >= 3)
            await until(lambda: any(line["event"] == "postgres.misconfigured" for line in told))
            looks = node.looks
            await until(lambda: node.looks > looks + 2)
    reasons = {line["reason"] for line in told if line["event"] == "postgres.misconfigured"}
    assert reasons == {"pooler"}
    assert "SWITCHYARD_DATABASE_POOLER=transaction" in json.dumps([line.get("remedy") for line in told])


def failures(platform: Platform, loop: Loop) -> float:
    return platform.metrics.registry.get_sample_value("switchyard_loop_failures_total", {"loop": loop.value}) or 0
