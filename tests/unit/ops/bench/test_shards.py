"""What is right, what is found and what is said of retrieval over three shards."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient

from app.errors import StoreUnavailable
from app.retrieval.index import Index
from app.retrieval.shape import Shape
from ops.bench.clustered import OTHERS, SIZE, Made, make, point_id, recall
from ops.bench.goals import Verdict
from ops.bench.points import Unmeasured
from ops.bench.shard_stores import ONE_URL, SERVER, SHARDS_URL, open_stores
from ops.bench.shards import Asked, Extent, Questions, Sharded, Way, check
from ops.bench.shards_tables import shards_goals, shards_tables

POINTS = 300
A, B, C = (UUID(int=number) for number in (1, 2, 3))
GOOD = Asked(Way.THREE, 1.0, 0.995, 0.004, 0.011, 0.02, 0.03)
T = TypeVar("T")


@pytest.fixture(scope="module")
def made() -> Made:
    """A few points and questions."""
    return make(POINTS, 5, 1)


def sharded(three: Asked, away: Asked | None) -> Sharded:
    """Two rounds, in which one node takes 10 ms for the nearest points and 30 ms for a whole question."""
    asked = [replace(GOOD, way=Way.ONE, nearest_p95_s=0.010), three, *([away] if away else [])]
    return Sharded(SERVER, Extent(100_000, 200), 60.0, 90.0, tuple(asked) * 2)


def judged(three: Asked = GOOD, away: Asked | None = None) -> dict[str, Verdict]:
    """Return the verdicts by what they are about."""
    return {goal.what: goal.verdict for goal in shards_goals(sharded(three, away))}


async def nobody(
    operation: str, _request: Callable[[AsyncQdrantClient], Awaitable[T]], _limit_s: float | None = None
) -> T:
    """Ask peers of which none answers."""
    raise StoreUnavailable(operation, store="qdrant")


def test_recall_is_the_share_of_the_nearest_that_was_found() -> None:
    assert recall([[A, B], [C]], [frozenset({A, C}), frozenset({B, C})]) == 0.5
    assert recall([[A, C], [C, B]], [frozenset({A, C}), frozenset({B, C})]) == 1.0
    assert recall([(), ()], [frozenset({A}), frozenset({B})]) == 0.0


def test_there_is_no_recall_without_a_question_or_with_an_answer_too_few() -> None:
    with pytest.raises(ValueError, match="no question"):
        recall([], [])
    with pytest.raises(ValueError, match="argument 2"):
        recall([[A]], [frozenset({A}), frozenset({B})])


def test_the_nearest_are_the_askers_points_of_the_highest_cosines(made: Made) -> None:
    owned = made.owned()
    for question, nearest in zip(made.questions, made.nearest(10), strict=True):
        ordered = np.argsort(-(made.points @ question))
        best = [point_id(int(number)) for number in ordered if point_id(int(number)) in owned]
        assert nearest == frozenset(best[:10])


def test_every_second_point_is_the_askers_and_no_document_is_of_two_tenants(made: Made) -> None:
    points = [*made.batch(0, 200), *made.batch(200, 1_000)]
    assert len({point.id for point in points}) == POINTS
    assert {point.id for point in points if point.tenant_id == made.asker} == made.owned()
    assert len(made.owned()) == POINTS // 2
    assert len({point.tenant_id for point in points}) == 1 + OTHERS
    owners = {(point.document_id, point.tenant_id) for point in points}
    assert len(owners) == len({document for document, _ in owners})


def test_points_are_unit_vectors_with_words_and_the_same_for_the_same_seed(made: Made) -> None:
    again, other = make(POINTS, 5, 1), make(POINTS, 5, 2)
    assert np.array_equal(made.points, again.points)
    assert made.words == again.words
    assert not np.array_equal(made.points, other.points)
    assert made.points.shape == (POINTS, SIZE)
    assert np.linalg.norm(made.points, axis=1) == pytest.approx(1.0, abs=1e-4)
    assert all(point.sparse.indices for point in made.batch(0, POINTS))


@pytest.mark.parametrize(
    ("found", "said"), [([A], "gave 1 points"), ([A, A], "2 with repetitions"), ([A, C], "1 points of another tenant")]
)
def test_an_answer_has_so_many_points_each_once_and_all_of_the_tenant(found: list[UUID], said: str) -> None:
    with pytest.raises(Unmeasured, match=said):
        check(found, {A, B}, 2, 2)
    check([A, B], {A, B}, 2, 2)
    check(None, {A, B}, 2, 2)


async def test_a_question_may_stay_without_an_answer_only_while_a_peer_is_away(made: Made) -> None:
    index = Index(nobody, "c", Shape(SIZE, 3, 2), timeout_s=1.0, clock=lambda: 0.0)
    asked = await Questions(made).ask(Way.AWAY, index)
    assert (asked.answered, asked.recall) == (0.0, 0.0)
    with pytest.raises(StoreUnavailable):
        await Questions(made).ask(Way.THREE, index)


def test_three_shards_are_judged_by_what_they_find_and_how_late() -> None:
    assert set(judged().values()) == {Verdict.AIM}
    bad = replace(GOOD, recall=0.97, nearest_p95_s=0.017, whole_p95_s=0.048)
    verdicts = judged(bad)
    assert verdicts["recall@10 over three shards ÷ exact"] is Verdict.MISSED
    assert verdicts["p95 of three shards ÷ one node"] is Verdict.MISSED
    assert verdicts["the same, candidates by meaning and by words"] is Verdict.MUST


def test_a_lost_peer_is_judged_where_one_was_lost_and_no_question_may_stay_open() -> None:
    what = "share of questions answered with one of three peers away"
    assert what not in judged()
    away = replace(GOOD, way=Way.AWAY)
    assert judged(away=away)[what] is Verdict.AIM
    assert judged(away=replace(away, answered=0.995))[what] is Verdict.MISSED


def test_the_table_shows_each_way_beside_one_node_and_says_what_was_asked() -> None:
    (table,) = shards_tables(sharded(GOOD, replace(GOOD, way=Way.AWAY, answered=0.5)))
    assert [row[:2] for row in table.rows] == [(Way.ONE, "100.0%"), (Way.THREE, "100.0%"), (Way.AWAY, "50.0%")]
    assert [row[5] for row in table.rows] == ["", "1.10x (1.10 to 1.10)", "1.10x (1.10 to 1.10)"]
    assert all(len(row) == len(table.heads) for row in table.rows)
    assert table.notes[0].startswith("100,000 synthetic unit vectors of 384 dimensions")
    assert SERVER in table.notes[1]


def test_ones_own_servers_are_taken_as_they_are_and_only_both_together() -> None:
    given = {ONE_URL: "http://192.0.2.1:6333/", SHARDS_URL: "http://192.0.2.2:6333, http://192.0.2.3:6333"}
    with open_stores(given) as (one, three):
        assert (one.urls, one.shards, one.copies) == (("http://192.0.2.1:6333",), 1, 1)
        assert (three.urls, three.shards, three.copies) == (("http://192.0.2.2:6333", "http://192.0.2.3:6333"), 3, 2)
        assert not one.is_double
    with pytest.raises(Unmeasured, match="together"), open_stores({ONE_URL: "http://192.0.2.1:6333"}):
        pass
