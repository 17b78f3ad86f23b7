"""Figures are read from the tables of filings: the right row, the right period, and nothing where that is not clear."""

from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from app.agents.finance.figures import UNSAID, Figure, read_figures
from app.agents.finance.filings import Filing, read_filing
from app.agents.finance.periods import Period
from app.ids import ChunkId, DocumentId
from app.retrieval.passages import Passage

FY22, FY23, Q2_24, Q2_23, Q4_23 = Period(2022), Period(2023), Period(2024, 2), Period(2023, 2), Period(2023, 4)
BALANCE = """\
Condensed Consolidated Balance Sheets
| $ in millions, except per share amounts (unaudited) |  |  |  |
|  | July 29, 2023 | January 28, 2023 | July 30, 2022 |
| Assets |  |  |  |
| Cash and cash equivalents | $ 1,093 | $ 1,874 | $ 840 |
| Receivables, net | 856 | 1,141 | 840 |
| Total current assets | 8,304 | 8,802 | 8,344 |
"""
EARNINGS = """\
#### $ and shares in millions, except per share amounts (unaudited)

|  | July 29, 2023 | Three Months Ended July 30, 2022 | July 29, 2023 | Six Months Ended July 30, 2022 |
| - | - | - | - | - |
| Revenue | $ 9,583 | $ 10,329 | $ 19,050 | $ 20,976 |
| Interest expense | (12) | (7) | (24) | (13) |
| Diluted earnings per share | $ 1.25 | $ 1.35 | $ 2.36 | $ 2.85 |
"""
ANNUAL = """\
Amcor plc and Subsidiaries Consolidated Statements of Income ($ in millions, except per share data)
| For the years ended June 30, | 2023 | 2022 | 2021 |
| - | - | - | - |
| Net sales | $ 14,694 | $ 14,544 | $ 12,861 |
| Cost of sales | (11,969) | (11,724) | (10,129) |

Gross profit 2,725 2,820 2,732
"""
SHARES = """\
13 Weeks Ended
|  | January 28, 2023 (Unaudited) |  | January 29, 2022 (Unaudited) |  |
| - | - | - | - | - |
| Net sales | $ 3,226,773 |  | 100.0% $ 2,729,388 | 100.0% |
| Gross profit | 1,212,503 | 37.6% | 1,027,329 | 37.6% |
"""


TWO_YEARS = "|  | 2023 | 2022 |\n| - | - | - |\n"


def passage(text: str, document: str = "ACME_2024Q2_10Q.pdf", *, heading: str = "", ordinal: int = 0) -> Passage:
    ids = UUID(int=ordinal)
    return Passage(ChunkId(ids), DocumentId(ids), document, heading, text, 100, 100 + len(text), 0.5)


def filing(name: str = "ACME_2024Q2_10Q") -> Filing:
    found = read_filing(f"{name}.pdf")
    assert found is not None
    return found


def read(text: str, name: str, line: str, *periods: Period) -> list[tuple[str, str]]:
    figures = read_figures([passage(text, f"{name}.pdf")], filing(name), [line], periods)
    return [(str(figure.period), figure.told) for figure in figures.values()]


def test_a_balance_is_read_with_its_scale_and_the_place_where_it_stands() -> None:
    table = passage(BALANCE)
    figures = read_figures([table], filing(), ["cash"], [FY23, Q2_24])
    assert figures["cash", FY23] == Figure(
        line="cash",
        period=FY23,
        value=Decimal(1874),
        said="$ 1,874",
        column="January 28, 2023",
        document=table.document,
        passage=0,
        start=BALANCE.index("| Cash"),
        end=BALANCE.index("\n| Receivables"),
        scale="million",
        offset=100 + BALANCE.index("| Cash"),
    )
    assert figures["cash", Q2_24].told == "$ 1,093 million"


@pytest.mark.parametrize(
    ("text", "name", "line", "periods", "expected"),
    [
        (BALANCE, "ACME_2024Q2_10Q", "cash", [Q2_23], [("Q2 FY2023", "$ 840 million")]),
        (EARNINGS, "ACME_2024Q2_10Q", "revenue", [Q2_24], [("Q2 FY2024", "$ 9,583 million")]),
        (EARNINGS, "ACME_2024Q2_10Q", "revenue", [Q2_23], [("Q2 FY2023", "$ 10,329 million")]),
        (EARNINGS, "ACME_2024Q2_10Q", "eps", [Q2_24], [("Q2 FY2024", "$ 1.25")]),
        (ANNUAL, "ACME_2023_10K", "revenue", [FY22], [("FY2022", "$ 14,544 million")]),
        (ANNUAL, "ACME_2023_10K", "gross_profit", [FY23], [("FY2023", "2,725 million")]),
        (SHARES, "ACME_2023Q4_EARNINGS", "gross_profit", [Q4_23], [("Q4 FY2023", f"1,212,503 {UNSAID}")]),
        (SHARES, "ACME_2023Q4_EARNINGS", "revenue", [Q4_23], [("Q4 FY2023", f"$ 3,226,773 {UNSAID}")]),
    ],
)  # fmt: skip
def test_the_cell_of_a_period_is_read(
    text: str, name: str, line: str, periods: list[Period], expected: list[tuple[str, str]]
) -> None:
    assert read(text, name, line, *periods) == expected


@pytest.mark.parametrize(
    ("text", "name", "line", "period"),
    [
        (EARNINGS, "ACME_2024Q2_10Q", "revenue", FY23),
        (SHARES, "ACME_2023Q4_EARNINGS", "gross_profit", FY23),
        (SHARES.replace("13 Weeks Ended", ""), "ACME_2023Q4_EARNINGS", "gross_profit", Q4_23),
        (ANNUAL, "ACME_2023_10K", "revenue", Period(2019)),
        (ANNUAL, "ACME_2023_10K", "cash", FY23),
        ("| Receivables | 34,260 | (40,573) |", "ACME_2023_10K", "receivables", FY23),
        (f"{TWO_YEARS}| Receivables | 34,260 | (40,573) |", "ACME_2023_10K", "receivables", FY23),
        (f"{TWO_YEARS}| Net sales | 34,260 |", "ACME_2023_10K", "revenue", FY23),
    ],
)  # fmt: skip
def test_nothing_is_read_where_it_is_not_clear(text: str, name: str, line: str, period: Period) -> None:
    assert read(text, name, line, period) == []


def test_costs_in_brackets_are_costs() -> None:
    figures = read_figures([passage(ANNUAL, "ACME_2023_10K.pdf")], filing("ACME_2023_10K"), ["cost_of_sales"], [FY23])
    assert figures["cost_of_sales", FY23].value == Decimal(11969)
    assert figures["cost_of_sales", FY23].said == "(11,969)"


def test_the_total_counts_and_not_what_a_guarantor_has_alone() -> None:
    alone = passage(ANNUAL.replace("14,694", "377"), "ACME_2023_10K.pdf", heading="Guarantees", ordinal=1)
    own = passage(ANNUAL, "ACME_2023_10K.pdf", ordinal=2)
    figures = read_figures([alone, own], filing("ACME_2023_10K"), ["revenue"], [FY23])
    assert (figures["revenue", FY23].value, figures["revenue", FY23].passage) == (Decimal(14694), 1)


def test_another_filing_is_not_read() -> None:
    assert not read_figures([passage(ANNUAL, "OTHER_2023_10K.pdf")], filing("ACME_2023_10K"), ["revenue"], [FY23])


def test_a_scale_that_all_tables_say_is_that_of_one_that_says_none() -> None:
    silent = passage(SHARES, "ACME_2023Q4_EARNINGS.pdf")
    telling = passage("Balance sheets (in thousands)", "ACME_2023Q4_EARNINGS.pdf", ordinal=1)
    other = passage("Highlights (dollars in millions)", "ACME_2023Q4_EARNINGS.pdf", ordinal=2)
    for passages, told in (((silent, telling), "$ 3,226,773 thousand"), ((silent, telling, other), UNSAID)):
        figures = read_figures(passages, filing("ACME_2023Q4_EARNINGS"), ["revenue"], [Q4_23])
        assert figures["revenue", Q4_23].told.endswith(told)


def test_a_number_too_small_for_its_statement_is_of_some_note() -> None:
    note = f"{TWO_YEARS}| Research and development expenses | 1 | 2 |"
    assert read(note, "ACME_2023_10K", "research", FY23) == []


def test_a_balance_counts_beside_the_total_assets() -> None:
    total = passage(f"Balance sheets\n{TWO_YEARS}| Total assets | 17,003 | 17,426 |", "ACME_2023_10K.pdf")
    note = f"{TWO_YEARS}| Goodwill | 566 | 585 |"
    near = passage(note, "ACME_2023_10K.pdf", ordinal=1)
    far = msgspec.structs.replace(near, start_offset=90_000)
    for one, expected in ((near, 1), (far, 0)):
        assert len(read_figures([total, one], filing("ACME_2023_10K"), ["goodwill"], [FY23])) == expected


def test_a_table_that_goes_on_in_the_next_chunk_has_the_columns_above_it() -> None:
    first = passage(
        f"52 Weeks Ended (in thousands)\n{TWO_YEARS}| Net sales | 17,003 | 17,426 |\n", "ACME_2023Q4_EARNINGS.pdf"
    )
    text = "| Gross profit | 5,308 | 5,853 |\n"
    after = msgspec.structs.replace(passage(text, first.document, ordinal=1), start_offset=first.end_offset)
    apart = msgspec.structs.replace(after, start_offset=first.end_offset + 100)
    for one, expected in ((after, "5,308 thousand"), (apart, None)):
        figures = read_figures([first, one], filing("ACME_2023Q4_EARNINGS"), ["gross_profit"], [FY23])
        found = figures.get(("gross_profit", FY23))
        assert (None if found is None else found.told) == expected


def test_a_total_that_stands_under_no_header_tells_whose_balance_it_is() -> None:
    note = passage(f"{TWO_YEARS}| Total assets | 17,003 | 17,426 |", "ACME_2023_10K.pdf")
    bare = msgspec.structs.replace(
        passage("| Total assets | 17,003 | 17,426 |", "ACME_2023_10K.pdf", ordinal=1), start_offset=90_000
    )
    row = passage(f"{TWO_YEARS}| Goodwill | 566 | 585 |", "ACME_2023_10K.pdf", ordinal=2)
    beside = msgspec.structs.replace(row, start_offset=91_000)
    assert read_figures([note, bare, beside], filing("ACME_2023_10K"), ["goodwill"], [FY23])
    assert not read_figures([note, beside], filing("ACME_2023_10K"), ["goodwill"], [FY23])
