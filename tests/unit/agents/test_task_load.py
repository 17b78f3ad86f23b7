"""How many workers the tasks ask for."""

import pytest

from app.agents.task_load import workers_wanted


@pytest.mark.parametrize(
    ("tasks", "least", "most"), [(0, 1, 1), (1, 1, 2), (2, 1, 2), (5, 3, 5), (10, 8, 10), (12, 8, 10), (1000, 10, 10)]
)
def test_the_tasks_at_a_time_ask_for_as_many_workers_as_is_promised(tasks: int, least: int, most: int) -> None:
    assert least <= workers_wanted(tasks) <= most


def test_more_tasks_never_ask_for_fewer_workers_and_up_to_the_most_none_has_more_than_five() -> None:
    wanted = [workers_wanted(tasks) for tasks in range(60)]
    assert wanted == sorted(wanted)
    assert all(tasks <= 5 * workers for tasks, workers in enumerate(wanted[:51]))
