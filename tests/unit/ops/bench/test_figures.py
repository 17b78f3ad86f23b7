"""Medians, spreads, ratios."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.bench.figures import UNKNOWN, Spread, added, paired, percentile, spread
from ops.bench.tables import Table, number, ratio, spelled

values = st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=50)


def test_a_spread_is_the_median_with_the_least_and_the_most() -> None:
    assert spread([3.0, 1.0, 2.0, 9.0, 2.5]) == Spread(2.5, 1.0, 9.0)


def test_no_round_makes_no_spread() -> None:
    with pytest.raises(ValueError, match="no round"):
        spread([])


def test_ratios_are_made_round_by_round() -> None:
    assert paired([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == Spread(3.0, 2.0, 4.0)


def test_a_ratio_to_what_is_below_the_noise_leaves_the_round_out() -> None:
    assert paired([2.0, 4.0], [-0.1, 1.0]) == Spread(4.0, 4.0, 4.0)
    assert paired([2.0], [0.0]) is UNKNOWN


def test_differences_are_made_round_by_round() -> None:
    assert added([5.0, 7.0, 9.0], [4.0, 4.0, 4.0]) == Spread(3.0, 1.0, 5.0)


@pytest.mark.parametrize("act", [paired, added])
def test_rounds_of_different_number_are_not_compared(act: type) -> None:
    with pytest.raises(ValueError, match="one run"):
        act([1.0], [1.0, 2.0])


@given(values)
def test_a_percentile_is_one_of_the_values_and_covers_its_share(found: list[float]) -> None:
    for share in (0.0, 0.5, 0.99, 1.0):
        at = percentile(found, share)
        assert at in found
        assert sum(value <= at for value in found) >= share * len(found)


def test_the_median_percentile_of_three_is_the_second() -> None:
    assert percentile([30.0, 10.0, 20.0], 0.5) == 20.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12_345.6, "12,346"), (123.4, "123"), (1.234, "1.23"), (0.01234, "0.0123"), (-4.5, "-4.50")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_unknown_is_not_a_number() -> None:
    assert number(math.nan) == "?"


def test_a_spread_is_written_with_its_ends() -> None:
    assert spelled(Spread(0.002, 0.001, 0.003), times="ms") == "2.00 (1.00 to 3.00)"
    assert ratio(Spread(2.0, 1.0, 3.0)) == "2.00x (1.00 to 3.00)"


def test_a_table_reads_the_same_in_a_terminal_and_in_a_document() -> None:
    table = Table("Title", ("a", "bb"), (("1", "2"), ("333", "4")), ("A note.",))
    assert table.plain() == "Title\n  a    bb\n  1    2\n  333  4\n"
    assert table.markdown() == "## Title\n\n| a | bb |\n| --- | --- |\n| 1 | 2 |\n| 333 | 4 |\n\nA note.\n"
