"""Sections and chunks, and where they stand in the text."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.retrieval.chunks import (
    CHUNK_CHARS,
    CHUNK_TOKENS,
    LEAD_CHARS,
    LEAST_CHARS,
    Chunk,
    embedded_text,
    estimate_tokens,
    split,
)
from app.retrieval.formats import csv, markdown
from app.retrieval.parts import Parts
from app.retrieval.sections import HEADING_CHARS, cut

LINES = st.sampled_from(
    [
        "# One",
        "## Two ##",
        "###### Six",
        "#hash",
        "Setext",
        "===",
        "---",
        "```",
        "~~~ python",
        "- item with words.",
        "| a | b |",
        "| - | - |",
        "a,b",
        '"a\nb",c',
        "\f",
        "> quoted",
        "    code",
        "",
        "",
        "A sentence. Another one! And 3.5 of them?",
        "漢字" * 200,
        "word " * 300,
        "x" * 2000,
        "\r",
        "\x0b",
        "\u2028",
        "🦊 é\u0301",
    ]
)
TEXTS = st.one_of(st.text(max_size=3000), st.lists(LINES, max_size=30).map("\n".join))


READERS = {"markdown": markdown.read, "plain": markdown.read_plain, "csv": csv.read}
KINDS = st.sampled_from(sorted(READERS))


def read(text: str, kind: str) -> Parts:
    """What a reader brings of a text, with a page that begins wherever a form feed stands."""
    parts = READERS[kind](text.encode(), "utf-8")
    return replace(parts, pages=(0, *(at for at, sign in enumerate(parts.text) if sign == "\f")))


def chunks_of(text: str, kind: str = "markdown") -> list[Chunk]:
    """All chunks of a text."""
    parts = READERS[kind](text.encode(), "utf-8")
    return list(split(parts.text, cut(parts), is_markdown=kind == "markdown"))


@given(TEXTS, KINDS)
def test_sections_follow_each_other_without_a_gap(text: str, kind: str) -> None:
    parts = read(text, kind)
    text, found = parts.text, cut(parts)
    assert "".join(text[section.start : section.end] for section in found) == text
    assert all(len(section.heading) <= HEADING_CHARS for section in found)


@example("#\f#", "markdown")
@example("#\f#\f", "markdown")
@example("\r\f#\r0", "markdown")
@example("\f\f#\n#", "markdown")
@given(TEXTS, KINDS)
def test_chunks_cover_the_text_in_order_and_are_exact_parts_of_it(text: str, kind: str) -> None:
    parts = read(text, kind)
    text, end = parts.text, 0
    for chunk in split(text, cut(parts), is_markdown=kind == "markdown"):
        assert chunk.lead == text[slice(*chunk.lead_span)]
        assert chunk.page == 1 + text[: chunk.start + 1].count("\f"), "a chunk is of one page"
        assert "\f" not in text[chunk.start + 1 : chunk.end]
        assert text[chunk.start : chunk.end] == chunk.text
        assert not text[end : chunk.start].strip(), "only white space lies between two chunks"
        assert chunk.text.strip()
        assert len(chunk.text) <= CHUNK_CHARS
        assert estimate_tokens(chunk.text) <= CHUNK_TOKENS + LEAD_CHARS or len(chunk.text) <= LEAST_CHARS
        end = chunk.end
    assert not text[end:].strip()


MOST_TOKENS = 217
"""all-MiniLM-L6-v2 reads 254 tokens beside its marks, and the estimate may be a sixth too low."""


@pytest.mark.requirement("UPL-04.chunks")
@pytest.mark.parametrize(
    "headings",
    [
        "# Kiln",
        "# " + "1.2.3.4 " * 20,
        "# " + "漢字" * 50,
        "# " + "word " * 40,
        "# " + "#" * 200 + " x",
        "\n".join("#" * level + " 1.2.3.4.5.6.7.8.9.10" for level in range(1, 7)),
        "\n".join("#" * level + " 漢字漢字漢字漢字" for level in range(1, 7)),
    ],
)
def test_a_chunk_fits_the_model_with_its_headings(headings: str) -> None:
    text = f"{headings}\n\n" + "a.b.c, 17 漢字 d-e; " * 200
    found = chunks_of(text)
    embedded = [embedded_text(chunk.heading, chunk.text) for chunk in found]
    assert max(map(estimate_tokens, embedded)) <= MOST_TOKENS
    bare = [one for chunk, one in zip(found, embedded, strict=True) if not chunk.text.startswith("#")]
    assert max(map(estimate_tokens, bare)) <= 200
    assert len(found) > 10


@given(TEXTS, KINDS)
def test_whatever_the_text_no_chunk_is_more_than_the_model_reads(text: str, kind: str) -> None:
    for chunk in chunks_of(text, kind):
        assert estimate_tokens(embedded_text(chunk.heading, chunk.text, chunk.lead)) <= MOST_TOKENS


def test_a_chunk_carries_the_path_of_its_headings() -> None:
    text = "intro\n\n# Kiln\n\n## Limits\n\nplates\n\n### Heat\n\ndegrees\n\n## Prices\n\neuros\n"
    assert [(chunk.heading, chunk.text.splitlines()[-1]) for chunk in chunks_of(text)] == [
        ("", "intro"),
        ("Kiln > Limits", "plates"),
        ("Kiln > Limits > Heat", "degrees"),
        ("Kiln > Prices", "euros"),
    ]


def test_underlined_headings_count_and_those_in_code_do_not() -> None:
    text = "Kiln\n====\n\nplates\n\nHeat\n----\n\n```sh\n# no heading\n```\n- item\n---\n\nend\n"
    assert [chunk.heading for chunk in chunks_of(text)] == ["Kiln", "Kiln > Heat"]


def test_an_underlined_heading_is_of_the_second_level() -> None:
    text = "Kiln\n====\n\nHeat\n----\n\ndegrees\n\n### Door\n\nshut\n"
    assert [chunk.heading for chunk in chunks_of(text)] == ["Kiln > Heat", "Kiln > Heat > Door"]


def test_plain_text_has_no_headings() -> None:
    assert [chunk.heading for chunk in chunks_of("# one\n\ntwo", "plain")] == [""]


def test_a_long_section_is_cut_between_sentences() -> None:
    text = "# A\n\n" + "This sentence has exactly seven plain words. " * 100
    found = chunks_of(text)
    assert len(found) > 4
    assert all(chunk.text.endswith(".") for chunk in found)
    assert all(chunk.heading == "A" for chunk in found)


def test_a_long_path_of_headings_keeps_the_innermost() -> None:
    text = "".join(f"{'#' * level} {'heading ' * 5}{level}\n" for level in range(1, 7)) + "text"
    heading = chunks_of(text)[0].heading
    assert len(heading) <= HEADING_CHARS
    assert heading.endswith("6")


@pytest.mark.parametrize(
    ("text", "at_least", "at_most"),
    [
        ("The kiln holds plates.", 5, 6),
        ("1234567890", 5, 10),
        ("漢字", 2, 2),
        ("a.b", 3, 3),
        ("internationalization", 3, 6),
        # all-MiniLM-L6-v2's own tokenizer takes 1,413 tokens for 2,000 such characters.
        ("aGVsbG8gd29ybGQhIGhl1bGxv29ybGQ3" * 10, 226, 240),
        ("9f86d081884c7d659a2feaa0c55ad015" * 10, 226, 240),
    ],
)
def test_tokens_are_estimated_from_above(text: str, at_least: int, at_most: int) -> None:
    assert at_least <= estimate_tokens(text) <= at_most


@pytest.mark.parametrize("text", ["流明台灯的保修期为五年。" * 200, "โคมไฟลูเมนมีการรับประกัน" * 100, "🤖💡" * 500])
def test_text_without_blanks_is_cut_to_what_the_model_reads(text: str) -> None:
    chunks = chunks_of(text)
    assert "".join(chunk.text for chunk in chunks) == text
    assert all(len(chunk.text) <= CHUNK_TOKENS for chunk in chunks)


@pytest.mark.parametrize("text", ["流明台灯的保修期为五年。" * 200, "x1-" * 700, "a.b " * 600])
def test_text_of_many_signs_is_cut_evenly_with_no_crumbs_between(text: str) -> None:
    *full, _ = [len(chunk.text) for chunk in chunks_of(text)]
    assert min(full) >= 0.9 * max(full)


def test_base64_is_cut_to_what_the_model_reads() -> None:
    text = "aGVsbG8gd29ybGQhIGhl1bGxv29ybGQ3" * 50
    assert all(len(chunk.text) <= CHUNK_TOKENS * 1.4 for chunk in chunks_of(text))


def test_what_is_embedded_shows_each_heading_once() -> None:
    assert embedded_text("Kiln > Limits", "plates") == "Kiln > Limits\nplates"
    assert embedded_text("Kiln > Limits", "## Limits\n\nplates") == "Kiln\n## Limits\n\nplates"
    assert embedded_text("", "plates") == "plates"


def test_what_postgresql_cannot_keep_is_replaced_so_that_nothing_moves() -> None:
    assert markdown.read("\ufeffa\x00b 🦊".encode(), None).text == "a\ufffdb 🦊"
