"""Words, and the sparse vectors made of them."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval import sparse
from app.retrieval.points import SparseVector
from app.retrieval.words import terms


def dot(one: SparseVector, other: SparseVector) -> float:
    """What Qdrant computes, without the document frequencies."""
    weights = dict(zip(other.indices, other.values, strict=True))
    return sum(value * weights.get(index, 0.0) for index, value in zip(one.indices, one.values, strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The kilns were firing", ["kiln", "fire"]),
        ("4,096 plates at 1240.5 degrees", ["4096", "plate", "1240.5", "degre"]),
        ("version 2.10.3 at 08:30", ["version", "2.10.3", "08:30"]),
        ("errors E-417, e417 and S2-C", ["error", "e417", "e417", "s2", "c"]),
        ("what is it", ["what", "is", "it"]),
        ("Straße ＡＢＣ", ["strass", "abc"]),  # noqa: RUF001 - full-width letters on purpose
        ("???", []),
    ],
)
def test_words_are_folded_stemmed_and_freed_of_stop_words(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@given(st.text(max_size=500))
def test_vectors_are_well_formed_for_any_text(text: str) -> None:
    for vector in (sparse.of_chunk(text), sparse.of_question(text)):
        assert len(vector.indices) == len(vector.values) == len(set(vector.indices))
        assert all(0 <= index < 2**32 for index in vector.indices)
        assert all(value > 0 and math.isfinite(value) for value in vector.values)


def test_another_form_of_a_word_still_matches() -> None:
    assert dot(sparse.of_question("firing a kiln"), sparse.of_chunk("Kilns are fired")) > 0


def test_repetition_helps_less_and_less_and_never_over_k1_plus_1() -> None:
    filler = "alpha beta gamma delta epsilon zeta eta theta " * 10
    question = sparse.of_question("kiln")
    scores = [dot(question, sparse.of_chunk(f"{'kiln ' * count}{filler}")) for count in (1, 2, 4, 8)]
    gains = [after - before for before, after in itertools.pairwise(scores)]
    assert gains[0] > gains[1] > gains[2] > 0
    assert scores[-1] < sparse.K1 + 1


def test_a_short_chunk_counts_more_than_a_long_one_with_the_same_word() -> None:
    question = sparse.of_question("kiln")
    long = "kiln " + " ".join(f"word{number}" for number in range(200))
    assert dot(question, sparse.of_chunk("kiln")) > dot(question, sparse.of_chunk(long))


def test_a_term_of_average_length_and_once_weighs_one() -> None:
    text = " ".join(f"word{number}" for number in range(sparse.MEAN_TERMS))
    assert sparse.of_chunk(text).values == pytest.approx([1.0] * sparse.MEAN_TERMS)
