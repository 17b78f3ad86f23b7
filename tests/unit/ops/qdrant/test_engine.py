"""The engine's thread, and indexes built in quiet times."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from ops.local.qdrant.catalog import Catalog
from ops.local.qdrant.engine import Engine
from ops.local.qdrant.requests import CreateCollection, PointStruct, QueryPoints, UpsertPoints
from ops.local.qdrant.search import query
from ops.local.qdrant.tuning import DenseParams

CREATED = CreateCollection(vectors={"dense": DenseParams(size=2, distance="Euclid")}, shard_number=2)
POINTS = UpsertPoints([PointStruct(id=number, vector={"dense": [float(number), 0.0]}) for number in range(20)])


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncGenerator[Engine]:
    """An engine with one filled collection that calls a moment of quiet a quiet time."""
    engine = Engine(Catalog(tmp_path), quiet_s=0.01)
    await engine.run(engine.catalog.open)
    await engine.run(engine.catalog.create, "one", CREATED)
    await engine.run(engine.catalog.get("one").upsert, POINTS)
    yield engine
    await engine.close()


async def test_indexes_are_built_once_it_is_quiet(engine: Engine) -> None:
    collection = engine.catalog.get("one")
    assert collection.unoptimized
    optimizer = asyncio.create_task(engine.optimize_when_quiet())
    async with asyncio.timeout(10.0):
        while collection.unoptimized:  # noqa: ASYNC110 - the thread has no event to wait for
            await asyncio.sleep(0.01)
    optimizer.cancel()
    await engine.run(collection.upsert, POINTS)
    assert collection.unoptimized


async def test_indexes_are_built_at_once_when_that_is_asked_for(engine: Engine) -> None:
    await engine.optimize()
    assert not engine.catalog.get("one").unoptimized


async def test_building_stops_as_soon_as_something_is_asked(engine: Engine) -> None:
    collection = engine.catalog.get("one")
    await engine.run(collection.optimize, lambda: True)
    assert collection.unoptimized


async def test_the_nearest_by_distance_has_the_smallest_score(engine: Engine) -> None:
    asked = QueryPoints(query=[3.2, 0.0], using="dense", limit=3)
    found = await engine.run(query, engine.catalog.get("one"), asked)
    assert [point.id for point in found] == [3, 4, 2]
    assert [point.score for point in found] == pytest.approx([0.2, 0.8, 1.2], abs=1e-5)
