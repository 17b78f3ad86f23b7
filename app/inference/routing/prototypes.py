"""What is known of questions like this one: a few dozen vectors, and how much a strong model helped near each."""

from base64 import b64decode
from collections.abc import Sequence
from struct import Struct

import msgspec
import numpy as np
from numpy.typing import NDArray


class Prototypes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unit vectors of one embedder, each with a learned weight."""

    digest: str
    """Of the embedder, as its node names it: vectors of another one mean nothing beside these."""
    size: int
    """Numbers a vector."""
    vectors: str
    """The vectors one after another, as base64 of signed bytes."""
    scale: float
    """A byte times `scale` is a component."""
    weights: tuple[float, ...]
    temperature: float
    """How near is near: likeness counts as exp((cosine - 1) / temperature)."""
    mean: float
    deviation: float
    """Mean and standard deviation of the sum over the prompts of training, each without its subject."""
    share: float
    """A standard deviation of the sum counts so much of one of the text's own score."""
    story_share: float
    """The same for word problems, on the scale of the blend."""
    bias: float
    slope: float
    """From a score with this part in it to the need, for multiple-choice questions."""


class Likeness:
    """Compares vectors with one set of prototypes."""

    def __init__(self, prototypes: Prototypes) -> None:
        entries = np.frombuffer(b64decode(prototypes.vectors), dtype=np.int8)
        if len(entries) != prototypes.size * len(prototypes.weights):
            raise ValueError(f"{len(entries)} numbers are not {len(prototypes.weights)} vectors of {prototypes.size}")
        matrix = entries.astype(np.float32).reshape(-1, prototypes.size) * np.float32(prototypes.scale)
        self._matrix: NDArray[np.float32] = np.ascontiguousarray(matrix / np.float32(prototypes.temperature))
        self._weights = np.array(prototypes.weights, dtype=np.float32)
        # A quarter of what an array costs that is made of a sequence.
        self._pack = Struct(f"{prototypes.size}f").pack
        self._nearest = np.float32(1 / prototypes.temperature)
        self._prototypes = prototypes

    def fits(self, embedding: Sequence[float], digest: str | None) -> bool:
        """Whether a vector of the embedder with `digest` can be compared."""
        return digest == self._prototypes.digest and len(embedding) == self._prototypes.size

    def score(self, embedding: Sequence[float]) -> float:
        """Return how much more than elsewhere a strong model helps near a unit vector, in standard deviations."""
        vector = np.frombuffer(self._pack(*embedding), dtype=np.float32)
        near = self._matrix.dot(vector)
        near -= self._nearest
        np.exp(near, near)
        return (float(near.dot(self._weights)) - self._prototypes.mean) / self._prototypes.deviation
