"""How a question is taken apart."""

import pytest

from app.agents.finance.filings import FilingForm, read_filing
from app.agents.finance.periods import Period
from app.agents.finance.planning import PARTS, Limits, Plan, PlannedBy, owners_of, plan, unknown_names
from app.agents.finance.sought import sought_of

NAMES = (
    "AMCOR_2023_10K",
    "BESTBUY_2023_10K",
    "BESTBUY_2024Q2_10Q",
    "BOEING_2022_10K",
    "PFIZER_2021_10K",
    "ULTABEAUTY_2023Q4_EARNINGS",
)
FILINGS = tuple(filing for name in NAMES if (filing := read_filing(f"{name}.pdf")))
NO_LIMITS = Limits()


def planned(question: str, limits: Limits = NO_LIMITS, before: tuple[str, ...] = ()) -> Plan:
    owners, _ = owners_of(question, FILINGS, limits, before)
    return plan(question, FILINGS, owners, sought_of(question), PlannedBy.RULE, limits)


def parts(question: str, limits: Limits = NO_LIMITS) -> list[tuple[str, list[str]]]:
    return [
        ("" if part.filing is None else part.filing.document.removesuffix(".pdf"), [str(one) for one in part.periods])
        for part in planned(question, limits).parts
    ]


PARTS_OF: list[tuple[str, list[tuple[str, list[str]]]]] = [
    ("What was Boeing's revenue in FY2022?", [("BOEING_2022_10K", ["FY2022"])]),
    ("Did Pfizer's net income grow in FY2021?", [("PFIZER_2021_10K", ["FY2021", "FY2020"])]),
    ("Did Amcor's revenue grow from 2021 to 2023?", [("AMCOR_2023_10K", ["FY2021", "FY2022", "FY2023"])]),
    (
        "Did cash and cash equivalents of Best Buy drop between FY2023 and Q2 of FY2024?",
        [("BESTBUY_2024Q2_10Q", ["FY2023", "Q2 FY2024"])],
    ),
    (
        "How did Best Buy's revenue change between FY2023 and Q2 of FY2024?",
        [("BESTBUY_2023_10K", ["FY2023"]), ("BESTBUY_2024Q2_10Q", ["Q2 FY2024"])],
    ),
    ("What is Best Buy's cash balance?", [("BESTBUY_2024Q2_10Q", ["Q2 FY2024"])]),
    ("What is Best Buy's revenue each year?", [("BESTBUY_2023_10K", ["FY2023"])]),
    ("What is Best Buy's revenue in its 10-K?", [("BESTBUY_2023_10K", ["FY2023"])]),
    (
        "Compare the gross margin of Boeing with that of Pfizer in 2021.",
        [("BOEING_2022_10K", ["FY2021", "FY2020"]), ("PFIZER_2021_10K", ["FY2021", "FY2020"])],
    ),
    ("What is Boeing's business?", [("BOEING_2022_10K", [])]),
    ("What drove the reduction of expenses in FY2023?", [("", ["FY2023"])]),
]


@pytest.mark.requirement("FIN-11.plans")
@pytest.mark.parametrize(("question", "expected"), PARTS_OF)
def test_a_question_becomes_parts(question: str, expected: list[tuple[str, list[str]]]) -> None:
    assert parts(question) == expected


def test_who_alone_has_filings_of_the_periods_is_meant() -> None:
    assert parts("Did cash and cash equivalents drop between FY 2023 and Q2 of FY2024?") == [
        ("BESTBUY_2024Q2_10Q", ["FY2023", "Q2 FY2024"])
    ]


def test_a_plan_has_four_parts_at_most() -> None:
    question = "Compare the revenue of Amcor, Best Buy, Boeing, Pfizer and Ulta Beauty in 2022."
    assert len(planned(question).parts) == PARTS


def test_limits_of_the_caller_leave_filings_out() -> None:
    only = Limits(forms=frozenset({FilingForm.ANNUAL}), periods=(Period(2023),))
    assert parts("What is Best Buy's cash balance?", only) == [("BESTBUY_2023_10K", ["FY2023"])]
    assert parts("What was revenue?", Limits(tickers=frozenset({"BOEING"}))) == [("BOEING_2022_10K", ["FY2022"])]


def test_a_question_without_a_name_goes_on_about_the_company_before() -> None:
    assert owners_of("And what was its revenue?", FILINGS, NO_LIMITS, ("boeing",)) == (
        ("boeing",),
        PlannedBy.SESSION,
    )
    assert owners_of("And what was the revenue of Airbus?", FILINGS, NO_LIMITS, ("boeing",)) == (
        (),
        PlannedBy.DEFAULT,
    )


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What was the revenue of Big Blue?", ("Big Blue",)),
        ("What was revenue in January?", ()),
        ("How is Acme's revenue?", ("Acme",)),
        ("What is in the Balance Sheet?", ()),
    ],
)
def test_names_that_no_rule_knows_are_seen(question: str, expected: tuple[str, ...]) -> None:
    assert unknown_names(question) == expected
