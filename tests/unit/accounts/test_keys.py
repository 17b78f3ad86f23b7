"""Keys: their text, their cache, and what never reaches PostgreSQL."""

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.keys import CACHE_LIMIT, FIND_KEY, KEY_PATTERN, REVOKE_KEY, Keys, digest_secret, make_key_text
from app.errors import KeyUnknown
from app.postgres import Database


class FakeCursor:
    """One row or none."""

    def __init__(self, row: Mapping[str, Any] | None) -> None:
        self._row = row

    async def fetchone(self) -> Mapping[str, Any] | None:
        """Return it."""
        return self._row


class FakeDatabase:
    """Knows keys by prefix; counts look-ups."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.looked = 0

    def add(self, prefix: str, secret: str) -> None:
        """Store a key."""
        self.rows[prefix] = {
            "id": uuid4(),
            "tenant_id": uuid4(),
            "secret_sha256": digest_secret(secret),
            "permissions": ["operate"],
            "batch_only": False,
            "contract": {},
            "tenant": "a",
        }

    @asynccontextmanager
    async def connection(self, operation: str) -> AsyncGenerator["FakeDatabase"]:
        """Lend itself."""
        assert operation.startswith("keys.")
        yield self

    async def execute(self, statement: str, values: Mapping[str, Any]) -> FakeCursor:
        """Run one of the statements that `Keys` has."""
        if statement == FIND_KEY:
            self.looked += 1
            return FakeCursor(self.rows.get(values["prefix"]))
        if statement == REVOKE_KEY:
            return FakeCursor(self.rows.pop(values["prefix"], None))
        return FakeCursor(None)


class Clock:
    """Time that tests move."""

    now = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


@pytest.fixture
def database() -> FakeDatabase:
    """An empty database."""
    return FakeDatabase()


@pytest.fixture
def clock() -> Clock:
    """A clock at zero."""
    return Clock()


@pytest.fixture
def keys(database: FakeDatabase, clock: Clock) -> Keys:
    """The keys of that database."""
    return Keys(cast(Database, database), clock=clock)


def add_key(database: FakeDatabase) -> str:
    """Store a new key; return its text."""
    prefix, secret, text = make_key_text()
    database.add(prefix, secret)
    return text


def test_a_key_has_a_prefix_and_256_random_bits_of_their_own() -> None:
    texts = {make_key_text() for _ in range(200)}
    assert len({prefix for prefix, _, _ in texts}) == len({secret for _, secret, _ in texts}) == 200
    for prefix, secret, text in texts:
        assert KEY_PATTERN.fullmatch(text)
        assert text == f"sy_{prefix}_{secret}"
        assert (len(prefix), len(secret)) == (12, 43)


@pytest.mark.requirement("UPL-42.keys")
def test_only_a_hash_of_the_secret_is_made_to_be_stored() -> None:
    _, secret, _ = make_key_text()
    assert digest_secret(secret) == hashlib.sha256(secret.encode()).digest()


@pytest.mark.requirement("UPL-41.keys")
async def test_a_good_key_gives_its_caller(keys: Keys, database: FakeDatabase) -> None:
    text = add_key(database)
    caller = await keys.find(text)
    (row,) = database.rows.values()
    assert (caller.tenant_id, caller.key_id, caller.tenant) == (row["tenant_id"], row["id"], "a")


async def test_a_right_prefix_with_a_wrong_secret_is_unknown(keys: Keys, database: FakeDatabase) -> None:
    text = add_key(database)
    await keys.find(text)
    wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
    with pytest.raises(KeyUnknown):
        await keys.find(wrong)


@given(st.one_of(st.text(max_size=100), st.from_regex(r"sy_[a-z2-7]{10,14}_[\w-]{40,46}\Z"), st.just("' OR 1=1 --")))
async def test_what_is_not_a_key_is_unknown_and_never_breaks(text: str) -> None:
    database = FakeDatabase()
    with pytest.raises(KeyUnknown):
        await Keys(cast(Database, database)).find(text)
    assert database.looked == (1 if KEY_PATTERN.fullmatch(text) else 0)


@pytest.mark.parametrize(
    "text", ["\u0661" * 59, "sy_" + "a" * 12 + "_" + "A" * 43 + "\n", " sy_" + "a" * 12 + "_" + "A" * 43]
)
async def test_a_key_with_anything_around_it_is_not_a_key(keys: Keys, database: FakeDatabase, text: str) -> None:
    with pytest.raises(KeyUnknown):
        await keys.find(text)
    assert database.looked == 0


async def test_a_found_key_is_believed_for_five_seconds_and_not_longer(
    keys: Keys, database: FakeDatabase, clock: Clock
) -> None:
    text = add_key(database)
    await keys.find(text)
    database.rows.clear()
    clock.now = 4.9
    await keys.find(text)
    assert database.looked == 1
    clock.now = 5.0
    with pytest.raises(KeyUnknown):
        await keys.find(text)


async def test_an_unknown_key_is_looked_up_every_time(keys: Keys, database: FakeDatabase) -> None:
    prefix, secret, text = make_key_text()
    with pytest.raises(KeyUnknown):
        await keys.find(text)
    database.add(prefix, secret)
    assert (await keys.find(text)).tenant == "a"


async def test_a_key_revoked_here_is_refused_at_once(keys: Keys, database: FakeDatabase) -> None:
    text, other = add_key(database), add_key(database)
    await keys.find(text)
    await keys.find(other)
    await keys.revoke(text[3:15])
    with pytest.raises(KeyUnknown):
        await keys.find(text)
    assert (await keys.find(other)).tenant == "a"


async def test_revoking_an_unknown_prefix_says_so(keys: Keys) -> None:
    with pytest.raises(KeyUnknown, match="prefix"):
        await keys.revoke("aaaaaaaaaaaa")


async def test_the_memory_of_keys_is_bounded(keys: Keys, database: FakeDatabase) -> None:
    first = add_key(database)
    await keys.find(first)
    row = next(iter(database.rows.values()))
    for _ in range(CACHE_LIMIT):
        prefix, secret, text = make_key_text()
        database.rows = {prefix: row | {"secret_sha256": digest_secret(secret)}}
        await keys.find(text)
    assert len(keys._found) == CACHE_LIMIT  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(KeyUnknown):
        await keys.find(first)
