"""Which documents are filings, and whose a question means."""

import pytest

from app.agents.finance.filings import (
    Filing,
    FilingForm,
    forms_of,
    forms_said,
    owners_said,
    read_filing,
    tickers_of,
)
from app.agents.finance.periods import Period
from app.errors import BadInput

NAMES = ("AMCOR_2023_10K", "AMERICANEXPRESS_2022_10K", "BESTBUY_2024Q2_10Q", "MGMRESORTS_2022Q4_EARNINGS")
FILINGS = [filing for name in NAMES if (filing := read_filing(f"{name}.pdf"))]


def test_a_name_says_company_form_and_period() -> None:
    filing = read_filing("BESTBUY_2024Q2_10Q.pdf")
    assert filing == Filing("BESTBUY_2024Q2_10Q.pdf", ("BESTBUY",), None, FilingForm.QUARTERLY, Period(2024, 2))


def test_tags_say_it_rather_than_the_name() -> None:
    tags = ["form:10-Q", "period:2024Q2", "company:Best Buy", "urgent"]
    filing = read_filing("X_2020_10K.pdf", ticker="BBY", tags=tags)
    assert filing is not None
    assert (filing.company, filing.owner) == ("Best Buy", "BBY")
    assert (filing.form, filing.period) == (FilingForm.QUARTERLY, Period(2024, 2))
    assert filing.tags == ("form:10-Q", "period:2024Q2")


def test_another_document_is_no_filing_unless_it_stands_in_their_set() -> None:
    assert read_filing("faq.md") is None
    assert read_filing("faq.md", set_name="sec_filings") == Filing("faq.md")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Has AMCOR's quick ratio improved?", ["amcor"]),
        ("What is best buy's revenue?", ["bestbuy"]),
        ("Does AMEX have an improving margin?", ["americanexpress"]),
        ("Which region did best for MGM?", ["mgmresorts"]),
        ("Best of all was what?", []),
        ("Which category performed the best?", []),
        ("Compare American Express with Amcor.", ["americanexpress", "amcor"]),
    ],
)
def test_a_question_names_companies(question: str, expected: list[str]) -> None:
    assert list(owners_said(question, FILINGS)) == expected


def test_a_ticker_names_a_company_in_capitals_only() -> None:
    filings = [Filing("a.pdf", ("Alpha",), "ALL")]
    assert owners_said("What does ALL owe?", filings) == ("ALL",)
    assert owners_said("What do all owe?", filings) == ()


def test_a_question_names_forms() -> None:
    assert forms_said("in its 10-Q or the earnings release") == (FilingForm.QUARTERLY, FilingForm.EARNINGS)


def test_lists_of_tickers_and_forms_are_read_or_refused() -> None:
    assert tickers_of("bby, AXP,") == {"BBY", "AXP"}
    assert forms_of("10K,10-q") == {FilingForm.ANNUAL, FilingForm.QUARTERLY}
    with pytest.raises(BadInput):
        forms_of("letter")
    with pytest.raises(BadInput):
        tickers_of("a b")
