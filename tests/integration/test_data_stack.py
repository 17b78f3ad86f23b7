"""The servers that integration tests stand on: they answer, and come back after a kill with what they had."""

import io
from collections.abc import Callable

import httpx
import psycopg
import pytest
import redis

from app.cli import build_parser, run
from app.console import Console
from ops.local.stack import Stack

pytestmark = pytest.mark.integration

TABLES = {
    *("tenants", "api_keys", "nodes", "sessions", "runs", "messages", "effects", "routes", "usage", "documents"),
    *("chunks", "jobs", "continuations", "checkpoints", "checkpoint_blobs", "checkpoint_writes"),
    *("procrastinate_jobs", "procrastinate_events", "procrastinate_periodic_defers", "procrastinate_workers"),
}
SELECT_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


@pytest.mark.requirement("INS-33.tables", "INS-35.database")
def test_one_command_makes_every_table_of_an_empty_database(data_stack: Stack) -> None:
    with psycopg.connect(data_stack.layout.bundled_database_url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE never_migrated")
    url = data_stack.layout.bundled_database_url("never_migrated")
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(SELECT_TABLES).fetchall() == []
        said = Console(io.StringIO())
        assert run(build_parser().parse_args(["migrate"]), {"SWITCHYARD_DATABASE_URL": url}, said, said) == 0
        assert {name for (name,) in connection.execute(SELECT_TABLES).fetchall()} >= TABLES


def test_a_new_database_is_empty(new_database: Callable[[], str]) -> None:
    with psycopg.connect(new_database()) as connection:
        assert connection.execute("SELECT count(*) FROM tenants").fetchone() == (0,)


def test_a_new_database_shares_nothing_with_the_others(new_database: Callable[[], str], postgres_url: str) -> None:
    other = new_database()
    with psycopg.connect(other) as connection:
        connection.execute("CREATE TABLE only_here (id int)")
    with psycopg.connect(postgres_url) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM only_here")


@pytest.mark.requirement("FIN-07.kept")
def test_the_two_valkeys_differ_in_what_they_may_forget(valkey_urls: tuple[str, str]) -> None:
    policies: list[object] = []
    for url in valkey_urls:
        with redis.Redis.from_url(url, decode_responses=True) as client:
            policies.append(client.config_get("maxmemory-policy")["maxmemory-policy"])
    assert policies == ["allkeys-lfu", "noeviction"]


def test_every_peer_of_the_vector_store_answers(qdrant_urls: tuple[str, ...]) -> None:
    assert len(qdrant_urls) == 3
    for url in qdrant_urls:
        assert httpx.get(f"{url}/collections", timeout=5).status_code == 200


def test_postgresql_keeps_what_was_committed_before_a_kill(data_stack: Stack, new_database: Callable[[], str]) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    data_stack.kill("postgres")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    data_stack.restart("postgres")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM kept").fetchall() == [(7,)]


def test_the_coordination_valkey_keeps_its_keys_over_a_restart(data_stack: Stack, valkey_urls: tuple[str, str]) -> None:
    with redis.Redis.from_url(valkey_urls[1], decode_responses=True) as client:
        client.set("kept", "yes")
    data_stack.get("valkey-coordination").ask_to_stop()
    data_stack.get("valkey-coordination").stop()
    data_stack.restart("valkey-coordination")
    with redis.Redis.from_url(valkey_urls[1], decode_responses=True) as client:
        assert client.get("kept") == "yes"
