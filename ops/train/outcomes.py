"""Prompts with what a weak and a strong model made of them."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("subject", "prompt", "weak_correct", "strong_correct")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Equal-length columns; `weak` and `strong` are 0 or 1."""

    subjects: NDArray[np.str_]
    prompts: list[str]
    weak: Floats
    strong: Floats

    @property
    def gain(self) -> Floats:
        """What the strong model adds on each prompt: -1, 0 or 1."""
        return self.strong - self.weak

    def where(self, mask: Mask) -> "Outcomes":
        """Return the rows that `mask` chooses."""
        prompts = [prompt for prompt, is_in in zip(self.prompts, mask, strict=True) if is_in]
        return Outcomes(self.subjects[mask], prompts, self.weak[mask], self.strong[mask])


def read_outcomes(path: Path) -> Outcomes:
    """Read a csv or csv.gz with COLUMNS. Raises ValueError naming what is missing, OSError when it cannot be read."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path.name} lacks the columns {', '.join(missing)}")
        rows = list(reader)
    if not rows:
        raise ValueError(f"{path.name} has no rows")
    return Outcomes(
        subjects=np.array([row["subject"] for row in rows]),
        prompts=[row["prompt"] for row in rows],
        weak=np.array([float(row["weak_correct"]) for row in rows]),
        strong=np.array([float(row["strong_correct"]) for row in rows]),
    )
