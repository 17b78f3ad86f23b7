"""Fiscal periods as people write them."""

import pytest

from app.agents.finance.periods import Period, period_of, periods_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as of 2022", [Period(2022)]),
        ("between FY 2023 and Q2 of FY2024", [Period(2023), Period(2024, 2)]),
        ("between FY20 and FY21", [Period(2020), Period(2021)]),
        ("in the second quarter of fiscal 2024", [Period(2024, 2)]),
        ("from 2019 to 2022", [Period(2019), Period(2020), Period(2021), Period(2022)]),
        ("from 1990 to 2022", [Period(1990), Period(2022)]),
        ("2024Q2 and again 2024Q2", [Period(2024, 2)]),
        ("for $2,022 and 2022%, in 2022.5", []),
        ("the 10-K", []),
    ],
)
def test_a_text_names_periods(text: str, expected: list[Period]) -> None:
    assert list(periods_of(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("FY2023", Period(2023)), (" 2024Q2 ", Period(2024, 2)), ("soon", None)]
)
def test_a_tag_is_one_period_or_none(text: str, expected: Period | None) -> None:
    assert period_of(text) == expected


def test_a_period_is_written_so_that_it_reads_back() -> None:
    for period in (Period(2023), Period(2024, 2)):
        assert periods_of(str(period)) == (period,)
