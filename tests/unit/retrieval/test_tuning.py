"""What of a collection's vectors is not as the settings say, and what Qdrant is told then."""

from typing import Any

import msgspec
import pytest
from qdrant_client import models

from app.retrieval.shape import compare
from app.retrieval.tuning import Quantization, Tuning, change_of, quantization_of, search_params
from tests.unit.retrieval.test_shape import WANTED, described

SCALAR: dict[str, Any] = {"scalar": {"type": "int8", "always_ram": True}}
QUANTISED = Tuning(quantization=Quantization.SCALAR)


def told(tuning: Tuning, *, dense: dict[str, Any] | None = None, **config: Any) -> list[str]:  # noqa: ANN401 - parts of a body
    """The differences of a collection whose vector and whose configuration say this."""
    found = described().model_dump(exclude_none=True)
    found["config"]["params"]["vectors"]["dense"].update(dense or {})
    for part, given in config.items():
        found["config"].setdefault(part, {}).update(given)
    wanted = msgspec.structs.replace(WANTED, tuning=tuning)
    return [str(one) for one in compare(models.CollectionInfo.model_validate(found), wanted).in_place]


@pytest.mark.parametrize(
    ("tuning", "words"),
    [
        (Tuning(), []),
        (QUANTISED, ["quantization is none, not scalar"]),
        (Tuning(quantization=Quantization.BINARY), ["quantization is none, not binary"]),
        (Tuning(hnsw_m=32), ["m is 16, not 32"]),
        (Tuning(hnsw_ef_construct=200), ["ef_construct is 100, not 200"]),
        (Tuning(on_disk=True), ["on_disk is False, not True"]),
        (Tuning(on_disk_payload=False), ["on_disk_payload is True, not False"]),
        (Tuning(indexing_threshold=0), ["indexing_threshold is 10000, not 0"]),
        (Tuning(hnsw_ef=64, rescore=False, oversampling=3.0, always_ram=False), []),
    ],
)
def test_each_setting_of_the_vectors_is_compared_and_what_a_search_says_is_not(
    tuning: Tuning, words: list[str]
) -> None:
    assert told(tuning) == words


def test_where_short_vectors_are_kept_is_compared_where_there_are_any() -> None:
    unpinned = Tuning(quantization=Quantization.SCALAR, always_ram=False)
    assert told(QUANTISED, quantization_config=SCALAR) == []
    assert told(unpinned, quantization_config=SCALAR) == ["always_ram is True, not False"]
    assert told(Tuning(), quantization_config=SCALAR) == ["quantization is scalar, not none"]


def test_what_the_vector_says_for_itself_wins() -> None:
    own = {"hnsw_config": {"m": 8}, "quantization_config": {"binary": {"always_ram": True}}}
    assert told(QUANTISED, dense=own, quantization_config=SCALAR) == [
        "quantization is binary, not scalar",
        "m is 8, not 16",
    ]


@pytest.mark.parametrize(
    ("dense", "config", "words"),
    [
        ({"on_disk": False, "memory": "cold"}, {}, ["on_disk is True, not False"]),
        ({"on_disk": True, "memory": "cached"}, {}, []),
        (
            {},
            {"params": {"on_disk_payload": True, "payload": {"memory": "cached"}}},
            ["on_disk_payload is False, not True"],
        ),
    ],
)
def test_the_newer_word_for_a_place_wins(dense: dict[str, Any], config: dict[str, Any], words: list[str]) -> None:
    assert told(Tuning(), dense=dense, **config) == words


def test_a_change_replaces_what_the_vector_says_for_itself_and_nothing_more() -> None:
    plain = models.VectorParams(size=8, distance=models.Distance.COSINE)
    own = plain.model_copy(
        update={"hnsw_config": models.HnswConfigDiff(m=8), "quantization_config": quantization_of(QUANTISED)}
    )
    assert change_of(plain, Tuning()).model_dump(exclude_none=True) == {"on_disk": False, "memory": "cached"}
    assert change_of(own, Tuning(on_disk=True)).model_dump(exclude_none=True) == {
        "on_disk": True,
        "memory": "cold",
        "hnsw_config": {"m": 16, "ef_construct": 100},
        "quantization_config": "Disabled",
    }


def test_a_search_says_only_what_is_set() -> None:
    assert search_params(Tuning()) is None
    assert search_params(Tuning(quantization=Quantization.BINARY, oversampling=3.0)) == models.SearchParams(
        quantization=models.QuantizationSearchParams(rescore=True, oversampling=3.0)
    )
    assert search_params(Tuning(hnsw_ef=512)) == models.SearchParams(hnsw_ef=512)
