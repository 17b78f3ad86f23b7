"""A removed document leaves nothing of what it said in any store."""

from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import pytest
from psycopg import sql
from redis.asyncio import Redis

from app.ids import JobId, TenantId
from app.retrieval.metadata import read_said
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.fakes.retrieval import pieces
from tests.integration.platforms import Servers, add_caller, opened, settings_for

pytestmark = pytest.mark.integration

TABLES = """
    SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
"""


async def rows_with(platform: Platform, word: str) -> set[str]:
    """The tables of which a row holds a word, whatever its column."""
    async with platform.database.connection("test") as conn:
        tables = [row["table_name"] for row in await (await conn.execute(TABLES)).fetchall()]
        found: set[str] = set()
        for table in tables:
            rows = sql.SQL("SELECT 1 FROM {} t WHERE t::text LIKE %s LIMIT 1").format(sql.Identifier(table))
            cursor = await conn.execute(rows, [f"%{word}%"])
            if await cursor.fetchone() is not None:
                found.add(table)
        return found


async def kept_vectors(servers: Servers, tenant_id: TenantId) -> int:
    """Vectors of a tenant's texts in Redis."""
    async with Redis.from_url(servers.cache_url) as redis:
        asked = redis.execute_command("KEYS", f"sy:vector:{tenant_id.hex}:*")  # pyright: ignore[reportUnknownVariableType]
        return len(await cast("Awaitable[list[bytes]]", asked))


def originals(servers: Servers, tenant_id: TenantId) -> int:
    """Files of a tenant."""
    return sum(path.is_file() for path in (Path(servers.directory) / "blobs" / str(tenant_id)).rglob("*"))


async def test_a_removed_document_is_erased_from_rows_points_originals_and_caches(
    servers: Servers, node: FakeNode
) -> None:
    word = f"plum{uuid4().hex}"
    text = f"# Title of {word}\n\nThe word is {word}.\n\n## More of {word}\n\nNothing else.\n"
    async with opened(settings_for(servers, node)) as (platform,):
        tenant_id = (await add_caller(platform)).tenant_id
        said = partial(read_said, {"note": word}, f"set of {word}")
        for content in (text, f"{text}\nA second version.\n"):
            upload = await platform.documents.add(tenant_id, "plum.md", "", pieces(content.encode()), said=said)
            await platform.workers.run(JobId(UUID(str(upload.job_id))))
        assert await rows_with(platform, word) == {"documents", "document_texts", "chunks"}
        assert await platform.editions.peers.count(tenant_id) > 0
        assert await kept_vectors(servers, tenant_id) > 0
        assert originals(servers, tenant_id) > 0
        assert await platform.documents.remove(tenant_id, upload.document_id)
        assert await rows_with(platform, word) == set()
        assert await platform.editions.peers.count(tenant_id) == 0
        assert await kept_vectors(servers, tenant_id) == 0
        assert originals(servers, tenant_id) == 0
