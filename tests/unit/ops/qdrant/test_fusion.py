"""Merging over shards and reciprocal rank fusion."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.local.qdrant.fusion import Id, Scored, id_key, merge, position_score, rrf

ids = st.one_of(st.integers(0, 2**64 - 1), st.uuids())
ranked = st.lists(st.tuples(ids, st.floats(-1, 1)), unique_by=lambda one: one[0], max_size=12)


def found(*identities: Id) -> list[Scored]:
    """A ranked list; what it was ranked by does not matter to a fusion."""
    return [Scored(id=one, version=1, score=0.0) for one in identities]


def points(pairs: list[tuple[Id, float]]) -> list[Scored]:
    """Points with scores."""
    return [Scored(id=one, version=1, score=score) for one, score in pairs]


def test_the_first_of_a_list_adds_one_over_k() -> None:
    assert [position_score(place, 2, 1.0) for place in range(3)] == [1 / 2, 1 / 3, 1 / 4]


def test_a_list_of_double_weight_counts_its_places_half() -> None:
    assert position_score(1, 2, 2.0) == position_score(0, 2, 1.0)
    assert position_score(0, 2, 0.0) == 0.0


def test_a_point_of_two_lists_has_the_sum_of_both_places() -> None:
    fused = rrf([found(1, 2, 3), found(3, 1)], k=2, weights=None)
    assert [(one.id, one.score) for one in fused] == [
        (1, pytest.approx(1 / 2 + 1 / 3)),
        (3, pytest.approx(1 / 4 + 1 / 2)),
        (2, pytest.approx(1 / 3)),
    ]


@given(st.lists(ranked, min_size=1, max_size=4), st.integers(1, 100))
def test_a_fusion_keeps_every_point_once_and_is_sorted(lists: list[list[tuple[Id, float]]], k: int) -> None:
    fused = rrf([points(one) for one in lists], k=k, weights=None)
    identities = [one.id for one in fused]
    assert len(identities) == len(set(identities))
    assert set(identities) == {identity for one in lists for identity, _ in one}
    assert [one.score for one in fused] == sorted((one.score for one in fused), reverse=True)


@given(pairs=ranked, shard_number=st.integers(1, 5), take=st.integers(1, 15), larger_better=st.booleans())
def test_a_merge_over_shards_equals_a_sort_of_all(
    pairs: list[tuple[Id, float]], shard_number: int, take: int, *, larger_better: bool
) -> None:
    whole = sorted(points(pairs), key=lambda one: (one.score, id_key(one.id)), reverse=larger_better)
    shards = [points(pairs[number::shard_number]) for number in range(shard_number)]
    assert merge(shards, take=take, larger_better=larger_better) == whole[:take]


def test_numbers_come_before_uuids() -> None:
    assert sorted([UUID(int=0), 2**64 - 1, UUID(int=5), 0], key=id_key) == [0, 2**64 - 1, UUID(int=0), UUID(int=5)]
