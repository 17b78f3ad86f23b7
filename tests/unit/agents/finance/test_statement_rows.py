"""Rows of statements as filings print them: sections, signs, units, columns and titles that stand apart from them."""

from decimal import Decimal
from itertools import count

import msgspec
import pytest

from app.agents.finance.figures import UNSAID, Figure, read_figures
from app.agents.finance.periods import Period
from app.retrieval.passages import Passage
from tests.unit.agents.finance.test_figures import filing, passage

ANNUAL, RELEASE = "ACME_2022_10K.pdf", "ACME_2022Q4_EARNINGS.pdf"
FY21, FY22, Q4_22 = Period(2021), Period(2022), Period(2022, 4)
STATEMENT = "Consolidated Statements of Operations (In thousands, except per share data)\n"
PER_SHARE = """\
| Years ended December 31, | 2022 | 2021 |
| - | - | - |
| Earnings per share |  |  |
| Basic | $ 3.52 | $ 2.44 |
| Diluted | $ 3.49 | $ 2.41 |
| Weighted average common shares outstanding for earnings per share |  |  |
| Basic | 409,201 | 481,930 |
| Diluted | 412,993 | 487,356 |
"""
ALL_COSTS = """\
| Years ended December 31, | 2022 | 2021 |
| - | - | - |
| Revenues | 9,000 | 8,000 |
| Cost of products | 4,000 | 3,500 |
| Selling, general and administrative expenses | 2,000 | 1,900 |
| Total costs and expenses | 6,000 | 5,400 |
"""


def on_page(*texts: str, document: str = ANNUAL, page: int = 55) -> list[Passage]:
    """Return passages that follow one another on a page."""
    made, at, numbers = list[Passage](), 0, count(1)
    for text in texts:
        one = passage(text, document, ordinal=next(numbers))
        made.append(msgspec.structs.replace(one, start_offset=at, end_offset=at + len(text), page=page))
        at += len(text) + 1
    return made


def read(line: str, *texts: str, document: str = ANNUAL, period: Period = FY22) -> Figure | None:
    found = read_figures(on_page(*texts, document=document), filing(document.removesuffix(".pdf")), [line], [period])
    return found.get((line, period))


def told(line: str, *texts: str, document: str = ANNUAL, period: Period = FY22) -> str | None:
    figure = read(line, *texts, document=document, period=period)
    return None if figure is None else figure.told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("eps", "$ 3.49"),
        ("basic_eps", "$ 3.52"),
        ("diluted_shares", "412,993 thousand"),
        ("basic_shares", "409,201 thousand"),
    ],
)
def test_a_diluted_row_is_of_earnings_or_of_shares_by_what_stands_above_it(line: str, expected: str) -> None:
    assert told(line, STATEMENT + PER_SHARE) == expected


def test_a_diluted_row_under_no_section_is_not_read() -> None:
    bare = "| Years ended December 31, | 2022 | 2021 |\n| - | - | - |\n| Diluted | 412,993 | 487,356 |\n"
    assert told("eps", STATEMENT + bare) is None


def test_earnings_per_share_may_be_called_by_whose_they_are() -> None:
    table = (
        "| Years ended December 31, | 2022 | 2021 |\n| - | - | - |\n"
        "| Net income attributable to Acme common shareholders | 21,979 | 9,159 |\n"
        "| Earnings per common share\u2013\u2013basic: |  |  |\n"
        "| Net income attributable to Acme common shareholders | $ 3.92 | $ 1.65 |\n"
        "| Earnings per common share\u2013\u2013diluted: |  |  |\n"
        "| Net income attributable to Acme common shareholders | $ 3.85 | $ 1.63 |\n"
    )
    assert (told("eps", STATEMENT + table), told("basic_eps", STATEMENT + table)) == ("$ 3.85", "$ 3.92")
    assert told("own_net_income", STATEMENT + table) == "21,979 thousand"


def test_all_costs_and_expenses_are_no_cost_of_sales() -> None:
    assert told("cost_of_sales", STATEMENT + ALL_COSTS) is None
    assert told("total_expenses", STATEMENT + ALL_COSTS) == "6,000 thousand"


def test_they_are_where_nothing_but_costs_of_what_was_sold_stands_above_them() -> None:
    text = STATEMENT + ALL_COSTS.replace("Selling, general and administrative expenses", "Cost of services")
    assert told("cost_of_sales", text) == "6,000 thousand"


def test_operating_expenses_are_no_operating_income_and_net_interest_is_no_interest_expense() -> None:
    head = f"{STATEMENT}| Years ended December 31, | 2022 | 2021 |\n| - | - | - |\n"
    table = f"{head}| Total operating expenses | 700 | 600 |\n| Operating income (loss) | (1,896) | 368 |\n"
    assert told("operating_expenses", table) == "700 thousand"
    assert told("operating_income", table) == "(1,896) thousand"
    assert told("interest_expense", f"{head}| Interest expense, net | 120 | 110 |\n") is None
    assert told("interest_expense", f"{head}| Interest expense | 150 | 110 |\n") == "150 thousand"


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("(Millions, except per share amounts)", "million"),
        ("(MILLIONS, EXCEPT PER COMMON SHARE DATA)", "million"),
        ("(Dollars in millions)", "million"),
        ("(In thousands, except per share data)", "thousand"),
        ("", UNSAID),
    ],
)
def test_the_unit_is_that_of_the_statement(title: str, unit: str) -> None:
    head = f"Consolidated Statements of Income\n| Year Ended December 31 {title} | 2022 | 2021 |\n| - | - | - |\n"
    billed = passage("| Billed business (in billions) | $ 1,338.3 | $ 1,089.8 |", ANNUAL, ordinal=9)
    away = msgspec.structs.replace(billed, start_offset=90_000, page=50)
    own = on_page(f"{head}| Total revenues | 52,862 | 42,380 |\n")
    found = read_figures([*own, away], filing("ACME_2022_10K"), ["revenue"], [FY22])
    assert found["revenue", FY22].told == f"52,862 {unit}"


def test_a_unit_that_stands_at_the_head_of_the_page_counts_to_its_end() -> None:
    texts = (
        f"{STATEMENT}| Years ended December 31, | 2022 | 2021 |\n| - | - | - |\n| Revenues | 9,000 | 8,000 |",
        "| Cost of sales | 4,000 | 3,500 |\n| Gross profit | 5,000 | 4,500 |",
        "Operating income 2,000 1,900\n| Interest expense | (290) | (159) |",
    )
    assert told("operating_income", *texts) == "2,000 thousand"
    figure = read("interest_expense", *texts)
    assert figure is not None
    assert (figure.value, figure.told) == (Decimal(290), "(290) thousand")


def test_dates_that_stand_above_a_table_are_its_columns() -> None:
    head = (
        f"{STATEMENT}Three Months Ended Twelve Months Ended\n\nDecember 31,\n2022\n\nDecember 31,\n2021\n\n"
        "December 31,\n2022"
    )
    table = "December 31, 2021 Revenues\n| Operating income (loss) | (1,896) | 368,847 | 1,439,372 | 2,278,699 |"
    year = told("operating_income", head, table, document=RELEASE)
    quarter = told("operating_income", head, table, document=RELEASE, period=Q4_22)
    assert (year, quarter) == ("1,439,372 thousand", "(1,896) thousand")


@pytest.mark.parametrize("years", ["2020 | 2021 | 2022", "2022 | 2021 | 2020", "2021 | 2022 | 2020"])
def test_columns_may_stand_in_any_order(years: str) -> None:
    cells = " | ".join(f"{year}0" for year in years.split(" | "))
    table = f"{STATEMENT}| Years ended December 31, | {years} |\n| - | - | - | - |\n| Revenues | {cells} |\n"
    assert told("revenue", table, period=FY21) == "20210 thousand"


def test_of_a_restated_year_what_was_reported_before_is_not_read() -> None:
    head = (
        "| Years ended December 31, | 2022 | 2021 (As previously reported) | 2021 (As restated) |\n| - | - | - | - |\n"
    )
    assert told("revenue", f"{STATEMENT}{head}| Revenues | 9,000 | 8,100 | 8,000 |\n", period=FY21) == "8,000 thousand"


def test_a_year_that_stands_twice_is_not_read() -> None:
    head = "| Years ended December 31, | 2022 | 2021 | 2022 | 2021 |\n| - | - | - | - | - |\n"
    assert told("revenue", f"{STATEMENT}{head}| Revenues | 9,000 | 8,000 | 90 | 80 |\n") is None


@pytest.mark.parametrize(
    ("label", "cells", "value"),
    [
        ("Income tax expense", "(193) | (300)", "193"),
        ("Income tax (expense)/benefit", "(31) | 743", "31"),
        ("Income tax (expense)/benefit", "743 | (31)", "-743"),
        ("Provision/(benefit) for taxes on income", "(1,852) | 370", "-1852"),
        ("Income tax benefit", "743 | 20", "-743"),
    ],
)
def test_a_tax_is_a_cost_and_a_benefit_is_less(label: str, cells: str, value: str) -> None:
    head = f"{STATEMENT}| Years ended December 31, | 2022 | 2021 |\n| - | - | - |\n"
    figure = read("income_tax", f"{head}| {label} | {cells} |\n")
    assert figure is not None
    assert figure.value == Decimal(value)


def test_a_result_that_only_a_note_has_is_another_companys() -> None:
    own = on_page(f"{STATEMENT}| Years ended December 31, | 2022 | 2021 |\n| - | - | - |\n| Revenues | 9,000 | 8,000 |")
    note = passage("|  | 2022 | 2021 |\n| - | - | - |\n| Gross profit | 777 | 666 |\n", ANNUAL, ordinal=8)
    far = msgspec.structs.replace(note, start_offset=60_000, page=74)
    assert not read_figures([*own, far], filing("ACME_2022_10K"), ["gross_profit"], [FY22])
    assert read_figures([far], filing("ACME_2022_10K"), ["gross_profit"], [FY22])


def test_what_a_balance_changed_by_is_no_balance() -> None:
    head = "Consolidated Statements of Cash Flows (in thousands)\n| Years ended | 2022 | 2021 |\n| - | - | - |\n"
    assert told("payables", f"{head}| Accounts payable | 8,309 | 66,156 |\n") is None
    assert told("operating_cash", f"{head}| Net cash provided/(used) by operating activities | 3,512 | (3,416) |\n")


def test_cash_of_what_goes_on_is_not_all_cash() -> None:
    head = "Consolidated Statements of Cash Flows (in thousands)\n| Years ended | 2022 | 2021 |\n| - | - | - |\n"
    row = "Net cash provided by operating activities"
    rows = f"| {row} from continuing operations | 32,922 | 10,540 |\n| {row} | 32,580 | 14,403 |\n"
    assert told("operating_cash", head + rows) == "32,580 thousand"
    assert told("operating_cash", f"{head}| {row} from continuing operations | 32,922 | 10,540 |\n") is None


def test_prose_ends_a_table() -> None:
    prose = "The following shows what the company expects of the years to come, which may turn out otherwise than told."
    table = f"{STATEMENT}| Years ended December 31, | 2022 | 2021 |\n| - | - | - |\n| Revenues | 9,000 | 8,000 |\n"
    assert told("net_income", f"{table}\n{prose}\n\n| Net income | 777 | 666 |\n") is None
