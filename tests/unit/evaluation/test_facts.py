"""When words stand in an answer."""

import pytest

from app.evaluation.facts import are_right, stands


@pytest.mark.parametrize(
    ("wording", "text"),
    [
        ("$197.88", "You pay $197.88 a month."),
        ("$197.88", "It is **$197.88**."),
        ("November 7, 2026", "due on november\n 7,  2026"),
        ("paid", "It was Paid."),
        ("2", "There are 2."),
        ("2,500", "2,500 charges"),
        ("10", "from 5 to 10, and more"),
    ],
)
def test_a_wording_stands_whatever_its_case_and_blanks(wording: str, text: str) -> None:
    assert stands(wording, text)


@pytest.mark.parametrize(
    ("wording", "text"),
    [
        ("2", "2.5 hours"),
        ("5", "2.5 hours"),
        ("2", "2,500 charges"),
        ("500", "2,500 charges"),
        ("paid", "It is unpaid."),
        ("POL00001", "POL000014"),
        ("$19.7", "$19.78"),
    ],
)
def test_a_part_of_a_longer_word_or_number_is_not_it(wording: str, text: str) -> None:
    assert not stands(wording, text)


def test_of_each_fact_one_wording_is_needed_and_nothing_of_what_must_lack() -> None:
    facts = [["overdue", "late"], ["$949.20"]]
    assert are_right(facts, [], "It is late: $949.20.")
    assert not are_right(facts, [], "It is late.")
    assert not are_right(facts, ["$12"], "It is late: $949.20, and $123.")
    assert are_right([], ["POL000009"], "Nothing is due.")
