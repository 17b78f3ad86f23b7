"""How many chunks are embedded at a time, and that nothing of a text goes unread."""

import math
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ContextTooLong
from app.ids import ChunkId
from app.retrieval.vectors import BATCH, BATCH_TOKENS, halves, joined, sized, vectors_of
from app.retrieval.versions import StoredChunk


def chunks(count: int, words: int) -> list[StoredChunk]:
    """Chunks of that many words of one token each."""
    return [StoredChunk(ChunkId(UUID(int=number)), number, "", "lamp " * words, "") for number in range(count)]


def test_a_call_has_as_many_chunks_as_come_to_its_tokens() -> None:
    assert len(sized(chunks(200, 200))) == BATCH_TOKENS // 200 == 32
    assert len(sized(chunks(200, 10))) == BATCH == 64
    assert len(sized(chunks(3, 10))) == 3
    assert len(sized(chunks(3, 2 * BATCH_TOKENS))) == 1


@given(text=st.text(min_size=2, max_size=200))
def test_the_halves_of_a_text_are_shorter_and_lose_nothing(text: str) -> None:
    first, second = halves(text)
    assert first + second == text
    assert first
    assert second


def test_a_text_is_cut_between_words() -> None:
    assert halves("alpha beta gamma delta") == ("alpha beta", " gamma delta")


def test_joined_vectors_are_weighed_and_of_length_one() -> None:
    vector = joined([(1.0, 0.0), (0.0, 1.0)], [3, 1])
    assert math.hypot(*vector) == pytest.approx(1.0)
    assert vector[0] == pytest.approx(3 * vector[1])
    assert joined([(0.0, 0.0)], [1]) == (0.0, 0.0)


@given(texts=st.lists(st.text(min_size=80, max_size=400), min_size=1, max_size=4), limit=st.integers(40, 70))
async def test_every_character_of_every_text_is_read_whatever_the_model_takes(texts: list[str], limit: int) -> None:
    read: list[str] = []

    async def embed(asked: Sequence[str]) -> list[list[float]]:
        if any(len(text) > limit for text in asked):
            raise ContextTooLong("a text is too long")
        read.extend(asked)
        return [[float(len(text)), 1.0] for text in asked]

    vectors = await vectors_of(embed, texts)
    assert "".join(read) == "".join(texts)
    assert len(vectors) == len(texts)
