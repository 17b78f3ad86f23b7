"""`switchyard retrieval show|rebuild|reindex` over a collection that was made under other settings."""

import asyncio
import io
from collections.abc import Callable

import psycopg
import pytest

from app.cli import build_parser, run
from app.console import Console
from tests.contract.qdrant_server import Double
from tests.integration.test_collection import asked, with_points
from tests.integration.test_collection import clean as clean
from tests.integration.test_collection import double as double
from tests.integration.test_qdrant_peers import ONE, SIZE

pytestmark = pytest.mark.integration


def command(double: Double, database_url: str, *arguments: str, **settings: object) -> tuple[int, str, str]:
    """Run `switchyard retrieval`; return its status, output and notes."""
    out, notes = io.StringIO(), io.StringIO()
    environ = {f"SWITCHYARD_{name.upper()}": str(value) for name, value in settings.items()} | {
        "SWITCHYARD_DATABASE_URL": database_url,
        "SWITCHYARD_QDRANT_URLS": str(settings.get("qdrant_urls", ",".join(double.urls))),
        "SWITCHYARD_QDRANT_COLLECTION": "chunks",
        "SWITCHYARD_EMBED_SIZE": str(settings.get("embed_size", SIZE)),
    }
    status = run(build_parser().parse_args(["retrieval", *arguments]), environ, Console(out), Console(notes))
    return status, out.getvalue(), notes.getvalue()


def test_the_command_shows_and_rebuilds_the_collection(double: Double, new_database: Callable[[], str]) -> None:
    url = new_database()
    asyncio.run(with_points(double))
    wanted = {"qdrant_shard_number": 4, "qdrant_replication_factor": 2}
    status, out, _ = command(double, url, "show", **wanted)
    assert (status, out.splitlines()) == (
        0,
        [
            "collection chunks_v1: 300 points",
            "  replication_factor is 1, not 2",
            "  shard_number is 3, not 4",
            "  3 of 6 copies of shards are whole",
            "`switchyard retrieval rebuild` builds it as the settings say",
        ],
    )
    status, out, notes = command(double, url, "rebuild", **wanted)
    assert (status, out) == (0, "chunks_e1_v2 takes the place of chunks_v1, with 300 points\n")
    assert notes.splitlines()[-1] == "300 of 300 points copied"
    assert command(double, url, "rebuild", **wanted)[:2] == (0, "the collection is as the settings say\n")


def test_a_store_that_is_away_is_told_with_its_address_and_its_cause(
    double: Double, new_database: Callable[[], str]
) -> None:
    gone = "http://127.0.0.1:1"
    assert command(double, new_database(), "show", qdrant_urls=gone) == (
        1,
        "",
        f"switchyard: qdrant aliases: connection refused ({gone}); start the server, or correct its address and port\n",
    )


@pytest.mark.requirement("FIN-52.copies", "ORC-87.vector-store")
def test_without_a_setting_three_peers_hold_two_copies_of_a_shard(
    double: Double, new_database: Callable[[], str]
) -> None:
    asyncio.run(with_points(double, 10))
    status, out, _ = command(double, new_database(), "show", qdrant_shard_number=3)
    assert (status, out.splitlines()[1:]) == (
        0,
        ["  replication_factor is 1, not 2", "  3 of 6 copies of shards are whole"],
    )


def with_documents(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """Add two documents that are ready, and one that failed."""
    conn.execute("INSERT INTO tenants (id, name) VALUES (%s, 'old')", [ONE])
    for number, state in enumerate(("ready", "ready", "failed")):
        conn.execute(
            "INSERT INTO documents (id, tenant_id, name, media_type, sha256, size_bytes, version, state)"
            " VALUES (gen_random_uuid(), %s, %s, 'text/plain', %s, 1, 1, %s)",
            [ONE, f"{number}.txt", bytes([number]), state],
        )


def test_a_setting_of_another_embedding_takes_nothing_away_and_is_told(
    double: Double, new_database: Callable[[], str]
) -> None:
    url = new_database()
    asyncio.run(with_points(double, 10))
    other = {"qdrant_shard_number": 3, "embed_size": SIZE + 1, "embed_model": "other:1b"}
    with psycopg.connect(url, autocommit=True) as conn:
        with_documents(conn)
        conn.execute("UPDATE documents SET embed_model = 'all-minilm:22m'")
        assert command(double, url, "rebuild", **other)[:2] == (0, "the collection is as the settings say\n")
        status, out, _ = command(double, url, "show", **other)
    assert status == 0
    assert out.splitlines() == [
        f"edition 1 serves: all-minilm:22m, {SIZE} dimensions",
        "  2 of 2 documents",
        "collection chunks_v1: 10 points",
        "  3 of 6 copies of shards are whole",
        "SWITCHYARD_EMBED_MODEL is other:1b: `switchyard retrieval swap other:1b` goes over to it",
    ]


def test_a_reindex_makes_a_lost_collection_and_has_every_ready_document_embedded_anew(
    double: Double, new_database: Callable[[], str]
) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as conn:
        with_documents(conn)
        said = "the worker embeds 2 documents anew; `switchyard retrieval show` says how far it is\n"
        assert command(double, url, "reindex") == (0, said, "")
        conn.execute("INSERT INTO document_editions SELECT id, tenant_id, 1, 1, now() FROM documents")
        assert command(double, url, "reindex")[1] == said
        assert conn.execute("SELECT count(*) FROM document_editions").fetchone() == (0,)
    assert asked(double, "/aliases")["aliases"] == [
        {"alias_name": "chunks", "collection_name": "chunks_e1_v1"},
        {"alias_name": "chunks_e1", "collection_name": "chunks_e1_v1"},
    ]
