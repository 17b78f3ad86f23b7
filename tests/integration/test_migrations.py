"""Migrations of a database that is in use, and of one where an earlier try was cut off."""

import asyncio
from collections.abc import Callable

import pytest
from psycopg import AsyncConnection
from sqlalchemy.exc import DBAPIError

from app.errors import StoreMisconfigured
from app.migrations import migrate
from app.schema import newest_version

pytestmark = pytest.mark.integration

NEWEST = newest_version()
BEFORE = "UPDATE alembic_version SET version_num = '0030_pre_session_summaries'"
VERSION = "SELECT version_num FROM alembic_version"
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'runs_open_tasks'::regclass"
TOUCH = "UPDATE runs SET cancel_asked = cancel_asked"
WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

Connection = AsyncConnection[tuple[object, ...]]


async def one(connection: Connection, query: bytes) -> object:
    """Return the only value of a query, None without a row."""
    row = await (await connection.execute(query)).fetchone()
    return None if row is None else row[0]


async def test_while_an_index_of_runs_is_built_runs_are_written(new_database: Callable[[], str]) -> None:
    url = new_database()
    async with (
        await Connection.connect(url) as earlier,
        await Connection.connect(url, autocommit=True) as later,
    ):
        await later.execute(BEFORE.encode())
        await later.execute(b"DROP INDEX runs_open_tasks")
        # One that writes holds up the build, and the build nobody.
        await earlier.execute(TOUCH.encode())
        migrating = asyncio.create_task(migrate(url))
        async with asyncio.timeout(20):
            while await one(later, WAITS.encode()) is None:  # noqa: ASYNC110 - a row's
                await asyncio.sleep(0.02)
        await later.execute(b"SET lock_timeout = '2s'")
        await later.execute(TOUCH.encode())
        await earlier.commit()
        await migrating
        assert await one(later, IS_VALID.encode()) is True


async def test_an_index_whose_build_was_cut_off_is_built_anew(new_database: Callable[[], str]) -> None:
    url = new_database()
    async with await Connection.connect(url, autocommit=True) as connection:
        await connection.execute(BEFORE.encode())
        await connection.execute(
            b"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'runs_open_tasks'::regclass"
        )
        await migrate(url)
        assert await one(connection, IS_VALID.encode()) is True
        assert await one(connection, VERSION.encode()) == NEWEST


async def test_what_was_migrated_before_a_migration_failed_stands_and_the_rest_follows(
    new_database: Callable[[], str],
) -> None:
    url = new_database()
    async with await Connection.connect(url, autocommit=True) as connection:
        await connection.execute(b"DROP SCHEMA public CASCADE")
        await connection.execute(b"CREATE SCHEMA public")
        await connection.execute(b"CREATE TABLE run_judgements ()")
        with pytest.raises((DBAPIError, StoreMisconfigured)):
            await migrate(url)
        assert await one(connection, VERSION.encode()) == "0025_pre_tasks"
        await connection.execute(b"DROP TABLE run_judgements")
        await asyncio.gather(migrate(url), migrate(url))
        assert await one(connection, VERSION.encode()) == NEWEST
