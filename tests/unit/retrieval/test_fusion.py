"""A score grows with nearness and with the question's words, and tells nothing from something."""

import math
from uuid import UUID, uuid4

import msgspec
import pytest

from app.ids import ChunkId, DocumentId
from app.inference.routing import complexity
from app.retrieval.fusion import BY_HAND, Weights, likely, measure, shipped, weigh
from app.retrieval.points import Proposal
from app.retrieval.search_rows import ChunkRow

DOCUMENT = DocumentId(UUID(int=1))


def row(text: str, *, name: str = "kiln.md", page: int | None = None, document: DocumentId | None = None) -> ChunkRow:
    """A chunk, of a document of its own unless one is given."""
    owner = DocumentId(uuid4()) if document is None else document
    return ChunkRow(ChunkId(uuid4()), owner, 0, name, "", text, 0, len(text), "", page, "")


def weighed(question: str, *found: tuple[ChunkRow, float | None, float | None]) -> list[tuple[str, float]]:
    proposals = [Proposal(one.id, one.document_id, cosine, bm25) for one, cosine, bm25 in found]
    measured = measure(question, proposals, {one.id: one for one, _, _ in found})
    return [(p.text, p.score) for p in weigh(measured, BY_HAND)]


PLATES, DOOR, BREAD = row("A kiln holds 48 plates."), row("The kiln has a door."), row("Bread takes an hour.")


def test_the_nearer_in_meaning_comes_first_where_words_say_nothing() -> None:
    found = weighed("What fits inside?", (BREAD, 0.2, None), (DOOR, 0.6, None), (PLATES, 0.4, None))
    assert [text for text, _ in found] == [DOOR.text, PLATES.text, BREAD.text]


def test_a_rare_word_of_the_question_counts_for_more_than_a_frequent_one() -> None:
    # A document's name counts among its words.
    rare, frequent, door, oven = (
        row(text, name="notes.md")
        for text in ("Plates are blue.", "This kiln is blue.", "The kiln has a door.", "A kiln is an oven.")
    )
    found = weighed("kiln plates", (frequent, 0.3, 1.0), (rare, 0.3, 1.0), (door, 0.1, 0.5), (oven, 0.1, 0.5))
    assert found[0][0] == rare.text


def test_what_only_its_words_brought_is_as_far_in_meaning_as_the_last_of_the_nearest() -> None:
    found = dict(weighed("xyz", (PLATES, 0.5, None), (DOOR, 0.3, None), (BREAD, None, None)))
    assert found[BREAD.text] == found[DOOR.text] < found[PLATES.text]


def test_a_passage_with_every_word_that_is_near_is_likely_and_one_with_neither_is_nothing() -> None:
    found = dict(weighed("How many plates?", (PLATES, 0.7, 4.0), (BREAD, 0.1, None), (DOOR, 0.1, None)))
    assert found[PLATES.text] > 0.4
    assert found[BREAD.text] < BY_HAND.floor


def test_a_score_does_not_hang_on_what_else_was_found_by_meaning() -> None:
    alone = dict(weighed("Who?", (PLATES, 0.4, None)))[PLATES.text]
    beside = dict(weighed("Who?", (PLATES, 0.4, None), (DOOR, 0.8, None)))[PLATES.text]
    assert alone == beside


def test_a_page_of_which_more_speaks_to_the_question_comes_before_one_with_a_single_chunk() -> None:
    one, two, three, lone = (row(f"Plates {n}.", page=page, document=DOCUMENT) for n, page in enumerate((1, 1, 1, 2)))
    found = weighed("xyz", (lone, 0.62, None), (one, 0.6, None), (two, 0.6, None), (three, 0.1, None))
    assert [text for text, _ in found] == [one.text, two.text, lone.text, three.text]


def test_without_pages_what_stands_under_the_same_headings_counts() -> None:
    beside, alone = (msgspec.structs.replace(row(text, document=DOCUMENT), heading="Kiln") for text in ("A.", "B."))
    other = msgspec.structs.replace(row("C.", document=DOCUMENT), heading="Oven")
    scores = dict(weighed("xyz", (beside, 0.5, None), (alone, 0.5, None), (other, 0.5, None)))
    assert scores["A."] == scores["B."] > scores["C."]


def test_only_the_two_best_beside_a_chunk_count_each_by_half() -> None:
    rows = [row(f"{n}.", page=1, document=DOCUMENT) for n in range(4)]
    proposals = [
        Proposal(one.id, DOCUMENT, cosine, None) for one, cosine in zip(rows, (0.9, 0.8, 0.7, 0.6), strict=True)
    ]
    measured = measure("xyz", proposals, {one.id: one for one in rows})
    bare = Weights(bias=0.0, cosine=1.0, cover=0.0, match=0.0, intercept=0.0, slope=1.0, floor=0.0)
    own = [1 / (1 + math.exp(-cosine)) for cosine in (0.9, 0.8, 0.7, 0.6)]
    assert likely(measured, bare) == pytest.approx(
        [
            own[0] + (own[1] + own[2]) / 2,
            own[1] + (own[0] + own[2]) / 2,
            own[2] + (own[0] + own[1]) / 2,
            own[3] + (own[0] + own[1]) / 2,
        ]
    )


def test_the_words_of_a_file_name_and_the_year_of_a_period_count() -> None:
    filing, other = (
        row("Revenue rose.", name="KILNS_2022_REPORT.pdf"),
        row("Revenue rose.", name="OVENS_2021_REPORT.pdf"),
    )
    found = weighed("How did revenue of Kilns do in FY2022?", (other, 0.5, 1.0), (filing, 0.5, 1.0))
    assert found[0][1] > found[1][1]
    measured = measure("FY2022?", [Proposal(filing.id, filing.document_id, 0.5, 1.0)], {filing.id: filing})
    assert measured[0].cover > 0


def test_weights_count_for_the_embedder_that_they_were_fitted_to() -> None:
    fitted = shipped()
    assert fitted.weights_for(fitted.digest) is fitted.weights
    assert fitted.weights_for("another") is BY_HAND


def test_the_shipped_weights_are_of_the_packaged_embedder_and_give_chances() -> None:
    fitted, routing = shipped(), complexity.read_weights(complexity.SHIPPED).prototypes
    assert routing is not None
    assert fitted.digest == routing.digest
    assert min(fitted.weights.cosine, fitted.weights.cover, fitted.weights.match, fitted.weights.slope) > 0
    assert 0 < fitted.weights.floor < 0.05


def test_what_postgresql_does_not_know_is_left_out() -> None:
    known = Proposal(PLATES.id, DOCUMENT, 0.5, 1.0)
    measured = measure("plates", [Proposal(uuid4(), DOCUMENT, 0.9, 9.0), known], {PLATES.id: PLATES})
    assert [one.passage.chunk_id for one in measured] == [PLATES.id]
    assert weigh(measure("plates", [], {}), BY_HAND) == []
