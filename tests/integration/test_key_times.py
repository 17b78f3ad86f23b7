"""When a key was used last, and when it was revoked."""

from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from app.accounts.keys import Keys
from app.accounts.tenants import Tenants
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics

SET_USED = """
    UPDATE api_keys SET last_used_at = now() - make_interval(secs => %(seconds)s) WHERE id = %(key_id)s
    RETURNING last_used_at
"""


@pytest.fixture
async def database(postgres_url: str) -> AsyncGenerator[Database]:
    """A pool on the shared database."""
    pool = make_pool(postgres_url, size=2, wait_s=2.0)
    await pool.open()
    yield Database(pool, Metrics(CollectorRegistry()))
    await pool.close()


@pytest.fixture
def name() -> str:
    """A tenant's name that no other test uses."""
    return f"t-{uuid4().hex[:12]}"


async def test_a_second_revocation_does_not_move_the_time_of_the_first(database: Database, name: str) -> None:
    keys, tenants = Keys(database), Tenants(database)
    tenant = await tenants.add(name)
    key = await keys.add(tenant.id, "x")
    await keys.revoke(key.prefix)
    (first,) = await keys.list(tenant.id)
    await keys.revoke(key.prefix)
    await tenants.revoke(name)
    assert first.revoked_at is not None
    assert await keys.list(tenant.id) == [first]


@pytest.mark.parametrize(("seconds", "is_noted"), [(50, False), (70, True)])
async def test_the_last_use_of_a_key_is_noted_once_a_minute(
    database: Database, name: str, seconds: int, *, is_noted: bool
) -> None:
    keys = Keys(database, cache_s=0.0)
    tenant = await Tenants(database).add(name)
    key = await keys.add(tenant.id, "x")
    async with database.connection("test") as conn:
        used = await conn.execute(SET_USED, {"seconds": seconds, "key_id": key.id})
        row = await used.fetchone()
    await keys.find(key.key)
    (listed,) = await keys.list(tenant.id)
    assert row is not None
    assert (listed.last_used_at != row["last_used_at"]) is is_noted
