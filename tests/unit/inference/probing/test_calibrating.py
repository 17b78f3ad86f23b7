"""What is tried of a node, and how many slots follow from it."""

import pytest

from app.inference.probing.calibrating import Step, levels, recommend, side_by_side


@pytest.mark.parametrize(
    ("declared", "tried"), [(1, [1, 2]), (3, [1, 2, 4]), (4, [1, 2, 4, 8]), (99, [1, 2, 4, 8, 16])]
)
def test_ever_more_calls_are_tried_to_beyond_the_declared_slots(declared: int, tried: list[int]) -> None:
    assert levels(declared) == tried


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([(0.0, 1.0)], 1),
        ([(0.0, 1.0), (1.0, 2.0)], 1),
        ([(0.0, 2.0), (1.0, 3.0), (2.5, 4.0)], 2),
        ([(0.0, 9.0), (1.0, 8.0), (2.0, 7.0)], 3),
    ],
)
def test_calls_are_side_by_side_while_their_tokens_come_in_turns(spans: list[tuple[float, float]], most: int) -> None:
    assert side_by_side(spans) == most


@pytest.mark.parametrize(
    ("steps", "slots"),
    [
        pytest.param([Step(1, 1, 50), Step(2, 2, 80), Step(4, 4, 98), Step(8, 8, 100)], 4, id="nearly the most"),
        pytest.param([Step(1, 1, 50), Step(2, 2, 90), Step(4, 2, 91)], 2, id="no more than the node runs"),
        pytest.param([Step(1, 1, 50), Step(2, 1, 50), Step(4, 1, 60)], 1, id="a node that runs one at a time"),
        pytest.param([], 3, id="nothing measured leaves what is declared"),
    ],
)
def test_the_fewest_slots_that_bring_nearly_the_most_are_recommended(steps: list[Step], slots: int) -> None:
    assert recommend(steps, declared=3) == slots
