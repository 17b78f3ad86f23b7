"""What may be said of a document, and how it is kept."""

from collections.abc import Mapping

import pytest

from app.errors import BadInput
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.metadata import KEYS, TAGS_AT_MOST, Said, clean_date, read_said
from app.retrieval.states import DocumentState


def test_what_is_said_is_kept_in_one_form() -> None:
    said = read_said(
        {"ticker": " brk.b ", "date": "2024-02-29", "tags": ["10-K", "Öl", "10-K"], "company": " Berkshire "},
        " f\u0301ilings ",
    )
    assert said.metadata == {"ticker": "BRK.B", "date": "2024-02-29", "tags": ("10-K", "Öl"), "company": "Berkshire"}
    assert said.set_name == "f\u0301ilings"


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"ticker": ""}, "ticker"),
        ({"ticker": "A PPL"}, "ticker"),
        ({"ticker": "A" * 17}, "ticker"),
        ({"date": "2023-02-29"}, "date"),
        ({"date": "20240229"}, "date"),
        ({"date": "2024-W09-4"}, "date"),
        ({"tags": "10-K"}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["a,b"]}, "tags"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"tags": [str(number) for number in range(TAGS_AT_MOST + 1)]}, "tags"),
        ({"company": 7}, "company"),
        ({"company": "  "}, "company"),
        ({"company": "x" * 501}, "company"),
        ({"company": "a\nb"}, "company"),
        ({"company": "a\x00b"}, "company"),
        ({"company": "\ud800"}, "company"),
        ({"Company": "x"}, "metadata"),
        ({"1": "x"}, "metadata"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_name(metadata: Mapping[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_said(metadata)
    assert caught.value.facts["field"] == field


def test_what_is_absent_stays_and_none_takes_away() -> None:
    before = {"ticker": "AAPL", "tags": ("10-K",), "company": "Apple"}
    said = read_said({"ticker": None, "tags": [], "date": "2024-09-28"})
    assert said.merged(before) == {"company": "Apple", "date": "2024-09-28"}
    assert (said.moved("filings"), read_said({}, None).moved("filings"), read_said({}, "new").moved("filings")) == (
        "filings",
        None,
        "new",
    )


def test_a_document_has_no_more_keys_than_its_limit() -> None:
    whole = {f"key_{number}": "x" for number in range(KEYS)}
    assert len(Said().merged(whole)) == KEYS
    assert len(Said({"key_0": None, "other": "x"}).merged(whole)) == KEYS
    with pytest.raises(BadInput):
        Said({"other": "x"}).merged(whole)


def test_a_filter_asks_in_the_form_in_which_things_are_kept() -> None:
    asked = DocumentFilter.read(set_name=" filings ", ticker="aapl", tags=("10-K", "10-K"), date_from="2024-01-01")
    assert (asked.set_name, asked.ticker, asked.tags, asked.date_from) == ("filings", "AAPL", ("10-K",), "2024-01-01")
    assert asked.asks
    assert DocumentFilter(states=(DocumentState.READY,)).asks
    assert not DocumentFilter.read().asks
    assert DocumentFilter.read() == EVERYTHING
    with pytest.raises(BadInput) as caught:
        DocumentFilter.read(date_to="tomorrow")
    assert caught.value.facts["field"] == "date_to"


def test_a_date_is_a_day_of_the_calendar() -> None:
    assert clean_date(" 2024-12-31 ") == "2024-12-31"
