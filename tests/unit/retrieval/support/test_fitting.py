"""How well statements fit a question: rare words weigh most, and only what was compared is near."""

from uuid import uuid4

import pytest

from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage
from app.retrieval.support.asked import read_question
from app.retrieval.support.fitting import Fit, Fitting, meaning_of
from app.retrieval.support.statements import Statement, statements


def passage(text: str, heading: str = "") -> Passage:
    return Passage(ChunkId(uuid4()), DocumentId(uuid4()), "a.md", heading, text, 0, len(text), 0.5)


FERRY = passage("The ferry has a deck. The ferry has a kiosk. The ferry takes cars. The ferry leaves daily.", "Boats")
TABLE = passage("| fare | price |\n| --- | --- |\n| adult | 31 euros |", "Boats > Fares")


def fitting_of(question: str, *passages: Passage) -> tuple[Fitting, list[Statement]]:
    found = statements(passages)
    return Fitting(read_question(question), passages, found), found


def fits(question: str, *passages: Passage) -> list[Fit]:
    fitting, found = fitting_of(question, *passages)
    return [fitting.measure(one) for one in found]


def test_the_word_that_few_statements_have_weighs_most() -> None:
    deck, kiosk, *_ = fits("Is the kiosk of the ferry open?", FERRY)
    assert kiosk.rare_share - deck.rare_share > kiosk.share - deck.share > 0


def test_a_word_that_no_statement_has_weighs_double() -> None:
    (known, *_), (unknown, *_) = fits("ferry deck kiosk", FERRY), fits("ferry deck sauna", FERRY)
    assert known.share > unknown.share


def test_a_word_that_only_says_the_kind_of_the_answer_need_not_stand_there() -> None:
    (fit,) = fits("What is the temperature of the pool?", passage("The pool is kept at 27 degrees."))
    assert fit.share == pytest.approx(1.0)


def test_a_row_is_told_with_its_columns_and_under_its_heading() -> None:
    _, (row,) = fitting_of("fare", TABLE)
    assert meaning_of(row) == "Fares: fare: adult; price: 31 euros"


def test_what_was_not_compared_where_others_were_is_not_near() -> None:
    fitting, (deck, kiosk, *_) = fitting_of("kiosk", FERRY)
    near = {meaning_of(deck): 0.6}
    assert (fitting.measure(deck, near).near, fitting.measure(kiosk, near).near) == (0.6, 0.0)
    assert fitting.measure(deck).near is None
