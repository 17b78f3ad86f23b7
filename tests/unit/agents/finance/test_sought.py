"""Which figures a question asks for."""

import pytest

from app.agents.finance.sought import Aim, Sought, sought_of


@pytest.mark.parametrize(
    ("question", "lines", "measures", "aim"),
    [
        ("What was Acme's total revenue in FY2022?", ("revenue",), (), Aim.VALUE),
        ("Did Acme's inventories fall in 2022?", ("inventories",), (), Aim.CHANGE),
        ("Does Acme have an improving gross margin profile?", (), ("gross_margin",), Aim.CHANGE),
        (
            "What is the current ratio, given its current liabilities?",
            ("current_liabilities",),
            ("current_ratio",),
            Aim.VALUE,
        ),
        ("What was the compound annual growth of net income from 2020 to 2022?", ("net_income",), (), Aim.GROWTH),
        ("What percent of share repurchases for FY2023 occurred in Q4 of FY2023?", ("buybacks",), (), Aim.SHARE),
        ("What was SG&A as a percent of net sales?", (), ("sga_share",), Aim.VALUE),
    ],
)
def test_lines_and_measures_are_read_from_its_words(
    question: str, lines: tuple[str, ...], measures: tuple[str, ...], aim: Aim
) -> None:
    assert sought_of(question) == Sought(lines, measures, aim)


@pytest.mark.parametrize(
    "question",
    [
        "What drove the increase in merchandise inventories?",
        "Which product category has more than 20% of revenue?",
        "Why did gross margin decline?",
        "Did wages as a percent of net sales increase?",
        "What industry does it operate in?",
        "How did comparable sales of Acme develop in 2022?",
        "What was the deferred revenue of Acme?",
        "What was Acme's adjusted net income in 2022?",
        "Which non-GAAP operating income did Acme have?",
        "What revenue does Acme expect for 2024?",
        "What is the outlook on capital expenditures?",
    ],
)
def test_where_words_are_the_answer_no_figures_are_sought(question: str) -> None:
    assert not sought_of(question).has_figures


def test_a_condition_at_the_end_asks_for_nothing() -> None:
    question = "Has the quick ratio improved? If the quick ratio is not useful, then state that and explain why."
    assert sought_of(question) == Sought((), ("quick_ratio",), Aim.CHANGE)


def test_only_balances_are_of_a_day() -> None:
    assert Sought(("cash",)).is_instant
    assert not Sought(("cash", "revenue")).is_instant
    assert not Sought().is_instant
