"""The evaluation set of the scheduler: rules alone read at least nine of ten fields as they are meant."""

from pathlib import Path

import pytest

from tests.fakes.event_scores import fields_of, read_set

SETS = Path(__file__).parents[4] / "evaluation"
LEAST = 0.9


@pytest.mark.parametrize("name", ["scheduler.jsonl"])
def test_nine_of_ten_fields_are_right(name: str) -> None:
    lines = read_set(SETS / name)
    fields = [field for one in lines for field in fields_of(one)]
    wrong = [field for field in fields if not field.is_right]
    assert len(lines) >= 50
    assert 1 - len(wrong) / len(fields) >= LEAST, wrong
