"""Amounts are shown as they are."""

import pytest

from app.agents.insurance.money import dollars


@pytest.mark.parametrize(
    ("usd_micro", "shown"),
    [
        (197_880_000, "$197.88"),
        (1_197_800_000, "$1,197.80"),
        (50_000, "$0.05"),
        (0, "$0.00"),
        (-20_000_000, "-$20.00"),
        (1_005_000, "$1.005"),
        (1_000_001, "$1.000001"),
    ],
)
def test_an_amount_is_shown_to_the_cent_and_never_rounded(usd_micro: int, shown: str) -> None:
    assert dollars(usd_micro) == shown
