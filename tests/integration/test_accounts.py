"""Tenants and keys in PostgreSQL, through the doors and through the command line."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import psycopg
import pytest
from prometheus_client import CollectorRegistry

from app.accounts.keys import INSERT_KEY, Keys, digest_secret, make_key_text
from app.accounts.tenants import Tenants
from app.errors import BadInput, KeyUnknown, StoreUnavailable, TenantRevoked, TenantUnknown
from app.ids import TenantId
from app.postgres import Database, make_pool
from app.telemetry.metrics import Metrics
from tests.integration.account_fixtures import command
from tests.integration.account_fixtures import database as database
from tests.integration.account_fixtures import name as name


async def test_a_tenant_and_its_key_are_made_and_found(database: Database, name: str) -> None:
    tenant = await Tenants(database).add(name)
    key = await Keys(database).add(tenant.id, "laptop")
    caller = await Keys(database).find(key.key)
    assert caller.permissions == frozenset()
    assert (caller.tenant_id, caller.key_id, caller.tenant) == (tenant.id, key.id, name)
    assert await Tenants(database).get(name) == tenant
    (listed,) = await Keys(database).list(tenant.id)
    assert (listed.prefix, listed.name, listed.revoked_at) == (key.prefix, "laptop", None)
    assert listed.last_used_at is not None
    assert listed.last_used_at.utcoffset() is not None


@pytest.mark.requirement("UPL-42.keys")
async def test_the_secret_is_nowhere_in_the_database(database: Database, name: str) -> None:
    key = await Keys(database).add((await Tenants(database).add(name)).id, "x")
    async with database.connection("test") as conn:
        row = await (
            await conn.execute("SELECT api_keys::text AS whole FROM api_keys WHERE id = %s", (key.id,))
        ).fetchone()
    assert row is not None
    assert key.prefix in row["whole"]
    secret = key.key.removeprefix(f"sy_{key.prefix}_")
    assert secret not in row["whole"]
    assert secret.encode().hex() not in row["whole"]


async def test_a_revoked_key_is_refused_everywhere_once_no_cache_remembers_it(database: Database, name: str) -> None:
    key = await Keys(database).add((await Tenants(database).add(name)).id, "x")
    here, elsewhere = Keys(database), Keys(database, cache_s=0.0)
    await here.find(key.key)
    await here.revoke(key.prefix)
    for keys in (here, elsewhere):
        with pytest.raises(KeyUnknown):
            await keys.find(key.key)
    await here.revoke(key.prefix)


async def test_a_key_is_not_revoked_in_the_name_of_another_tenant(database: Database, name: str) -> None:
    keys, tenants = Keys(database), Tenants(database)
    key = await keys.add((await tenants.add(name)).id, "x")
    stranger = await tenants.add(f"{name}-2")
    with pytest.raises(KeyUnknown):
        await keys.revoke(key.prefix, stranger.id)
    assert (await keys.find(key.key)).tenant == name


async def test_revoking_a_tenant_revokes_all_its_keys_and_nothing_else(database: Database, name: str) -> None:
    keys, tenants = Keys(database), Tenants(database)
    tenant, other = await tenants.add(name), await tenants.add(f"{name}-2")
    made = [await keys.add(tenant.id, "x") for _ in range(3)]
    theirs = await keys.add(other.id, "x")
    assert await tenants.revoke(name) == sorted(key.prefix for key in made)
    assert await tenants.revoke(name) == []
    for key in made:
        with pytest.raises(KeyUnknown):
            await keys.find(key.key)
    assert (await keys.find(theirs.key)).tenant_id == other.id
    assert next(row for row in await tenants.list() if row.id == other.id).keys == 1


async def test_a_revoked_tenant_gets_no_key_until_it_is_restored(database: Database, name: str) -> None:
    keys, tenants = Keys(database), Tenants(database)
    tenant = await tenants.add(name)
    old = await keys.add(tenant.id, "old")
    await tenants.revoke(name)
    with pytest.raises(TenantRevoked, match=f"{name} is revoked since 2.* UTC and gets no key"):
        await keys.add(tenant.id, "x")
    assert [key.prefix for key in await keys.list(tenant.id)] == [old.prefix]
    listed = next(row for row in await tenants.list() if row.id == tenant.id)
    assert (listed.keys, listed.revoked_at is not None) == (0, True)
    assert (await tenants.restore(name)).revoked_at is None
    assert (await keys.find((await keys.add(tenant.id, "new")).key)).tenant == name
    with pytest.raises(KeyUnknown):
        await keys.find(old.key)
    with pytest.raises(TenantUnknown, match=f"no tenant is named '{name}-none'"):
        await tenants.restore(f"{name}-none")


async def test_a_key_made_while_its_tenant_is_revoked_is_revoked_with_the_others(
    database: Database, postgres_url: str, name: str
) -> None:
    """What `keys.add` holds until its commit keeps a revocation waiting, which then sees the key."""
    tenant = await Tenants(database).add(name)
    prefix, secret, _ = make_key_text()
    given: dict[str, object] = {"key_id": uuid4(), "tenant_id": tenant.id, "name": "x", "prefix": prefix}
    given |= {"secret_sha256": digest_secret(secret), "permissions": [], "batch_only": False}
    given |= {"min_tier": None, "digest": None, "no_degrade": False, "ollama_key": None}
    async with await psycopg.AsyncConnection.connect(postgres_url) as adding:
        await adding.execute(INSERT_KEY, given)
        revoking = asyncio.create_task(Tenants(database).revoke(name))
        while not await _is_waited_for(database, adding.info.backend_pid):
            assert not revoking.done()
            await asyncio.sleep(0.01)
        await adding.commit()
    assert await revoking == [prefix]


async def _is_waited_for(database: Database, backend_pid: int) -> bool:
    blocked = "SELECT count(*) AS them FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
    async with database.connection("test") as conn:
        row = await (await conn.execute(blocked, (backend_pid,))).fetchone()
    return row is not None and row["them"] > 0


async def test_two_tenants_never_have_one_name(database: Database, name: str) -> None:
    made = await asyncio.gather(*(Tenants(database).add(name) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in made) == 1
    assert all(isinstance(one, BadInput) for one in made if isinstance(one, BaseException))


@pytest.mark.parametrize("bad", ["", "a b", "-x", "x" * 64, "a'; DROP TABLE tenants; --", "\u00e9", "a\n"])
async def test_a_tenants_name_is_one_plain_word(database: Database, bad: str) -> None:
    with pytest.raises(BadInput):
        await Tenants(database).add(bad)
    with pytest.raises(TenantUnknown):
        await Tenants(database).get(bad)


async def test_a_key_of_no_tenant_cannot_be_made(database: Database) -> None:
    with pytest.raises(TenantUnknown):
        await Keys(database).add(TenantId(uuid4()), "x")


async def test_a_database_that_is_away_is_told_as_such() -> None:
    pool = make_pool("postgresql://nobody@127.0.0.1:1/none", size=1, wait_s=0.2)
    await pool.open(wait=False)
    with pytest.raises(StoreUnavailable):
        await Keys(Database(pool, Metrics(CollectorRegistry()))).find("sy_" + "a" * 12 + "_" + "A" * 43)
    await pool.close()


def test_the_command_line_makes_lists_and_revokes(postgres_url: str, name: str) -> None:
    status, out, _ = command(postgres_url, "tenants", "add", name, "--json")
    assert (status, msgspec.json.decode(out)["name"]) == (0, name)
    status, out, _ = command(postgres_url, "keys", "add", name, "--name", "ci", "--json")
    key = msgspec.json.decode(out)
    assert (status, key["name"]) == (0, "ci")
    assert key["key"].startswith(f"sy_{key['prefix']}_")
    status, out, _ = command(postgres_url, "keys", "list", name, "--json")
    assert [row["prefix"] for row in msgspec.json.decode(out)] == [key["prefix"]]
    assert key["key"] not in out
    _, out, _ = command(postgres_url, "keys", "list", name)
    assert out.splitlines()[0].split() == ["PREFIX", "TENANT", "NAME", "PERMISSIONS", "LAST", "USED", "REVOKED"]
    assert key["prefix"] in out
    _, out, _ = command(postgres_url, "keys", "add", name, "--operate", "--json")
    operating = msgspec.json.decode(out)
    assert (key["permissions"], operating["permissions"]) == ([], ["operate"])
    _, out, _ = command(postgres_url, "keys", "list", name)
    assert {line.split()[0]: line.split()[3] for line in out.splitlines()[1:]} == {
        key["prefix"]: "-",
        operating["prefix"]: "operate",
    }
    assert command(postgres_url, "keys", "revoke", key["prefix"])[0] == 0
    assert command(postgres_url, "keys", "revoke", operating["prefix"])[0] == 0
    _, out, _ = command(postgres_url, "tenants", "list", "--json")
    assert next(row["keys"] for row in msgspec.json.decode(out) if row["name"] == name) == 0
    assert command(postgres_url, "tenants", "revoke", name)[1].startswith("0 keys of")


def test_a_key_shown_to_a_person_stands_alone_on_its_line_and_its_prefix_below(postgres_url: str, name: str) -> None:
    command(postgres_url, "tenants", "add", name)
    status, out, _ = command(postgres_url, "keys", "add", name)
    key, below, _ = out.splitlines()
    prefix = key.split("_")[1]
    assert (status, key[:3], len(prefix)) == (0, "sy_", 12)
    assert below == f"Its prefix is {prefix}: `switchyard keys revoke {prefix}` revokes it."


@pytest.mark.parametrize("form", ["{key}", "{prefix}", "sy_{prefix}", " {key} "])
def test_a_key_is_revoked_by_its_prefix_or_as_a_whole(postgres_url: str, name: str, form: str) -> None:
    command(postgres_url, "tenants", "add", name)
    key = command(postgres_url, "keys", "add", name)[1].splitlines()[0]
    prefix = key.split("_")[1]
    ended = command(postgres_url, "keys", "revoke", form.format(key=key, prefix=prefix))
    assert ended == (0, f"key {prefix} is revoked; replicas refuse it within 5 seconds\n", "")
    assert command(postgres_url, "keys", "list", name)[1].splitlines()[1].split()[-1] != "no"


def test_a_whole_key_whose_secret_is_another_revokes_nothing_and_is_not_shown(postgres_url: str, name: str) -> None:
    command(postgres_url, "tenants", "add", name)
    key = command(postgres_url, "keys", "add", name)[1].splitlines()[0]
    wrong = f"{key[:-1]}{'A' if key[-1] != 'A' else 'B'}"
    assert command(postgres_url, "keys", "revoke", wrong) == (1, "", "switchyard: there is no such key\n")
    status, out, notes = command(postgres_url, "keys", "revoke", key[:-1])
    assert (status, out, len(notes.splitlines())) == (1, "", 1)
    assert "neither a whole key nor the prefix of one" in notes
    assert key[-10:-1] not in notes
    assert command(postgres_url, "keys", "list", name)[1].splitlines()[1].split()[-1] == "no"


def test_a_revoked_tenant_gets_no_key_in_one_line_that_says_why(postgres_url: str, name: str) -> None:
    command(postgres_url, "tenants", "add", name)
    command(postgres_url, "keys", "add", name)
    said = command(postgres_url, "tenants", "revoke", name)[1].splitlines()
    assert said[1] == f"It gets no new key until `switchyard tenants restore {name}`."
    status, out, notes = command(postgres_url, "keys", "add", name, "--json")
    assert (status, out, len(notes.splitlines())) == (1, "", 1)
    assert notes.startswith(f"switchyard: {name} is revoked since 2")
    assert ", revoked since 2" in command(postgres_url, "tenants", "add", name, "--exist-ok")[1]
    rows = {row.split()[0]: row.split()[-1] for row in command(postgres_url, "tenants", "list")[1].splitlines()}
    assert rows["NAME"] == "REVOKED"
    assert rows[name] != "no"
    assert command(postgres_url, "tenants", "restore", name)[0] == 0
    assert command(postgres_url, "keys", "add", name)[0] == 0


def test_what_cannot_be_done_is_said_with_status_one(postgres_url: str, name: str) -> None:
    command(postgres_url, "tenants", "add", name)
    assert command(postgres_url, "tenants", "add", name) == (1, "", "switchyard: a tenant of this name exists\n")
    assert command(postgres_url, "tenants", "add", name, "--exist-ok")[0] == 0
    assert command(postgres_url, "tenants", "add", "a b", "--exist-ok")[0] == 1
    assert command(postgres_url, "keys", "add", f"{name}-none")[0] == 1
    assert command(postgres_url, "keys", "revoke", "none")[0] == 1


def test_without_an_address_of_postgresql_the_variable_is_named() -> None:
    status, _, notes = command("", "tenants", "list")
    assert status == 2
    assert "SWITCHYARD_DATABASE_URL" in notes


SELECT_SCHEMA = """
    SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY table_name, column_name
"""


@pytest.mark.requirement("INS-33.once", "FAM-01.migrate")
def test_migrating_a_migrated_database_changes_nothing(new_database: Callable[[], str]) -> None:
    url = new_database()
    assert command(url, "tenants", "add", "kept")[0] == 0
    with psycopg.connect(url, autocommit=True) as connection:
        before = connection.execute(SELECT_SCHEMA).fetchall()
        assert len(before) > 100
        assert command(url, "migrate")[:2] == (0, "the schema is at its newest version\n")
        assert connection.execute(SELECT_SCHEMA).fetchall() == before
        assert connection.execute("SELECT name FROM tenants").fetchall() == [("kept",)]


@pytest.mark.parametrize("words", [("migrate",), ("tenants", "list"), ("nodes", "list")])
@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1:1", "connection refused (postgresql://127.0.0.1:1/none); start the server, or correct its address"),
        ("a.invalid", "the host's name is not known (postgresql://a.invalid:5432/none); correct the host's name"),
    ],
)
def test_a_database_that_is_away_is_told_in_one_line_with_address_and_cause(
    words: tuple[str, ...], host: str, why: str
) -> None:
    status, out, notes = command(f"postgresql://nobody:s3cret-0451@{host}/none", *words)
    assert (status, out) == (1, "")
    assert notes.startswith(f"switchyard: PostgreSQL does not answer: {why}")
    assert len(notes.splitlines()) == 1
    assert "0451" not in notes


def test_a_password_that_postgresql_refuses_is_told_with_the_address_and_not_with_itself(postgres_url: str) -> None:
    parts = urlsplit(postgres_url)
    place = f"{parts.hostname}:{parts.port}{parts.path}"
    for words in (("migrate",), ("keys", "list")):
        status, out, notes = command(f"postgresql://{parts.username}:wr0ng-0451@{place}", *words)
        assert (status, out) == (1, "")
        assert notes == (
            "switchyard: PostgreSQL refuses the password of the database's address "
            f"(postgresql://{place}); correct user and password in the address\n"
        )
