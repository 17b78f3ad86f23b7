"""How a collection differs from the settings, and which copies of its shards are begun."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import models

from app.retrieval.shape import Copy, Placed, Shape, compare, copies_for, missing_copies

WANTED = Shape(dense_size=8, shard_number=3, replication_factor=2)


def described(
    *, size: int = 8, shards: int = 3, copies: int = 2, writes: int = 1, modifier: str | None = "idf"
) -> models.CollectionInfo:
    """A collection as Qdrant describes it."""
    return models.CollectionInfo.model_validate(
        {
            "status": "green",
            "optimizer_status": "ok",
            "segments_count": 1,
            "config": {
                "params": {
                    "vectors": {"dense": {"size": size, "distance": "Cosine"}},
                    "sparse_vectors": {"bm25": {"modifier": modifier}},
                    "shard_number": shards,
                    "replication_factor": copies,
                    "write_consistency_factor": writes,
                    "on_disk_payload": True,
                },
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
                "optimizer_config": {
                    "deleted_threshold": 0.2,
                    "vacuum_min_vector_number": 1000,
                    "default_segment_number": 0,
                    "indexing_threshold": 10000,
                    "flush_interval_sec": 5,
                },
                "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            },
            "payload_schema": {"tenant_id": {"data_type": "keyword", "points": 0}},
        }
    )


def told(found: models.CollectionInfo) -> tuple[list[str], list[str], list[str]]:
    """The differences in words, by what follows."""
    drift = compare(found, WANTED)
    return [*map(str, drift.in_place)], [*map(str, drift.shape)], [*map(str, drift.vectors)]


def test_a_collection_as_the_settings_say_differs_in_nothing() -> None:
    assert told(described()) == ([], [], [])


def test_numbers_of_copies_are_changed_in_place() -> None:
    in_place = ["replication_factor is 1, not 2", "write_consistency_factor is 2, not 1"]
    assert told(described(copies=1, writes=2)) == (in_place, [], [])


@pytest.mark.parametrize(("peers", "copies"), [(1, 1), (2, 2), (3, 2), (9, 2)])
def test_a_shard_has_two_copies_where_there_are_two_peers(peers: int, copies: int) -> None:
    assert copies_for(peers) == copies


@pytest.mark.parametrize(("copies", "written"), [(1, 1), (2, 1), (3, 2), (4, 2), (9, 2)])
def test_a_write_needs_no_copy_more_than_there_are_with_one_lost(copies: int, written: int) -> None:
    assert Shape(8, 3, copies).write_consistency_factor == written


def test_another_number_of_copies_may_have_to_take_a_write() -> None:
    assert Shape(8, 3, 3, written=3).write_consistency_factor == 3
    assert Shape(8, 3, 3, written=1).write_consistency_factor == 1


def test_another_number_of_shards_needs_a_new_collection_and_is_still_read() -> None:
    assert told(described(shards=6)) == ([], ["shard_number is 6, not 3"], [])


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (described(size=4), "vector size is 4, not 8"),
        (described(modifier=None), "sparse modifier is None, not idf"),
    ],
)
def test_vectors_of_another_kind_cannot_be_asked(found: models.CollectionInfo, words: str) -> None:
    assert told(found) == ([], [], [words])


def test_a_missing_copy_goes_to_the_peer_that_holds_least() -> None:
    placed = [Placed(0, 1, True), Placed(1, 1, True), Placed(2, 2, True)]
    assert missing_copies(placed, [1, 2, 3], 2) == [Copy(0, 1, 3), Copy(1, 1, 2), Copy(2, 2, 3)]


def test_a_copy_under_way_is_waited_for() -> None:
    placed = [Placed(0, 1, True), Placed(0, 2, False)]
    assert missing_copies(placed, [1, 2, 3], 3) == []


def test_nothing_is_copied_from_a_copy_that_is_not_whole_or_from_a_peer_that_left() -> None:
    assert missing_copies([Placed(0, 1, False)], [1, 2], 2) == []
    assert missing_copies([Placed(0, 9, True)], [1, 2], 2) == []


@given(
    shards=st.integers(1, 8),
    peers=st.integers(1, 5),
    factor=st.integers(1, 6),
    held=st.data(),
)
def test_rounds_end_with_every_shard_at_its_factor_or_on_every_peer(
    shards: int, peers: int, factor: int, held: st.DataObject
) -> None:
    everyone = list(range(1, peers + 1))
    placed = [Placed(shard, held.draw(st.sampled_from(everyone)), is_whole=True) for shard in range(shards)]
    for _ in range(factor):
        placed += [Placed(copy.shard, copy.target, is_whole=True) for copy in missing_copies(placed, everyone, factor)]
    assert missing_copies(placed, everyone, factor) == []
    for shard in range(shards):
        copies = [one.peer for one in placed if one.shard == shard]
        assert len(copies) == len(set(copies)) == min(factor, peers)
