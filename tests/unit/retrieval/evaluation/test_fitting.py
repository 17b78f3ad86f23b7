"""Weights find again what made the labels, their scores are chances, and the floor costs what is said."""

import math
import random
from uuid import UUID

import msgspec
import pytest

from app.errors import BadInput
from app.ids import ChunkId, DocumentId
from app.retrieval.evaluation.fitting import Example, best_right, example_of, fit, reliability
from app.retrieval.evaluation.golden import Golden
from app.retrieval.fusion import Measured
from app.retrieval.passages import Passage


def measured(number: int, cosine: float, cover: float, match: float) -> Measured:
    """A chunk of a document of its own."""
    owner = DocumentId(UUID(int=number + 1))
    passage = Passage(ChunkId(UUID(int=number)), owner, f"{number}.md", "", "48 plates", 0, 9, 0.0)
    return Measured(passage, cosine, cover, match)


def examples(count: int = 60, candidates: int = 80) -> list[Example]:
    """Questions with one right candidate each, drawn so that cosine counts thrice what cover does, match nothing."""
    draw, found = random.Random(1), list[Example]()  # noqa: S311 - the same draw every time
    for _ in range(count):
        those = [measured(number, draw.random(), draw.random(), draw.random()) for number in range(candidates)]
        (drawn,) = draw.choices(those, [math.exp(9 * one.cosine + 3 * one.cover) for one in those])
        found.append(Example(Golden(id="x", question="?"), tuple(those), tuple(one is drawn for one in those)))
    return found


def test_the_weights_that_made_the_labels_are_found_again() -> None:
    weights = fit(examples(300), lost=0.02)
    assert weights.cosine / weights.cover == pytest.approx(3, rel=0.2)
    assert abs(weights.match) < 0.1 * weights.cosine


def test_scores_are_chances_also_of_questions_that_were_not_fitted_to() -> None:
    made = examples(120)
    weights = fit(made[:60], lost=0.02)
    for band in reliability(made[60:], weights):
        # Three standard deviations of so many draws.
        assert band.right == pytest.approx(band.mean, abs=3 * math.sqrt(0.25 / band.candidates) + 0.02)


@pytest.mark.parametrize("lost", [0.0, 0.02, 0.2])
def test_the_floor_costs_no_more_right_passages_than_is_said(lost: float) -> None:
    made = examples()
    weights = fit(made, lost=lost)
    best = [found for one in made if (found := best_right(one, weights)) is not None]
    below = sum(score < weights.floor for score in best)
    assert below <= lost * len(best) < below + 1


def test_labels_with_nothing_right_or_everything_are_refused() -> None:
    (made,) = examples(1)
    for is_so in (False, True):
        with pytest.raises(BadInput):
            fit([msgspec.structs.replace(made, right=(is_so,) * len(made.right))], lost=0.02)


def test_a_candidate_is_right_by_page_else_words_else_document() -> None:
    those = [measured(number, 0.5, 0.5, 0.5) for number in range(2)]
    by_words = Golden(id="x", question="?", documents=("0.md",), facts=(("48 plates",), ("never",)))
    assert example_of(by_words, those).right == (True, False)
    by_page = Golden(id="x", question="?", documents=("0.md",), pages=(4,), facts=(("48 plates",),))
    assert example_of(by_page, those).right == (False, False)
    assert example_of(Golden(id="x", question="?", documents=("1.md",)), those).right == (False, True)
    assert example_of(Golden(id="x", question="?"), those).right == (False, False)
