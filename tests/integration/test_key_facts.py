"""When a key was used last, when it was revoked, and what it is for."""

import pytest

from app.accounts.keys import Keys
from app.accounts.tenants import Tenants
from app.postgres import Database
from tests.integration.account_fixtures import database as database
from tests.integration.account_fixtures import name as name

SET_USED = """
    UPDATE api_keys SET last_used_at = now() - make_interval(secs => %(seconds)s) WHERE id = %(key_id)s
    RETURNING last_used_at
"""


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


async def test_a_key_for_batch_work_is_found_and_listed_as_one(database: Database, name: str) -> None:
    tenant = await Tenants(database).add(name)
    made = [await Keys(database).add(tenant.id, "x", batch_only=batch_only) for batch_only in (False, True)]
    assert [(await Keys(database).find(key.key)).batch_only for key in made] == [False, True]
    assert [(key.prefix, key.batch_only) for key in await Keys(database).list(tenant.id)] == [
        (made[0].prefix, False),
        (made[1].prefix, True),
    ]
