"""What is read as a whole of a passage: whole paragraphs, no headings, no tables."""

from uuid import uuid4

from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from app.retrieval.support.blocks import BLOCK_CHARS, blocks


def blocks_of(text: str) -> list[str]:
    passage = Passage(ChunkId(uuid4()), DocumentId(uuid4()), "a.md", "", text, 0, len(text), 0.5)
    return [text[start:end] for start, end in blocks(passage)]


def test_a_short_passage_is_one_block_without_its_headings() -> None:
    assert blocks_of("# Brushes\n\n## Change\n\nTo change a brush:\n\n1. Pull.\n2. Push.\n") == [
        "To change a brush:\n\n1. Pull.\n2. Push."
    ]


def test_a_long_passage_is_cut_between_paragraphs_and_no_paragraph_is_cut() -> None:
    first, second, third = ("a " * 200).strip(), ("b " * 200).strip(), ("c " * 300).strip()
    assert blocks_of(f"{first}\n\n{second}\n\n{third}") == [f"{first}\n\n{second}", third]
    assert blocks_of("d" * (BLOCK_CHARS + 1)) == []


def test_what_stands_around_a_table_is_read_and_the_table_is_not() -> None:
    table = "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert blocks_of(f"Before.\n\n{table}\n\nAfter.") == ["Before.", "After."]
