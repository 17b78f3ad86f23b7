"""Fixtures of the retrieval tests: real PostgreSQL, the vector store, a directory, no model."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from app.postgres import make_pool
from app.retrieval.qdrant import QdrantPeers
from app.telemetry.metrics import Metrics
from tests.fakes.retrieval import DENSE_SIZE, Retrieval


async def open_index(
    urls: tuple[str, ...],
    *,
    collection: str = "retrieval_tests",
    shards: int = 2,
    copies: int = 1,
    size: int = DENSE_SIZE,
) -> QdrantPeers:
    """A client of a collection, by default of the one that the retrieval tests share."""
    # Clients read files when they are made: once, before anything is served.
    return await asyncio.to_thread(
        QdrantPeers,
        urls,
        api_key=None,
        collection=collection,
        shard_number=shards,
        replication_factor=copies,
        dense_size=size,
        metrics=Metrics(CollectorRegistry()),
    )


@pytest.fixture
async def retrieval(postgres_url: str, qdrant_urls: tuple[str, ...], tmp_path: Path) -> AsyncGenerator[Retrieval]:
    """Retrieval over the stores of the session."""
    index = await open_index(qdrant_urls)
    await index.ensure_collection()
    async with make_pool(postgres_url, size=4, wait_s=5.0) as pool:
        yield Retrieval(pool, index, tmp_path / "blobs")
    await index.close()
