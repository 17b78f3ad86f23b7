"""Fixtures of the retrieval tests: real PostgreSQL, the vector store, a directory, no model."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from app.postgres import make_pool
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.shape import Shape
from app.retrieval.tuning import Tuning
from app.telemetry.metrics import Metrics
from tests.fakes.retrieval import DENSE_SIZE, Retrieval


async def open_index(
    urls: tuple[str, ...],
    *,
    collection: str = "retrieval_tests",
    shards: int = 2,
    copies: int = 1,
    size: int = DENSE_SIZE,
    tuning: Tuning | None = None,
) -> QdrantPeers:
    """A client of a collection, by default of the one that the retrieval tests share."""
    # Clients read files when they are made: once, before anything is served.
    return await asyncio.to_thread(
        QdrantPeers,
        urls,
        api_key=None,
        collection=collection,
        shape=Shape(size, shards, copies, tuning=tuning or Tuning()),
        metrics=Metrics(CollectorRegistry()),
    )


@pytest.fixture
async def retrieval(postgres_url: str, qdrant_urls: tuple[str, ...], tmp_path: Path) -> AsyncGenerator[Retrieval]:
    """Retrieval over the stores of the session."""
    index = await open_index(qdrant_urls)
    async with make_pool(postgres_url, size=4, wait_s=5.0) as pool:
        made = Retrieval(pool, index, tmp_path / "blobs")
        await made.editions.ensure()
        yield made
    await index.close()


@pytest.fixture
async def alone(retrieval: Retrieval, new_database: Callable[[], str], tmp_path: Path) -> AsyncGenerator[Retrieval]:
    """Retrieval over a database of the test's own: rounds go through the documents of every tenant."""
    async with make_pool(new_database(), size=2, wait_s=5.0) as pool:
        made = Retrieval(pool, retrieval.index, tmp_path / "alone")
        await made.editions.ensure()
        yield made
