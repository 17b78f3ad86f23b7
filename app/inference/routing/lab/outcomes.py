"""Prompts with what a weak and a strong model made of them."""

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.inference.routing.options import signs

COLUMNS = ("subject", "prompt", "weak_correct", "strong_correct")
LABELS = "questions.toml"
"""Labelled questions may lie beside the outcomes."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Equal-length columns; `weak` and `strong` are from 0 to 1."""

    subjects: NDArray[np.str_]
    prompts: list[str]
    weak: Floats
    strong: Floats

    @property
    def gain(self) -> Floats:
        """What the strong model adds on each prompt: from -1 to 1."""
        return self.strong - self.weak

    @property
    def wanted(self) -> Floats:
        """The need that the outcome shows: 0 where the weak model is right, 1 where only the strong one is, else 0.5.

        Where neither is right, nothing shows that more model would have helped, nor that less was enough.
        """
        both_wrong = (1 - self.weak) * (1 - self.strong)
        return (1 - self.weak) * self.strong + both_wrong / 2

    @property
    def has_options(self) -> Mask:
        """Which prompts are multiple-choice questions."""
        return np.array([signs(prompt) is not None for prompt in self.prompts], dtype=np.bool_)

    def where(self, mask: Mask) -> "Outcomes":
        """Return the rows that `mask` chooses."""
        prompts = [prompt for prompt, is_in in zip(self.prompts, mask, strict=True) if is_in]
        return Outcomes(self.subjects[mask], prompts, self.weak[mask], self.strong[mask])


def read_outcomes(path: Path) -> Outcomes:
    """Read a csv or csv.gz with COLUMNS, or every one of a directory.

    Raises ValueError naming what is missing, OSError when it cannot be read.
    """
    files = sorted(chain(path.glob("*.csv"), path.glob("*.csv.gz"))) if path.is_dir() else [path]
    rows = list(chain.from_iterable(map(_rows, files)))
    if not rows:
        raise ValueError(f"{path.name} has no rows" if files == [path] else f"{path.name} holds no csv with rows")
    return Outcomes(
        subjects=np.array([row["subject"] for row in rows]),
        prompts=[row["prompt"] for row in rows],
        weak=np.array([float(row["weak_correct"]) for row in rows]),
        strong=np.array([float(row["strong_correct"]) for row in rows]),
    )


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path.name} lacks the columns {', '.join(missing)}")
        yield from reader
