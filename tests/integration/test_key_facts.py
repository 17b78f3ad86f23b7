"""When a key was used last, when it was revoked, and what it is for."""

import secrets

import msgspec
import pytest

from app.accounts.keys import Keys
from app.accounts.tenants import Tenants
from app.errors import BadInput, KeyUnknown
from app.ids import KeyContract
from app.postgres import Database
from tests.integration.account_fixtures import command
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


async def test_what_a_key_insists_on_is_found_and_listed(database: Database, name: str) -> None:
    tenant = await Tenants(database).add(name)
    insists = KeyContract(min_tier="medium", digest="ab" * 32, no_degrade=True)
    strict = await Keys(database).add(tenant.id, "x", contract=insists)
    free = await Keys(database).add(tenant.id, "y")
    assert (await Keys(database).find(strict.key)).contract == insists
    assert (await Keys(database).find(free.key)).contract == KeyContract()
    assert [key.contract for key in await Keys(database).list(tenant.id)] == [insists, KeyContract()]


def test_the_command_line_makes_keys_that_insist_and_lists_on_what(postgres_url: str, name: str) -> None:
    command(postgres_url, "tenants", "add", name)
    insisting = ("--min-tier", "medium", "--pin-digest", "sha256:" + "AB" * 32, "--no-degrade", "--json")
    status, out, _ = command(postgres_url, "keys", "add", name, *insisting)
    wanted = {"min_tier": "medium", "digest": "ab" * 32, "no_degrade": True}
    assert (status, msgspec.json.decode(out)["contract"]) == (0, wanted)
    assert "min tier medium,digest abababababab,no degrade" in command(postgres_url, "keys", "list", name)[1]
    with pytest.raises(SystemExit):
        command(postgres_url, "keys", "add", name, "--pin-digest", "abc")


async def test_a_public_key_of_ollama_is_of_one_live_key(database: Database, name: str) -> None:
    keys, tenant = Keys(database), await Tenants(database).add(name)
    public = secrets.token_bytes(32)
    with pytest.raises(KeyUnknown):
        await keys.find_signer(public)
    made = await keys.add(tenant.id, "x", ollama_key=public)
    found = await keys.find_signer(public)
    assert (found.tenant, found.key_id, (await keys.find(made.key)).key_id) == (name, made.id, made.id)
    assert [(key.signs, key.last_used_at is not None) for key in await keys.list(tenant.id)] == [(True, True)]
    with pytest.raises(BadInput, match="another key has this public key"):
        await keys.add(tenant.id, "y", ollama_key=public)
    await keys.revoke(made.prefix)
    with pytest.raises(KeyUnknown):
        await keys.find_signer(public)
    again = await keys.add(tenant.id, "z", ollama_key=public)
    assert (await keys.find_signer(public)).key_id == again.id
