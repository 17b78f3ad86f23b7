"""The pool of PostgreSQL: bounded, checked before use, all of a block or nothing, every use measured."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import pytest
from prometheus_client import CollectorRegistry
from psycopg import AsyncConnection
from psycopg.errors import DivisionByZero
from structlog.testing import capture_logs

from app.causes import Cause, Finding
from app.configuration import with_files
from app.errors import StatementWrong, StoreMisconfigured, StoreUnavailable, SwitchyardError
from app.migrations import migrate
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics
from app.wiring import open_platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import Servers, settings_for

pytestmark = pytest.mark.integration


class Undone(Exception):
    """What a test raises inside a block."""


@pytest.mark.requirement("INS-32.checked")
async def test_a_connection_that_broke_in_the_pool_is_replaced_before_it_is_lent(postgres_url: str) -> None:
    async with make_pool(postgres_url, size=1, wait_s=5) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        async with database.connection("test") as conn:
            broken = conn.info.backend_pid
        async with make_pool(postgres_url, size=1, wait_s=5) as other:
            async with Database(other, Metrics(CollectorRegistry())).connection("test") as conn:
                await conn.execute("SELECT pg_terminate_backend(%s, 5000)", [broken])
        async with database.connection("test") as conn:
            row = await (await conn.execute("SELECT 1 AS one")).fetchone()
            assert row == {"one": 1}
            assert conn.info.backend_pid != broken


async def test_no_transaction_outlives_its_process_by_long_however_that_stopped(postgres_url: str) -> None:
    """Frozen in a pipeline it is neither idle nor at a statement (postgres.c: only `ReadyForQuery` begins idleness)."""
    async with make_pool(postgres_url, size=1, wait_s=5) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        for block in (database.connection, database.transaction):
            async with block("test") as conn:
                shown = await (await conn.execute("SELECT current_setting('transaction_timeout') AS it")).fetchone()
                assert shown == {"it": "15s"}


@pytest.mark.requirement("INS-32.bounded")
async def test_a_borrower_beyond_the_pools_size_is_refused_in_time(postgres_url: str) -> None:
    async with make_pool(postgres_url, size=1, wait_s=0.2) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        async with database.connection("test"):
            with pytest.raises(StoreUnavailable) as caught:
                async with database.connection("test"):
                    pytest.fail("a second connection came out of a pool of one")
    assert caught.value.facts["reason"] == "pool_exhausted"
    assert "does not answer" not in caught.value.detail


@pytest.mark.requirement("INS-32.commit", "INS-32.rollback")
async def test_a_block_that_breaks_leaves_nothing_and_one_that_ends_leaves_all(postgres_url: str) -> None:
    async with make_pool(postgres_url, size=1, wait_s=5) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        add = "INSERT INTO tenants (id, name) VALUES (gen_random_uuid(), %s)"
        with suppress(Undone):
            async with database.transaction("test") as conn:
                await conn.execute(add, ["undone-block"])
                raise Undone
        async with database.transaction("test") as conn:
            await conn.execute(add, ["kept-block"])
        async with database.connection("test") as conn:
            found = await conn.execute("SELECT name FROM tenants WHERE name IN ('undone-block', 'kept-block')")
            assert await found.fetchall() == [{"name": "kept-block"}]


@pytest.mark.requirement("FAM-14.queries")
@pytest.mark.requirement("INS-66.value", "INS-66.operation", "FIN-74.taken", "FIN-74.limit")
async def test_every_use_is_measured_by_its_operation_and_the_pool_by_its_seats(postgres_url: str) -> None:
    metrics = Metrics(CollectorRegistry())
    async with make_pool(postgres_url, size=3, wait_s=5) as pool:
        await pool.wait(timeout=10)
        database, seen = Database(pool, metrics), metrics.registry.get_sample_value
        uses: tuple[tuple[LiteralString, str], ...] = (("sessions.get", "0.06"), ("runs.get", "0"), ("runs.get", "0"))
        for operation, seconds in uses:
            began_s = perf_counter()
            async with database.connection(operation) as conn:
                await conn.execute("SELECT pg_sleep(%s::float)", [seconds])
                database.watch()
            took_s = perf_counter() - began_s
            if operation == "sessions.get":
                assert 0.06 <= (seen("db_query_duration_seconds_sum", {"operation": operation}) or 0) <= took_s
        assert seen("db_query_duration_seconds_count", {"operation": "sessions.get"}) == 1
        assert seen("db_query_duration_seconds_count", {"operation": "runs.get"}) == 2
        assert (seen("switchyard_db_pool_limit"), seen("switchyard_db_pool_taken")) == (3, 1)
        async with database.connection("runs.get"), database.connection("runs.get"):
            database.watch()
        assert (seen("switchyard_db_pool_limit"), seen("switchyard_db_pool_taken")) == (3, 2)


def changed(url: str, *, user: str | None = None, password: str | None = None, name: str | None = None) -> str:
    """Return an address with another user, password or database."""
    parts = urlsplit(url)
    place = f"{user or parts.username}:{password or parts.password}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=place, path=f"/{name}" if name else parts.path))


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({"password": "canary-secret"}, StoreMisconfigured, "password"),
        ({"name": "no-such-database"}, StoreMisconfigured, "database"),
        ({"user": "nobody-here"}, StoreMisconfigured, "password"),
    ],
)
async def test_a_pool_that_cannot_connect_says_why_and_logs_it_once(
    postgres_url: str, change: dict[str, str], kind: type, reason: str
) -> None:
    with capture_logs() as told:
        async with make_pool(changed(postgres_url, **change), size=1, wait_s=0.5) as pool:
            database = Database(pool, Metrics(CollectorRegistry()))
            for _ in range(2):
                with pytest.raises(StoreUnavailable) as caught:
                    async with database.connection("test"):
                        pytest.fail("a connection came")
                assert (type(caught.value), caught.value.facts["reason"]) == (kind, reason)
    assert [(line["event"], line["reason"]) for line in told] == [("postgres.cannot_connect", reason)]
    assert "canary-secret" not in str(told)


async def test_a_server_that_is_not_there_does_not_answer() -> None:
    async with make_pool("postgresql://nobody@127.0.0.1:1/none", size=1, wait_s=0.5) as pool:
        with pytest.raises(StoreUnavailable) as caught:
            async with Database(pool, Metrics(CollectorRegistry())).connection("test"):
                pytest.fail("a connection came")
        door = pool.door
    assert (type(caught.value), caught.value.facts["reason"]) == (StoreUnavailable, "unreachable")
    assert door.finding == Finding(Cause.CONNECTION_REFUSED, "connection refused")
    assert door.address == "postgresql://127.0.0.1:1/none"


async def test_a_connection_whose_server_process_is_frozen_is_replaced_before_it_is_lent(postgres_url: str) -> None:
    async with make_pool(postgres_url, size=1, wait_s=5.0) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        # As if its last use were longer ago.
        pool.fresh_s = 0
        async with database.connection("test") as conn:
            frozen = conn.info.backend_pid
        os.kill(frozen, signal.SIGSTOP)
        try:
            async with database.connection("test") as conn:
                assert conn.info.backend_pid != frozen
        finally:
            os.kill(frozen, signal.SIGCONT)


@pytest.mark.parametrize(
    ("statement", "kind", "reason"),
    [
        ("SELECT 1 FROM no_such_table", StoreMisconfigured, "schema"),
        ("SELECT no_such_column FROM tenants", StoreMisconfigured, "schema"),
        ("SET TRANSACTION READ ONLY; DELETE FROM nodes", StoreMisconfigured, "read_only"),
        ("SET LOCAL ROLE pg_monitor; SELECT * FROM tenants", StoreMisconfigured, "rights"),
        ("SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)", StoreUnavailable, "too_slow"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", StoreUnavailable, "starting"),
        ("SELEC 1", StatementWrong, "statement"),
        ("SELECT 1/0", StatementWrong, "statement"),
        ("INSERT INTO tenants (id, name) SELECT NULL, NULL", StatementWrong, "statement"),
    ],
)
async def test_what_postgresql_says_to_a_statement_is_one_of_three_facts(
    postgres_url: str, statement: str, kind: type, reason: str
) -> None:
    async with make_pool(postgres_url, size=1, wait_s=5) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        with pytest.raises(SwitchyardError) as caught:
            async with database.transaction("test") as conn:
                await conn.execute(statement.encode())
        assert (type(caught.value), caught.value.facts["reason"]) == (kind, reason)
        # What one block met is no matter of the next.
        async with database.connection("test") as conn:
            await conn.execute("SELECT 1")


async def test_an_error_that_a_block_knows_what_to_do_about_stays_its_own(postgres_url: str) -> None:
    async with make_pool(postgres_url, size=1, wait_s=5) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        async with database.connection("test") as conn:
            with pytest.raises(DivisionByZero):
                await conn.execute("SELECT 1/0")


async def test_an_empty_database_is_told_with_the_command_to_run(
    servers: Servers, node: FakeNode, new_database: Callable[[], str]
) -> None:
    url = new_database()
    async with await AsyncConnection[tuple[object, ...]].connect(url, autocommit=True) as connection:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    own = Servers(url, servers.cache_url, servers.coordination_url, servers.qdrant_urls, servers.directory)
    with capture_logs() as told:
        async with open_platform(with_files(settings_for(own, node))) as platform:
            readiness = await platform.health.readiness()
            assert (readiness.is_ready, readiness.database) == (False, "schema")
            lines = [line for line in told if line["event"] == "postgres.misconfigured"]
            assert [line["reason"] for line in lines] == ["schema"]
            assert "switchyard migrate" in lines[0]["remedy"]
            await migrate(url)
            assert (await platform.health.readiness()).is_ready


async def test_a_schema_of_a_newer_version_is_left_as_it_is_and_told(new_database: Callable[[], str]) -> None:
    url = new_database()
    async with await AsyncConnection[tuple[object, ...]].connect(url, autocommit=True) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '9999_pre_of_later'")
        with pytest.raises(
            StoreMisconfigured, match="the schema is newer than this version: it is at 9999_pre_of"
        ) as told:
            await migrate(url)
        assert told.value.facts["reason"] == "schema"
        kept = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
    assert kept == ("9999_pre_of_later",)


async def test_migrations_and_replicas_read_one_address_alike(new_database: Callable[[], str]) -> None:
    url = f"{new_database()}?options=-csearch_path%3Dapart&application_name=mine"
    async with make_pool(url, size=1, wait_s=5) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        async with database.connection("test") as conn:
            await conn.execute("CREATE SCHEMA apart")
        await migrate(url)
        async with database.connection("test") as conn:
            found = await conn.execute(
                "SELECT table_schema FROM information_schema.tables WHERE table_name = 'runs' ORDER BY 1"
            )
            assert await found.fetchall() == [{"table_schema": "apart"}, {"table_schema": "public"}]
            limits = await conn.execute(
                "SELECT current_setting('application_name') AS name, current_setting('statement_timeout') AS timeout,"
                " to_regclass('tenants')::text AS tenants"
            )
            assert await limits.fetchone() == {"name": "mine", "timeout": "10s", "tenants": "tenants"}
