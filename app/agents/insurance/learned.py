"""How likely each specialist is meant by a text: weights fitted to written questions, for wording and meaning."""

import math
from array import array
from base64 import b64decode
from collections.abc import Mapping, Sequence
from operator import mul
from pathlib import Path
from typing import TypeAlias

import msgspec

from app.agents.insurance.topics import Specialist
from app.agents.insurance.wording import BUCKETS, piece_places, word_places

SHIPPED = Path(__file__).with_name("specialist_weights.json")
"""Made by `python -m ops.specialists`."""
QUESTIONS = Path(__file__).with_name("questions")
"""What they are fitted to: a file for each specialist, a question a line, under headings that say of what style."""
SPECIALISTS = tuple(Specialist)

Chances: TypeAlias = Mapping[Specialist, float]


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The weights of places: for words, then for pieces of words, one after another for each specialist."""

    bias: tuple[float, ...]
    scale: float
    """A byte times `scale` is a weight."""
    weights: str
    """Signed bytes, as base64."""


class Fitted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights for wording alone, and for wording beside the meaning that one embedder finds."""

    questions: str
    """The digest of what they are fitted to."""
    alone: Wording
    beside: Wording
    digest: str
    """Of the embedder, as its node names it: vectors of another one mean nothing here."""
    meaning: tuple[tuple[float, ...], ...]
    """For each specialist the weights of a unit vector's numbers."""


class Learned:
    """Says chances by one set of weights."""

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted
        self._alone, self._beside = (
            array("b", b64decode(fitted.alone.weights)),
            array("b", b64decode(fitted.beside.weights)),
        )

    def weigh(self, digest: str, vector: Sequence[float]) -> tuple[float, ...]:
        """Return what the meaning of a text adds for each specialist; nothing for another embedder's vector."""
        if digest != self._fitted.digest:
            return ()
        length = math.hypot(*vector) or 1.0
        return tuple(round(sum(map(mul, vector, weights)) / length, 4) for weights in self._fitted.meaning)

    def chances(self, text: str, meaning: Sequence[float] = ()) -> Chances:
        """Return how likely each specialist is meant; by the wording alone where no meaning is known."""
        wording, weights = (self._fitted.beside, self._beside) if meaning else (self._fitted.alone, self._alone)
        sums = [sum(pair) for pair in zip(wording.bias, meaning or (0.0,) * len(SPECIALISTS), strict=True)]
        for offset, places in ((0, word_places(text)), (BUCKETS, piece_places(text))):
            share = wording.scale / math.sqrt(len(places) or 1)
            for nth in range(len(SPECIALISTS)):
                start = nth * 2 * BUCKETS + offset
                sums[nth] += share * sum(weights[start + place] for place in places)
        most = max(sums)
        likely = [math.exp(one - most) for one in sums]
        return {one: value / sum(likely) for one, value in zip(SPECIALISTS, likely, strict=True)}


def read_questions() -> dict[Specialist, list[tuple[str, str]]]:
    """Return the written questions of each specialist, each after its style."""
    found: dict[Specialist, list[tuple[str, str]]] = {}
    for specialist in SPECIALISTS:
        style = ""
        for line in (QUESTIONS / f"{specialist}.txt").read_text(encoding="utf-8").splitlines():
            if line.startswith("# "):
                style = line.removeprefix("# ")
            elif line:
                found.setdefault(specialist, []).append((style, line))
    return found


def shipped() -> Learned:
    """Return what comes with this version."""
    return Learned(msgspec.json.decode(SHIPPED.read_bytes(), type=Fitted))
