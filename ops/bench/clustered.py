"""Synthetic points in clusters, questions like them, and which points are really nearest."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.ids import DocumentId, TenantId
from app.retrieval import sparse
from app.retrieval.points import Point, SparseVector
from ops.bench.library import prose

Floats = NDArray[np.float32]

SIZE = 384
CLUSTERS = 200
SPREAD = 1.0
"""Deviation of a point from its cluster's centre, in deviations of the centres: a point's cosine to it is 0.7."""
OTHERS = 9
"""Tenants beside the one that asks, which has every second point."""
TEXTS, LINES = 500, 10
"""Different texts whose words the points have, and lines of each."""
DOCUMENT_POINTS = 50
DECIMALS = 6

_IDS, _TENANTS, _DOCUMENTS = (UUID(int=number << 96).int for number in (1, 2, 3))


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Unit vectors of points and questions, one a row; `texts` and `words` are what stands in both by words."""

    points: Floats
    questions: Floats
    texts: tuple[SparseVector, ...]
    words: tuple[SparseVector, ...]

    @property
    def asker(self) -> TenantId:
        """The tenant that asks; its points are those with an even number."""
        return TenantId(UUID(int=_TENANTS))

    def batch(self, start: int, end: int) -> list[Point]:
        """Return the points from `start` to before `end`, or to the last one."""
        return [self._point(number) for number in range(start, min(end, len(self.points)))]

    def _point(self, number: int) -> Point:
        tenant = 1 + number // 2 % OTHERS if number % 2 else 0
        document = number // (2 * DOCUMENT_POINTS) * (OTHERS + 1) + tenant
        return Point(
            id=point_id(number),
            tenant_id=TenantId(UUID(int=_TENANTS + tenant)),
            document_id=DocumentId(UUID(int=_DOCUMENTS + document)),
            ordinal=number,
            dense=self.points[number].tolist(),
            sparse=self.texts[number % len(self.texts)],
        )

    def owned(self) -> frozenset[UUID]:
        """Return the points of the tenant that asks."""
        return frozenset(point_id(number) for number in range(0, len(self.points), 2))

    def nearest(self, count: int) -> list[frozenset[UUID]]:
        """Return, for each question, the asker's `count` points of the highest cosine: every point is looked at."""
        cosines = self.questions @ self.points[::2].T
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        return [frozenset(point_id(2 * int(place)) for place in row) for row in best]


def make(points: int, questions: int, seed: int) -> Made:
    """Return as many points and questions, each near a centre drawn for it; the same for the same seed."""
    rng, words = np.random.default_rng(seed), random.Random(seed)  # noqa: S311 - samples, not secrets
    centres = rng.standard_normal((CLUSTERS, SIZE), dtype=np.float32)
    vectors = _near(rng, centres, points + questions)
    lines = prose(words, TEXTS * LINES)
    texts = tuple(sparse.of_chunk(" ".join(lines[start : start + LINES])) for start in range(0, len(lines), LINES))
    asked = tuple(map(sparse.of_question, prose(words, questions)))
    return Made(vectors[:points], vectors[points:], texts, asked)


def _near(rng: np.random.Generator, centres: Floats, count: int) -> Floats:
    vectors: Floats = rng.standard_normal((count, SIZE), dtype=np.float32)
    vectors *= np.float32(SPREAD)
    vectors += centres[rng.integers(len(centres), size=count)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # Shorter in JSON; what is searched for is what is sent.
    return vectors.round(DECIMALS)


def point_id(number: int) -> UUID:
    """Return the id of the point with that number."""
    return UUID(int=_IDS + number)


def recall(found: Sequence[Collection[UUID]], nearest: Sequence[frozenset[UUID]]) -> float:
    """Return the share (0 to 1) of the nearest points that were found, over all questions.

    Raises ValueError when answers and questions differ in number, or there are none.
    """
    wanted = sum(map(len, nearest))
    if not wanted:
        raise ValueError("no question, no recall")
    return sum(len(true.intersection(some)) for some, true in zip(found, nearest, strict=True)) / wanted
