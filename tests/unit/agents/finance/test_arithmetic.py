"""The calculator: exact, bounded, and it shows its steps."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.finance.arithmetic import MOST_CHARACTERS, MOST_DIGITS, Impossible, percent, plain, work_out

NUMBERS = st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False)
POSITIVE = st.decimals(min_value=Decimal("0.01"), max_value=10**9, places=2, allow_nan=False)


@pytest.mark.parametrize(
    ("expression", "told", "steps"),
    [
        ("1 + 2 * 3", "7", ("2 \u00d7 3 = 6", "1 + 6 = 7")),
        ("(5,308 - 2,213) / 4,476", "0.69", ("5,308 \u2212 2,213 = 3,095", "3,095 ÷ 4,476 = 0.69")),
        ("change(9310, 8967)", "\u22123.68 %", ("8,967 \u2212 9,310 = \u2212343", "\u2212343 ÷ 9,310 = \u22123.68 %")),
        ("growth(100, 121, 2)", "10 %", ("121 ÷ 100 = 1.21", "1.21 ^ (1 ÷ 2) \u2212 1 = 10 %")),
        ("-3 * -2", "6", ("\u22123 \u00d7 (\u22122) = 6",)),
        ("2.50", "2.5", ()),
        ("1 / 300", "0.003", ("1 ÷ 300 = 0.003",)),
    ],
)
def test_an_expression_is_worked_out_with_its_steps(expression: str, told: str, steps: tuple[str, ...]) -> None:
    worked = work_out(expression)
    assert worked.told == told
    assert worked.steps == steps


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1 / 0",
        "1 / (2 - 2)",
        "change(0, 5)",
        "change(-3, 5)",
        "growth(-1, 5, 2)",
        "growth(1, 5, 0)",
        "growth(1, 5, 1000)",
        "change(1)",
        "change(1, 2, 3)",
        "1 +",
        "(1 + 2",
        "1 2",
        "2 ** 3",
        "__import__('os')",
        "exp(3)",
        "1e5",
        "9" * (MOST_DIGITS + 1),
        "1" + "+1" * MOST_CHARACTERS,
        "(" * 40 + "1" + ")" * 40,
        "999999999999999999999999 * 999999999999999999999999",
    ],
)
def test_what_cannot_be_computed_is_refused(expression: str) -> None:
    with pytest.raises(Impossible):
        work_out(expression)


@given(NUMBERS, NUMBERS, POSITIVE)
def test_results_are_those_of_decimals(one: Decimal, other: Decimal, divisor: Decimal) -> None:
    assert work_out(f"({one} + {other}) * 2 - {other}").value == (one + other) * 2 - other
    assert abs(work_out(f"{one} / {divisor}").value - one / divisor) <= abs(one / divisor) * Decimal("1e-20")


@given(POSITIVE, POSITIVE)
def test_a_change_undone_comes_back(old: Decimal, new: Decimal) -> None:
    change = work_out(f"change({old}, {new})").value
    assert abs(old * (1 + change) - new) <= new * Decimal("1e-15") + Decimal("1e-12")


@given(st.text(max_size=60))
def test_any_text_is_worked_out_or_refused(text: str) -> None:
    try:
        worked = work_out(text)
    except Impossible:
        return
    assert worked.value.is_finite()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4))
def test_a_number_is_told_to_two_digits(value: Decimal) -> None:
    said = Decimal(plain(value).replace(",", "").replace("\u2212", "-"))
    assert abs(said - value) <= Decimal("0.005")


def test_a_share_is_told_in_percent() -> None:
    assert percent(Decimal("-0.0368")) == "\u22123.68 %"
