"""The pool of PostgreSQL: bounded, checked before use, all of a block or nothing, every use measured."""

from contextlib import suppress

import pytest
from prometheus_client import CollectorRegistry

from app.errors import StoreUnavailable
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics

pytestmark = pytest.mark.integration


class Undone(Exception):
    """What a test raises inside a block."""


@pytest.mark.requirement("INS-32")
async def test_a_connection_that_broke_in_the_pool_is_replaced_before_it_is_lent(postgres_url: str) -> None:
    async with make_pool(postgres_url, size=1, wait_s=5) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        async with database.connection("test") as conn:
            broken = conn.info.backend_pid
        async with make_pool(postgres_url, size=1, wait_s=5) as other:
            async with Database(other, Metrics(CollectorRegistry())).connection("test") as conn:
                await conn.execute("SELECT pg_terminate_backend(%s)", [broken])
        async with database.connection("test") as conn:
            row = await (await conn.execute("SELECT 1 AS one")).fetchone()
            assert row == {"one": 1}
            assert conn.info.backend_pid != broken


@pytest.mark.requirement("INS-32")
async def test_a_borrower_beyond_the_pools_size_is_refused_in_time(postgres_url: str) -> None:
    async with make_pool(postgres_url, size=1, wait_s=0.2) as pool:
        database = Database(pool, Metrics(CollectorRegistry()))
        async with database.connection("test"):
            with pytest.raises(StoreUnavailable):
                async with database.connection("test"):
                    pytest.fail("a second connection came out of a pool of one")


@pytest.mark.requirement("INS-32")
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


@pytest.mark.requirement("INS-66")
async def test_every_use_is_measured_by_its_operation_and_the_pool_by_its_seats(postgres_url: str) -> None:
    metrics = Metrics(CollectorRegistry())
    async with make_pool(postgres_url, size=3, wait_s=5) as pool:
        await pool.wait(timeout=10)
        database = Database(pool, metrics)
        async with database.connection("sessions.get"):
            database.watch()
        seen = metrics.registry.get_sample_value
        assert seen("db_query_duration_seconds_count", {"operation": "sessions.get"}) == 1
        assert (seen("db_query_duration_seconds_sum", {"operation": "sessions.get"}) or 0) > 0
        assert (seen("switchyard_db_pool_limit"), seen("switchyard_db_pool_taken")) == (3, 1)
