"""A ridge regression of the strong model's gain on hashed words."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.inference.routing.complexity import hashes
from app.inference.routing.cues import read
from ops.train.outcomes import Floats, Ints, Mask

BITS = 15
RIDGE = 200.0
"""Penalty on every word weight; the length's weight is penalised a tenth as much."""
LENGTH_SHARE = 0.4
"""What one standard deviation of log length adds to the score, in standard deviations of the words' part. Length alone
orders unseen subjects about as well as words do, and the regression gives most of that to words of its own subjects."""
STEPS = 60
"""Conjugate-gradient steps: enough for four digits at this penalty."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A sparse matrix (rows, columns, values) of hashed words, beside each text's centred log length."""

    rows: Ints
    columns: Ints
    values: Floats
    log_chars: Floats

    @property
    def size(self) -> int:
        """Return the number of texts."""
        return len(self.log_chars)

    def times(self, table: Floats, length: float) -> Floats:
        """Return one score per text."""
        words = np.bincount(self.rows, self.values * table[self.columns], minlength=self.size)
        return words + length * self.log_chars

    def transposed_times(self, residual: Floats) -> tuple[Floats, float]:
        """Return the product with one number per text, as (word part, length part)."""
        table = np.bincount(self.columns, self.values * residual[self.rows], minlength=1 << BITS)
        return table.astype(np.float64), float(self.log_chars @ residual)


def matrix_of(texts: Sequence[str]) -> Matrix:
    """Hash the texts exactly as the rating does."""
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    lengths: list[float] = []
    for row, text in enumerate(texts):
        reading = read(text)
        found = hashes((1 << BITS) - 1, reading.words)
        rows.extend([row] * len(found))
        columns.extend(found)
        values.extend([1 / np.sqrt(len(found))] * len(found))
        lengths.append(reading.log_chars)
    return Matrix(np.array(rows), np.array(columns), np.array(values), np.array(lengths))


@dataclass(frozen=True, slots=True)
class Learned:
    """A quantised word table and the weight of the length."""

    entries: Ints
    scale: float
    length: float
    mean: float
    deviation: float

    def scores(self, matrix: Matrix) -> Floats:
        """Return standardised scores, before the rating's clipping."""
        return (matrix.times(self.entries.astype(np.float64) * self.scale, self.length) - self.mean) / self.deviation

    def encoded(self) -> str:
        """Return the table as base64 of signed bytes."""
        return b64encode(self.entries.astype(np.int8).tobytes()).decode()


def fit(matrix: Matrix, target: Floats, train: Mask, *, ridge: float = RIDGE) -> Learned:
    """Fit on the texts that `train` marks, by conjugate gradients on the normal equations, then quantise to 8 bits."""
    weight = train.astype(np.float64)
    centred = (target - target[train].mean()) * weight
    shift = float(matrix.log_chars[train].mean())
    inner = Matrix(matrix.rows, matrix.columns, matrix.values, matrix.log_chars - shift)
    solution = _solve(inner, centred, weight, ridge)
    table: Floats = solution[:-1]
    length = float(solution[-1])
    # Clipping the few largest entries keeps the steps of the others fine.
    scale = float(np.quantile(np.abs(table[table != 0]), 0.9995)) / 127
    entries = np.clip(np.rint(table / scale), -127, 127).astype(np.int64)
    words = matrix.times(entries.astype(np.float64) * scale, 0.0)[train]
    length += LENGTH_SHARE * float(words.std()) / float(matrix.log_chars[train].std())
    raw = matrix.times(entries.astype(np.float64) * scale, length)[train]
    return Learned(entries, scale, length, float(raw.mean()), float(raw.std()))


def _solve(matrix: Matrix, target: Floats, weight: Floats, ridge: float) -> Floats:
    penalty: Floats = np.append(np.full(1 << BITS, ridge), ridge / 10)

    def normal(x: Floats) -> Floats:
        table, length = matrix.transposed_times(matrix.times(x[:-1], float(x[-1])) * weight)
        joined: Floats = np.append(table, length)
        return joined + penalty * x

    words, length = matrix.transposed_times(target * weight)
    residual: Floats = np.append(words, length)
    direction, solution = residual.copy(), np.zeros_like(residual)
    size = float(residual @ residual)
    for _ in range(STEPS):
        moved = normal(direction)
        step = size / float(direction @ moved)
        solution += step * direction
        residual -= step * moved
        next_size = float(residual @ residual)
        direction = residual + next_size / size * direction
        size = next_size
    return solution
