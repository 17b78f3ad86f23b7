"""How results of several shards become one list.

Order and ties follow Qdrant 1.18: `lib/collection/src/collection/query.rs` (merge over shards, then fusion) and
`lib/segment/src/common/reciprocal_rank_fusion.rs`.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from uuid import UUID

from msgspec import Struct, structs

DEFAULT_RRF_K = 2

Id = int | UUID
Vectors = dict[str, object]


class Scored(Struct, frozen=True):
    """A point found by a query; `vector` and `payload` are there when asked for."""

    id: Id
    version: int
    score: float
    payload: dict[str, object] | None = None
    vector: Vectors | None = None


def id_key(point_id: Id) -> tuple[int, int]:
    """Sort key of ids: numbers before UUIDs, both ascending."""
    return (1, point_id.int) if isinstance(point_id, UUID) else (0, point_id)


def merge(shards: Iterable[Sequence[Scored]], *, take: int, larger_better: bool) -> list[Scored]:
    """The best `take` points of all shards; equal scores fall back to the id."""

    def rank(point: Scored) -> tuple[float, tuple[int, int]]:
        return point.score, id_key(point.id)

    return sorted(chain.from_iterable(shards), key=rank, reverse=larger_better)[:take]


def position_score(position: int, k: int, weight: float) -> float:
    """What a place (from 0) in one list adds: 1 / ((position + 1) / weight + k - 1)."""
    return 0.0 if weight <= 0.0 else 1.0 / ((position + 1) / weight + k - 1)


def rrf(lists: Sequence[Sequence[Scored]], *, k: int, weights: Sequence[float] | None) -> list[Scored]:
    """Reciprocal rank fusion of ranked lists, best first; `weights` has one value a list."""
    scores: dict[Id, float] = {}
    points: dict[Id, Scored] = {}
    for ranked, weight in zip(lists, weights or [1.0] * len(lists), strict=True):
        for position, point in enumerate(ranked):
            points.setdefault(point.id, point)
            scores[point.id] = scores.get(point.id, 0.0) + position_score(position, k, weight)
    fused = [structs.replace(points[point_id], score=score) for point_id, score in scores.items()]
    return sorted(fused, key=lambda point: -point.score)
