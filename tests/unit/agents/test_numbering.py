"""Passages in a prompt: in few tokens, and nothing lost that a model needs."""

from uuid import uuid4

from app.agents.numbering import compact, number, shown
from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage


def passage(text: str, heading: str) -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), "a.md", heading, text, 0, len(text), 0.5)


def test_passages_are_numbered_under_their_headings_or_document() -> None:
    found = (passage("## Tanks\n\nIt holds\n68 litres.", "Handbook > Tanks"), passage("Plain.", ""))
    assert number(found) == "[1] Handbook > Tanks\nIt holds 68 litres.\n\n[2] a.md\nPlain."


def test_wrapped_lines_are_joined_and_paragraphs_stay() -> None:
    assert compact("One\nline.\n\nAnother\nline.") == "One line.\n\nAnother line."


def test_items_rows_and_quotes_keep_their_lines() -> None:
    for text in ("- a\n- b", "1. a\n2. b", "| a |\n| --- |\n| 1 |", "> a\n> b", "a\n    code"):
        assert compact(text) == text


def test_code_keeps_its_lines() -> None:
    text = "Say:\n```\nfirst\nsecond\n```"
    assert compact(text) == text


def test_a_passage_of_nothing_but_headings_keeps_them() -> None:
    assert compact("# Only\n## headings") == "# Only\n## headings"


def test_a_prompt_shows_as_many_passages_as_fit_a_few_chunks_and_the_best_one_whatever_its_length() -> None:
    short, long = passage("Plain words. " * 5, ""), passage("Many plain words. " * 300, "")
    assert shown((short, short, short), 2) == (short, short)
    assert shown((short, long, short), 3) == (short,)
    assert shown((long, short), 2) == (long,)
    assert shown((), 2) == ()
