"""What is computed from figures, and what results say."""

from decimal import Decimal

import msgspec
import pytest

from app.agents.finance.arithmetic import work_out
from app.agents.finance.computing import highest, is_likely, sums_of, told_facts, worked_fact
from app.agents.finance.facts import OPENING, Fact, behind, keeps
from app.agents.finance.figures import Figure
from app.agents.finance.periods import Period
from app.agents.finance.sought import Aim, Sought
from app.agents.keeping import by_rule

FY22, FY23, Q4 = Period(2022), Period(2023), Period(2023, 4)
Found = dict[tuple[str, Period], Figure]


def figure(line: str, value: str, period: Period = FY23, *, scale: str = "million", document: str = "a.pdf") -> Figure:
    number = Decimal(value)
    return Figure(line, period, number, f"{number:,}", str(period.year), document, 0, 0, 10, scale)


def found(*figures: Figure) -> Found:
    return {(one.line, one.period): one for one in figures}


def computed(sought: Sought, figures: Found) -> list[str]:
    periods = sorted({period for _, period in figures})
    sums = sums_of("Acme", sought, periods, figures)
    return [worked_fact(one, work_out(one.expression)).text for one in sums]


@pytest.mark.parametrize(
    ("sought", "figures", "expected"),
    [
        (
            Sought(("buybacks",), (), Aim.SHARE),
            found(figure("buybacks", "900"), figure("buybacks", "328.1", Q4)),
            "Repurchase of shares of Acme: Q4 FY2023 is 36.46 % of FY2023 (328.1 \u00f7 900 = 0.36).",
        ),
        (
            Sought(("revenue",), (), Aim.GROWTH),
            found(figure("revenue", "100", Period(2021)), figure("revenue", "121")),
            "Revenue of Acme rose by 10 % a year from FY2021 to FY2023 "
            "(121 \u00f7 100 = 1.21; 1.21 ^ (1 \u00f7 2) \u2212 1 = 10 %).",
        ),
        (
            Sought(("operating_income",), (), Aim.CHANGE),
            found(figure("operating_income", "-20", FY22), figure("operating_income", "5")),
            "Operating income of Acme rose by 25 from FY2022 to FY2023 (5 \u2212 (\u221220) = 25).",
        ),
        (
            Sought((), ("current_ratio",)),
            found(figure("current_assets", "30"), figure("current_liabilities", "20")),
            "Current ratio of Acme in FY2023: 1.5 (30 \u00f7 20 = 1.5).",
        ),
        (
            Sought((), ("gross_margin",)),
            found(figure("revenue", "50"), figure("cost_of_sales", "40")),
            "Gross margin of Acme in FY2023: 20 % (50 \u2212 40 = 10; 10 \u00f7 50 = 20 %).",
        ),
    ],
)
def test_what_a_question_aims_at_is_computed(sought: Sought, figures: Found, expected: str) -> None:
    assert computed(sought, figures) == [expected]


def test_percentages_change_by_percentage_points() -> None:
    rate = msgspec.structs.replace(figure("tax_rate", "14.8", FY22), is_percent=True)
    later = msgspec.structs.replace(figure("tax_rate", "-0.6"), is_percent=True)
    (told,) = computed(Sought(("tax_rate",), (), Aim.CHANGE), found(rate, later))
    assert "declined by 15.4 percentage points from FY2022 to FY2023" in told


def test_numbers_of_different_scales_are_not_computed_with() -> None:
    mixed = found(figure("current_assets", "30"), figure("current_liabilities", "20000", scale="thousand"))
    assert computed(Sought((), ("current_ratio",)), mixed) == []
    apart = msgspec.structs.replace(figure("current_liabilities", "20", scale=""), passage=1)
    assert computed(Sought((), ("current_ratio",)), found(figure("current_assets", "30", scale=""), apart)) == []


def test_one_formula_serves_all_periods() -> None:
    figures = found(
        figure("gross_profit", "10"),
        figure("revenue", "50"),
        figure("revenue", "40", FY22),
        figure("cost_of_sales", "30", FY22),
        figure("cost_of_sales", "41"),
    )
    sums = sums_of("Acme", Sought((), ("gross_margin",)), [FY22, FY23], figures)
    assert [one.expression for one in sums] == ["(40 - 30) / 40", "(50 - 41) / 50"]


def test_what_lacks_a_figure_is_left_out() -> None:
    assert computed(Sought((), ("current_ratio",)), found(figure("current_assets", "30"))) == []
    assert computed(Sought(("revenue",), (), Aim.CHANGE), found(figure("revenue", "30"))) == []


def test_figures_are_told_in_the_order_in_which_they_were_asked_for() -> None:
    facts = told_facts("Acme", Sought(("revenue", "cash")), found(figure("cash", "5"), figure("revenue", "7")))
    assert [fact.text for fact in facts] == [
        "Revenue of Acme in FY2023 (2023): 7 million.",
        "Cash and cash equivalents of Acme in FY2023 (2023): 5 million.",
    ]


def test_the_highest_is_told_across_scales() -> None:
    told = [figure("revenue", "7"), figure("revenue", "5", scale="billion", document="b.pdf")]
    (fact,) = highest((), told, {"a.pdf": "Acme", "b.pdf": "Beta"})
    assert fact.text == "The highest revenue in FY2023 is that of Beta."


def test_words_keep_facts_or_do_not() -> None:
    facts = (Fact("Cash of Acme declined by 5 % in FY2023.", ("declined", "5")),)
    assert keeps("It declined by 5 %.", facts, "And in 2022?")
    assert keeps("Since 2022 it declined by 5 %.", facts, "And in 2022?")
    assert not keeps("It rose by 5 %.", facts, "")
    assert not keeps("It declined by 5 % or 6 %.", facts, "")
    assert by_rule(OPENING, facts) == "Here is what the filings say: Cash of Acme declined by 5 % in FY2023."


def test_a_sentence_tells_the_fact_whose_numbers_it_has() -> None:
    facts = (Fact("Revenue was 70 in FY2022."), Fact("Revenue was 80 in FY2023."))
    assert behind("In FY2023 it was 80.", facts) is facts[1]
    assert behind("It was 90 in FY2023.", facts) is None
    assert behind("It went up.", facts) is None
    assert behind("By January 31 it was 80.", facts) is None
    assert behind("By January 31 it was 80.", facts, "And by January 31?") is facts[1]


def likely(sought: Sought, figures: Found) -> bool:
    (one,) = sums_of("Acme", sought, [FY23], figures)
    return is_likely(one, work_out(one.expression))


def test_a_loss_may_be_more_than_all_that_came_in() -> None:
    for net, expected in (("-250", True), ("-99", True), ("99", True), ("250", False)):
        figures = found(figure("net_income", net), figure("revenue", "100"))
        assert likely(Sought((), ("net_margin",)), figures) is expected, net


def test_expenses_may_be_more_than_all_that_came_in() -> None:
    assert likely(Sought((), ("sga_share",)), found(figure("sga", "250"), figure("revenue", "100")))


def test_a_note_far_from_the_statement_is_not_computed_with() -> None:
    far = msgspec.structs.replace(figure("gross_profit", "8"), offset=90_000)
    figures = found(far, figure("revenue", "100"), figure("cost_of_sales", "40"))
    assert computed(Sought((), ("gross_margin",)), figures) == [
        "Gross margin of Acme in FY2023: 60 % (100 \u2212 40 = 60; 60 \u00f7 100 = 60 %)."
    ]


def test_a_loss_is_not_told_as_a_gain() -> None:
    (fact,) = told_facts("Acme", Sought(("net_income",)), found(figure("net_income", "-5053")))
    for answer, does in (
        ("The net income of Acme was 5,053 million.", False),
        ("The net loss of Acme was 5,053 million.", True),
        ("The net income of Acme was ($5,053) million.", True),
        ("The net income of Acme was \u2212$5,053 million.", True),
    ):
        assert keeps(answer, [fact], "What was it?") is does, answer


def test_a_tax_that_comes_back_is_told_as_a_benefit() -> None:
    (fact,) = told_facts("Acme", Sought(("income_tax",)), found(figure("income_tax", "-743")))
    assert fact.text.startswith("Income tax benefit of Acme in FY2023")


def test_what_is_no_percentage_is_not_told_as_one() -> None:
    (fact,) = told_facts("Acme", Sought(("eps",)), found(figure("eps", "3.85")))
    for answer, does in (("2023: 3.85%. That is $3.85.", False), ("Diluted earnings per share were $3.85.", True)):
        assert keeps(answer, [fact], "What was it?") is does, answer
