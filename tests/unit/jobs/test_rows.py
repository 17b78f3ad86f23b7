"""How long a job waits."""

import inspect

from procrastinate.sql import queries

from app.jobs import errands
from app.jobs.rows import LONGEST_WAIT_S, wait_s


def test_a_job_waits_longer_each_time_and_never_over_five_minutes() -> None:
    waits = [wait_s(attempt) for attempt in range(1, 1001)]
    assert waits[:4] == [2.0, 4.0, 8.0, 16.0]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S == 300.0


def test_errands_are_written_by_the_function_that_procrastinate_itself_calls() -> None:
    called = next(word for word in queries["defer_jobs"].replace("(", " ").split() if word.startswith("procrastinate_"))
    assert called in inspect.getsource(errands)
    assert "procrastinate_job_to_defer_v1" in queries["defer_jobs"]
