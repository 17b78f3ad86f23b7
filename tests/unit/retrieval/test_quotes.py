"""Quotes are verbatim and support the answer."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ids import ChunkId, DocumentId
from app.retrieval.packing import fit
from app.retrieval.quotes import QUOTE_CHARS
from app.retrieval.quotes import quote as quote_of
from app.retrieval.search import Passage


def passage(text: str) -> Passage:
    """A passage with that text."""
    return Passage(ChunkId(UUID(int=1)), DocumentId(UUID(int=2)), "kiln.md", "Kiln", text, 0, len(text), 1.0)


def quote(passage: Passage, question: str, answer: str) -> str:
    """The words of a quote, which stand where it says."""
    found = quote_of(passage, question, answer)
    assert passage.text[found.start : found.end] == found.text
    return found.text


TEXT = """## Limits

A kiln holds 48 plates. It fires at 1,240 degrees for 9.5 hours. The door stays shut until 80 degrees.

| part | price |
| --- | --- |
| shelf | 12 euros |
| door | 310 euros |

- Clean it after 30 firings.
- Call the service when E-417 shows.
"""


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("How many plates does it hold?", "It holds 48 plates.", "A kiln holds 48 plates."),
        ("How hot?", "1240 degrees.", "It fires at 1,240 degrees for 9.5 hours."),
        ("What does a new door cost?", "A door is 310 euros.", "| door | 310 euros |"),
        ("When is it cleaned?", "After 30 firings.", "- Clean it after 30 firings."),
    ],
)
def test_the_sentence_with_the_answers_numbers_and_words_is_quoted(question: str, answer: str, expected: str) -> None:
    found = quote(passage(TEXT), question, answer)
    assert expected in found
    assert not found.startswith("##")


def test_two_neighbours_are_quoted_together_when_both_support() -> None:
    found = quote(passage(TEXT), "", "48 plates at 1,240 degrees")
    assert found == "A kiln holds 48 plates. It fires at 1,240 degrees for 9.5 hours."


def test_a_wrapped_line_does_not_end_a_sentence_and_a_row_does() -> None:
    text = "The kiln is heated\nto 1,240 degrees and\nholds it.\n- Then it cools\n  to 80 degrees\n\n"
    text += "| a | 1 |\n| b | 2 |\n"
    assert quote(passage(text), "", "1240 degrees") == "The kiln is heated\nto 1,240 degrees and\nholds it."
    assert quote(passage(text), "", "80 degrees cools") == "- Then it cools\n  to 80 degrees"
    assert quote(passage(text), "", "b 2") == "| b | 2 |"


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("流明台灯的保修期为五年。机器人需要干净的水。", "需要干净的水", "机器人需要干净的水。"),
        ("保証期間は五年です。「床を掃除する。」と言った。", "床を掃除する", "「床を掃除する。」"),
    ],
)
def test_full_width_marks_end_a_sentence_without_a_blank(text: str, answer: str, expected: str) -> None:
    assert quote(passage(text), "", answer) == expected


def test_a_number_weighs_more_than_a_word() -> None:
    text = "Plates and shelves go in the kiln. There are 48 of these."
    assert "48" in quote(passage(text), "", "48 plates")


def test_a_heading_is_quoted_only_where_there_is_nothing_else() -> None:
    question, answer = "How long is the warranty?", "The warranty is five years."
    assert quote(passage("## Warranty of five years\n\nIt lasts long.\n"), question, answer) == "It lasts long."
    assert quote(passage("## Warranty of five years\n"), question, answer) == "## Warranty of five years"


def test_a_number_of_the_answer_weighs_more_than_five_words_of_the_question() -> None:
    text = "Shelves of the kiln hold many plates.\n\nThere are 48.\n"
    # Six against five: 2 for a term of the answer, times 3 for a number, and 1 for each of the question.
    assert quote(passage(text), "shelves kiln hold many plates", "48") == "There are 48."


def test_a_long_sentence_that_supports_at_once_is_quoted_from_its_beginning() -> None:
    found = quote(passage("48 plates " + "filler " * 80), "", "48 plates")
    assert found.startswith("48 plates filler")


def test_a_long_sentence_is_cut_at_words_around_what_supports() -> None:
    text = "filler " * 80 + "the kiln holds 48 plates " + "filler " * 80
    found = quote(passage(text), "", "48 plates")
    assert "48 plates" in found
    assert len(found) <= QUOTE_CHARS
    assert set(found.split()) <= set(text.split())


@given(
    st.one_of(st.text(max_size=1500), st.lists(st.sampled_from(TEXT.split(" ")), max_size=300).map(" ".join)),
    st.text(max_size=100),
    st.sampled_from(["", "48 plates", "door 310", "..."]),
)
def test_a_quote_is_an_exact_part_of_the_passage(text: str, question: str, answer: str) -> None:
    found = quote(passage(text), question, answer)
    assert found in text
    assert len(found) <= QUOTE_CHARS
    assert bool(found) == bool(text.strip())
    assert found == found.strip()


@pytest.mark.requirement("FIN-82.greedy")
def test_a_passage_that_does_not_fit_does_not_hide_the_next_one() -> None:
    short, long = passage("two words"), passage("many words " * 200)
    assert fit([short, long, short], 20) == [short, short]


@pytest.mark.requirement("FIN-82.ranked", "FIN-82.greedy")
@given(st.lists(st.integers(0, 50), max_size=20), st.integers(0, 200))
def test_what_is_packed_fits_keeps_its_order_and_leaves_no_room_unused(sizes: list[int], limit: int) -> None:
    passages = [passage("x" * size) for size in sizes]
    kept = fit(passages, limit, lambda text: len(text) if text.startswith("x") else 0)
    used = sum(len(found.text) for found in kept)
    assert used <= limit
    assert kept == [found for found in passages if any(found is one for one in kept)]
    assert all(len(left.text) > limit - used for left in passages if not any(left is one for one in kept))
