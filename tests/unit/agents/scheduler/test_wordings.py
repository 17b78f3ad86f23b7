"""Requests in many wordings: terse, polite, indirect, with a story before, a signature behind, corrected, labelled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.event_scores import fields_of, read_set

WORDINGS = read_set(Path(__file__).with_name("wordings.jsonl"))


@pytest.mark.parametrize("one", WORDINGS, ids=[one["request"] for one in WORDINGS])
def test_every_field_is_read_as_it_is_meant(one: Mapping[str, Any]) -> None:
    assert [field for field in fields_of(one) if not field.is_right] == []


def test_nine_of_ten_fields_are_right_of_wordings_that_were_put_aside_before_the_rules() -> None:
    fields = [field for one in read_set(Path(__file__).with_name("kept_aside.jsonl")) for field in fields_of(one)]
    wrong = [field for field in fields if not field.is_right]
    assert 1 - len(wrong) / len(fields) >= 0.9, wrong
