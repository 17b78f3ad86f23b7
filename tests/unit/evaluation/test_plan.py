"""Which runs are judged, and when."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.evaluation.plan import Plan

RUNS = [UUID(int=number) for number in range(4000)]


def at(hour: int, hours: str) -> bool:
    return Plan(1, 60, hours, now=lambda: datetime(2026, 3, 1, hour, 30, tzinfo=UTC)).is_due()


@pytest.mark.parametrize(
    ("hours", "due"), [("22-6", {22, 23, 0, 1, 2, 3, 5}), ("1-3", {1, 2}), ("idle", {0, 1, 2, 3, 5, 6, 12, 21, 22, 23})]
)
def test_it_is_judged_from_the_first_hour_to_before_the_last_over_midnight_too(hours: str, due: set[int]) -> None:
    assert {hour for hour in (0, 1, 2, 3, 5, 6, 12, 21, 22, 23) if at(hour, hours)} == due


def test_nothing_is_due_without_a_share() -> None:
    assert not Plan(0, 60).is_due()


def test_a_share_of_the_runs_is_taken_and_each_time_the_same() -> None:
    taken = [run_id for run_id in RUNS if Plan(10, 60).takes(run_id)]
    assert 0.08 < len(taken) / len(RUNS) < 0.12
    assert [run_id for run_id in RUNS if Plan(10, 60).takes(run_id)] == taken
    assert {run_id for run_id in RUNS if Plan(25, 60).takes(run_id)} > set(taken)


def test_a_hundred_percent_are_all_and_nothing_is_none() -> None:
    assert all(Plan(100, 60).takes(run_id) for run_id in RUNS)
    assert not any(Plan(0, 60).takes(run_id) for run_id in RUNS)
