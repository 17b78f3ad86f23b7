"""Cutting texts to what a model takes, and joining their vectors."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ContextTooLong
from app.inference.calls.embedding import Batch, mean, pieces_of
from app.inference.words.failures import CallBroke, Failure, RetryBudget
from tests.fakes.held import held_on

TEXT = st.text(st.characters(codec="utf-8"), max_size=300)


@given(text=TEXT, limit=st.integers(16, 64))
def test_pieces_are_within_the_limit_and_lose_no_visible_character(text: str, limit: int) -> None:
    pieces = pieces_of(text, limit)
    assert all(len(piece.encode()) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_words_stay_whole_where_they_can() -> None:
    assert [piece.strip() for piece in pieces_of("alpha beta gamma delta epsilon zeta eta theta", 24)] == [
        "alpha beta gamma delta",
        "epsilon zeta eta theta",
    ]


def test_every_piece_may_be_as_long_as_the_limit() -> None:
    assert pieces_of("abcdefg " * 6, 16) == ["abcdefg abcdefg", " abcdefg abcdefg", " abcdefg abcdefg"]


def test_a_mean_is_weighted_and_has_length_one() -> None:
    vector = mean([(1.0, 0.0), (0.0, 1.0)], [3, 1])
    assert math.hypot(*vector) == pytest.approx(1.0)
    assert vector[0] == pytest.approx(3 * vector[1])
    assert mean([(0.0, 0.0), (0.0, 0.0)], [1, 1]) == (0.0, 0.0)


def test_nothing_to_embed_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Batch([], "e", 4)


def test_a_long_text_is_the_mean_of_its_pieces_by_their_length_and_a_short_one_its_own() -> None:
    batch = Batch(["short", "alpha " * 4 + "omega"], "e", 4)
    # 16 tokens of context, less 8 for the message: pieces of up to 24 bytes.
    batch.cut(held_on(num_ctx=16))
    assert [len(piece) for piece in batch.pieces] == [5, 23, 6]
    short, long = batch.join([(5.0, 5.0), (1.0, 0.0), (0.0, 1.0)])
    assert short == (5.0, 5.0)
    assert (math.hypot(*long), long[0] / long[1]) == (pytest.approx(1.0), pytest.approx(23 / 6))


def test_a_text_of_more_tokens_than_estimated_is_cut_in_two_and_in_four_and_then_refused() -> None:
    batch, held = Batch(["alpha " * 27 + "alpha"], "e", 4), held_on(num_ctx=64)
    broke, budget = CallBroke(Failure.CONTEXT, "a", "e"), RetryBudget()
    pieces: list[int] = []
    for _ in range(2):
        batch.cut(held)
        pieces.append(len(batch.pieces))
        assert batch.after(broke, held, budget)
    batch.cut(held)
    assert [*pieces, len(batch.pieces)] == [1, 2, 4]
    with pytest.raises(ContextTooLong):
        batch.after(broke, held, budget)
