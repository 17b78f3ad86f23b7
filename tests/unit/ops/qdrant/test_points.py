"""Ids, shards and vectors of points."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.local.qdrant.faults import Fault
from ops.local.qdrant.filters import engine_filter
from ops.local.qdrant.points import engine_vector, payload_wanted, point_id, shard_of
from ops.local.qdrant.requests import (
    Condition,
    CreateCollection,
    DenseParams,
    Filter,
    Match,
    SparseParams,
    SparseVector,
)

CREATED = CreateCollection(
    vectors={"dense": DenseParams(size=2, distance="Cosine")}, sparse_vectors={"bm25": SparseParams(modifier="idf")}
)


@pytest.mark.parametrize("given_id", [0, 2**64 - 1, "00000000-0000-0000-0000-000000000001"])
def test_an_id_is_a_number_or_a_uuid(given_id: int | str) -> None:
    assert point_id(given_id) == (UUID(given_id) if isinstance(given_id, str) else given_id)


@pytest.mark.parametrize("given_id", [-1, 2**64, "", "nope"])
def test_anything_else_is_no_id(given_id: int | str) -> None:
    with pytest.raises(Fault, match="is not a valid point ID"):
        point_id(given_id)


@given(st.uuids(), st.integers(1, 12))
def test_a_point_stays_in_its_shard(identity: UUID, shard_number: int) -> None:
    shard = shard_of(identity, shard_number)
    assert 0 <= shard < shard_number
    assert shard == shard_of(UUID(str(identity)), shard_number)


def test_points_spread_over_all_shards() -> None:
    counts = [0] * 6
    for number in range(3000):
        counts[shard_of(number, 6)] += 1
    assert min(counts) > 400


def test_the_shard_of_an_id_never_changes_between_releases() -> None:
    assert [shard_of(one, 6) for one in (0, 1, 2, UUID(int=1), UUID(int=2))] == [1, 2, 2, 4, 1]


@pytest.mark.parametrize(
    ("name", "vector", "text"),
    [
        ("dense", [1.0], "expected dim: 2, got 1"),
        ("nope", [1.0, 2.0], "Not existing vector name error: nope"),
        ("nope", SparseVector([1], [1.0]), "Not existing vector name error: nope"),
        ("bm25", [1.0, 2.0], "Conversion between sparse and regular vectors failed"),
        ("dense", SparseVector([1], [1.0]), "Conversion between sparse and regular vectors failed"),
        ("bm25", SparseVector([1], []), r"p\.values: Validation error: must be the same length"),
        ("bm25", SparseVector([1, 1], [1.0, 2.0]), r"p\.indices: Validation error: must be unique"),
    ],
)
def test_a_vector_that_does_not_fit_is_refused(name: str, vector: list[float] | SparseVector, text: str) -> None:
    with pytest.raises(Fault, match=text):
        engine_vector(name, vector, CREATED, where="p")


def test_payload_is_wanted_as_the_route_has_it_by_default() -> None:
    assert payload_wanted(None, default=True) is True
    assert payload_wanted(None, default=False) is False
    assert payload_wanted(["a"], default=True) == ["a"]


def test_no_filter_stays_none_and_two_must_both_hold() -> None:
    one = Filter(must=Condition(key="a", match=Match(value="b")))
    assert engine_filter(None, None) is None
    both = engine_filter(one, None, one)
    assert both is not None
    assert len(both.must or []) == 2


@pytest.mark.parametrize(
    "condition",
    [
        Condition(),
        Condition(key="a"),
        Condition(key="a", match=Match()),
        Condition(key="a", match=Match(value="b", any=["c"])),
        Condition(key="a", match=Match(any=["b", 1])),
        Condition(has_id=[1], key="a", match=Match(value="b")),
    ],
)
def test_a_condition_of_no_one_form_is_refused(condition: Condition) -> None:
    with pytest.raises(Fault, match="Format error in JSON body"):
        engine_filter(Filter(must=[condition]))
