"""A percentile is a value that was really seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.load.percentiles import Statistic, percentile, take

VALUES = st.lists(st.floats(0, 1000), min_size=1, max_size=300)


@given(VALUES, st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_it_is_the_smallest_value_that_enough_values_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values)


def test_known_ranks() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert take(Statistic.P50, hundred) == 50
    assert take(Statistic.P95, hundred) == 95
    assert take(Statistic.P99, hundred) == 99
    assert take(Statistic.MAX, hundred) == 100
    assert take(Statistic.MEAN, hundred) == 50.5
    # 0.95 x 20 is 19.000000000000004 in floating point, which must not become the 20th.
    assert take(Statistic.P95, hundred[:20]) == 19


def test_nothing_is_rounded() -> None:
    assert take(Statistic.P50, [0.123456]) == 0.123456


@pytest.mark.parametrize("statistic", list(Statistic))
def test_there_is_no_statistic_of_nothing(statistic: Statistic) -> None:
    with pytest.raises(ValueError, match="of nothing"):
        take(statistic, [])
