"""Neighbouring passages become one, and what is brought fits a number of tokens."""

from uuid import UUID, uuid4

import msgspec

from app.ids import ChunkId, DocumentId
from app.retrieval.packing import MERGED_CHUNKS, fit, merged, neighbours, tokens_of
from app.retrieval.passages import Passage

ONE, OTHER = DocumentId(UUID(int=1)), DocumentId(UUID(int=2))


def chunk(
    ordinal: int, score: float, *, document: DocumentId = ONE, heading: str = "", page: int | None = 1
) -> Passage:
    """A chunk of ten characters: five of text, and a gap behind."""
    start, name = ordinal * 10, f"{document}.pdf"
    return Passage(
        ChunkId(uuid4()), document, name, heading, "words", start, start + 5, score, page=page, ordinal=ordinal
    )


def test_neighbours_are_grouped_in_the_order_of_their_text_and_groups_by_their_best() -> None:
    late, lone, early, other = chunk(5, 0.9), chunk(9, 0.8), chunk(4, 0.7), chunk(6, 0.6, document=OTHER)
    assert neighbours([late, lone, early, other]) == [[early, late], [lone], [other]]


def test_what_stands_on_another_page_or_under_another_heading_is_no_neighbour() -> None:
    first, page, heading = chunk(1, 0.9), chunk(2, 0.8, page=2), chunk(0, 0.7, heading="Prices")
    assert neighbours([first, page, heading]) == [[first], [page], [heading]]


def test_a_long_run_is_cut_into_groups_that_a_quote_can_point_into() -> None:
    run = [chunk(ordinal, 1 - ordinal / 100) for ordinal in range(MERGED_CHUNKS + 2)]
    assert [len(group) for group in neighbours(run)] == [MERGED_CHUNKS, 2]


def test_a_merged_passage_has_the_text_between_its_ends_and_is_as_likely_as_its_best_part() -> None:
    weak = msgspec.structs.replace(chunk(4, 0.5), lead="Year | Sum\n", also=("b.pdf", "c.pdf"), cosine=0.9)
    best = msgspec.structs.replace(chunk(5, 0.8), also=("c.pdf",), cosine=0.2)
    (passage,) = merged([best, weak], [[weak, best]], {0: "words gap words"})
    assert (passage.text, passage.start_offset, passage.end_offset) == ("words gap words", 40, 55)
    assert (passage.chunk_id, passage.score, passage.cosine) == (best.chunk_id, 0.8, 0.9)
    assert (passage.lead, passage.also, passage.ordinal, passage.last) == ("Year | Sum\n", ("c.pdf",), 4, 5)


def test_neighbours_in_a_document_without_stored_text_stay_apart() -> None:
    weak, best, lone = chunk(4, 0.5), chunk(5, 0.8), chunk(9, 0.6)
    assert merged([best, lone, weak], [[weak, best], [lone]], {}) == [best, lone, weak]


def test_a_merged_passage_has_the_place_of_its_first_part_also_where_another_scores_more() -> None:
    first, lone, best = chunk(4, 0.5), chunk(9, 0.6), chunk(5, 0.8)
    found = merged([first, lone, best], [[first, best], [lone]], {0: "words gap words"})
    assert [(one.chunk_id, one.score) for one in found] == [(first.chunk_id, 0.8), (lone.chunk_id, 0.6)]


def test_headings_and_columns_count_for_the_budget() -> None:
    bare = chunk(0, 0.5)
    led = msgspec.structs.replace(bare, heading="The kiln", lead="Year | Sum\n")
    assert tokens_of(led) == tokens_of(bare) + 2 + 3
    assert fit([led], tokens_of(led) - 1) == []
