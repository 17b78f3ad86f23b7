"""Numbers are read with their units, however they are written."""

import pytest

from app.retrieval.support.quantities import is_same, quantities


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,950 euros", "€1950"),
        ("four weeks", "28 days"),
        ("4 to 6 weeks", "4 weeks"),
        ("90 minutes", "1.5 hours"),
        ("2 years", "24 months"),
        ("a 10-year guarantee", "10 years"),
        ("1.2 million", "1,200,000"),
        ("thirty-five kg", "35 kilograms"),
        ("half of it", "50 percent"),
        ("minus 7 degrees", "-7 degrees"),
        ("+49 30 5550 1400", "5550-1400"),
        ("06:30", "6:30"),
        ("12 500 people", "12,500 people"),
        ("1.950", "1950"),
    ],
)
def test_the_same_number_is_the_same(one: str, other: str) -> None:
    assert is_same(quantities(one)[0], quantities(other)[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("15 euros", "15 dollars"),
        ("3 hours", "3 days"),
        ("24 months", "24 years"),
        ("150", "15"),
        ("1.5", "15"),
        ("+49 30 5550 1400", "+49 30 5550 1499"),
        ("09:15", "09:45"),
        ("minus 7 degrees", "7 degrees"),
    ],
)
def test_another_number_or_unit_is_not(one: str, other: str) -> None:
    assert not is_same(quantities(one)[0], quantities(other)[0])


def test_codes_hold_no_numbers_and_one_is_none_without_a_unit() -> None:
    assert quantities("E-417, FR-2210, D2 and one of them") == []
    assert len(quantities("one hour")) == 1
