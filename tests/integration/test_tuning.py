"""How vectors are kept and indexed follows the settings, while the collection serves."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from app.retrieval.tuning import Quantization, Tuning
from tests.contract.qdrant_server import Double, running_double
from tests.integration.test_collection import asked, found, opened, with_points
from tests.integration.test_collection_command import command
from tests.integration.test_qdrant_peers import FIRST, ONE

pytestmark = pytest.mark.integration


@pytest.fixture
def double(tmp_path: Path) -> Generator[Double]:
    """Three peers."""
    with running_double(tmp_path) as running:
        yield running


def change(double: Double, collection: str, diff: object) -> None:
    """Change a collection as an operator may."""
    assert httpx.patch(f"{double.urls[0]}/collections/{collection}", json=diff).json()["result"] is True


@pytest.mark.parametrize(
    "tuning",
    [
        Tuning(quantization=Quantization.SCALAR, on_disk=True, hnsw_m=24, hnsw_ef_construct=128, hnsw_ef=64),
        Tuning(quantization=Quantization.BINARY, always_ram=False, on_disk_payload=False, indexing_threshold=1),
    ],
    ids=["scalar", "binary"],
)
async def test_how_vectors_are_kept_is_changed_in_place_and_every_point_is_found_all_the_while(
    double: Double, tuning: Tuning
) -> None:
    await with_points(double)
    async with opened(double) as before:
        whole = await found(before)
        with structlog.testing.capture_logs() as lines:
            async with opened(double, tuning=tuning) as qdrant:
                await qdrant.ensure_collection()
                assert await found(qdrant) == await found(before) == whole
                assert await qdrant.count(ONE, FIRST) == 300
                state = await qdrant.state()
                await qdrant.ensure_collection()
    assert (state.in_place, state.rebuild) == ((), ())
    changed = [line["changed"] for line in lines if line["event"] == "collection.changed"]
    assert [one.split(";")[0] for one in changed] == [f"quantization is none, not {tuning.quantization}"]


async def test_what_was_changed_by_hand_is_as_the_settings_say_after_the_next_start(double: Double) -> None:
    await with_points(double, 10)
    by_hand: dict[str, Any] = {
        "hnsw_config": {"m": 4},
        "vectors": {"dense": {"hnsw_config": {"m": 8}, "quantization_config": {"binary": {}}, "memory": "cold"}},
    }
    change(double, "chunks_v1", by_hand)
    async with opened(double) as qdrant:
        assert (await qdrant.state()).in_place == (
            "quantization is binary, not none",
            "m is 8, not 16",
            "on_disk is True, not False",
        )
        await qdrant.ensure_collection()
        assert (await qdrant.state()).in_place == ()


@pytest.mark.requirement("FIN-94.parameters")
def test_without_a_setting_the_index_has_its_stated_parameters(double: Double, new_database: Callable[[], str]) -> None:
    assert command(double, new_database(), "rebuild")[0] == 0
    config = asked(double, "/collections/chunks")["config"]
    assert (config["hnsw_config"]["m"], config["hnsw_config"]["ef_construct"]) == (16, 200)
    assert config["quantization_config"] is None


def test_settings_of_the_vectors_reach_the_collection(double: Double, new_database: Callable[[], str]) -> None:
    said = {
        "qdrant_quantization": "scalar",
        "qdrant_always_ram": "false",
        "qdrant_hnsw_m": 32,
        "qdrant_hnsw_ef_construct": 128,
        "qdrant_on_disk": "true",
        "qdrant_on_disk_payload": "false",
        "qdrant_indexing_threshold": 5,
        "qdrant_replication_factor": 3,
        "qdrant_write_consistency_factor": 3,
    }
    assert command(double, new_database(), "rebuild", **said)[0] == 0
    config = asked(double, "/collections/chunks")["config"]
    assert config["quantization_config"] == {"scalar": {"type": "int8", "always_ram": False}}
    assert (config["hnsw_config"]["m"], config["hnsw_config"]["ef_construct"]) == (32, 128)
    assert config["optimizer_config"]["indexing_threshold"] == 5
    params = config["params"]
    assert (params["vectors"]["dense"]["on_disk"], params["on_disk_payload"]) == (True, False)
    assert (params["replication_factor"], params["write_consistency_factor"]) == (3, 3)
