"""What counts as found, question by question."""

import msgspec
import pytest

from app.retrieval.evaluation.golden import Golden
from app.retrieval.evaluation.measures import Among, Metric, Row, Seen, row_of, shares, value_of

MARGIN = Golden(
    id="margin", question="What was the margin?", documents=("a.pdf",), pages=(4, 9), facts=(("20 %", "20 percent"),)
)


def seen(document: str, page: int | None, text: str = "") -> Seen:
    return Seen(document, page, text, 0.5)


def row(*found: Seen, golden: Golden = MARGIN, among: Among = Among.ALL) -> Row:
    return row_of(golden, among, found)


def test_pages_and_documents_are_ranked_by_their_first_passage() -> None:
    found = row(seen("b.pdf", 4), seen("b.pdf", 4), seen("a.pdf", 3), seen("a.pdf", 9), seen("a.pdf", 4))
    assert (found.page, found.pages_right, found.document) == (3, (3, 4), 2)
    assert [(place.document, place.page) for place in found.found] == [
        ("b.pdf", 4), ("a.pdf", 3), ("a.pdf", 9), ("a.pdf", 4),
    ]  # fmt: skip
    assert value_of(Metric.RECALL, found, 3) == 0.5
    assert (value_of(Metric.PAGE_HIT, found, 2), value_of(Metric.PAGE_HIT, found, 3)) == (0.0, 1.0)
    assert value_of(Metric.MRR, found, 5) == pytest.approx(1 / 3)


def test_the_same_page_of_another_document_is_not_the_right_one() -> None:
    found = row(seen("b.pdf", 4))
    assert (found.page, found.document, value_of(Metric.MRR, found, 5)) == (None, None, 0.0)


def test_a_text_that_stands_in_the_right_document_too_counts_for_it() -> None:
    found = row(msgspec.structs.replace(seen("b.pdf", 4), also=("a.pdf",)))
    assert found.document == 1


def test_facts_must_all_be_read_in_the_right_documents() -> None:
    golden = Golden(id="x", question="?", documents=("a.md", "b.md"), facts=(("68 litres",), ("five years", "5 years")))
    texts = [
        seen("c.md", None, "68 litres, 5 years"),
        seen("a.md", None, "168 litres"),
        seen("a.md", None, "68\nlitres"),
    ]
    assert row(*texts, golden=golden).support is None
    assert row(*texts, seen("b.md", None, "Five years."), golden=golden).support == 4
    assert row(*texts, seen("b.md", None, "Five years."), golden=golden).rank == 4


def test_a_part_of_the_quote_supports_and_other_words_do_not() -> None:
    quote = (
        "Amcor completed three acquisitions in the year, one of a maker of flexible packaging in the Czech Republic."
    )
    golden = Golden(id="x", question="?", documents=("a.pdf",), pages=(4,), quote=quote)
    part = seen("a.pdf", 4, "one of a maker of flexible packaging in the Czech Republic")
    assert row(seen("a.pdf", 4, "Amcor makes packaging in the Czech Republic"), part, golden=golden).support == 2


def test_a_question_without_an_answer_counts_only_where_nothing_was_found() -> None:
    golden = Golden(id="moon", question="How far is the moon?")
    rows = [row(golden=golden), row(seen("a.pdf", 1), golden=golden)]
    assert shares(rows, 5) == {Metric.NOTHING_FOUND: (0.5, 2)}


def test_what_is_not_known_of_a_question_is_not_counted() -> None:
    golden = Golden(id="x", question="?", documents=("a.pdf",))
    found = shares([row(seen("a.pdf", 1), golden=golden)], 5)
    assert found == {Metric.MRR: (1.0, 1), Metric.DOCUMENT_HIT: (1.0, 1)}
    named = row(seen("a.pdf", 1), golden=golden, among=Among.NAMED)
    # The filter found it, not the search.
    assert value_of(Metric.DOCUMENT_HIT, named, 5) is None
