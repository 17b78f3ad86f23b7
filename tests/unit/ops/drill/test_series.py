"""A series of drills: bounded, honest about failures, and a client that keeps what its events say."""

from random import Random

from ops.drill.client import Event, Reader
from ops.drill.kills import FAILURES_AT_MOST, Kill, series
from ops.drill.target import PARTS, DrillFailed, Limits, Target
from ops.local.process import process_id
from ops.local.supervised import PartState
from ops.local.views import PartView

RNG = Random(1)  # noqa: S311 - nothing is drawn
KILL = Kill("r", ("replica-1",), 5, 10, 2, 1.0, 0, 1)


def target(*, ready: tuple[str, ...] = PARTS) -> Target:
    """A stack whose `ready` parts are this very process."""
    parts = [PartView(name, PartState.READY, process_id(1), "", 0, "") for name in ready]
    return Target("http://127.0.0.1:1", "key", "", 2.0, lambda: parts, Limits(back_s=0.0))


def test_answers_that_ended_too_early_are_asked_again() -> None:
    ends = iter([None, KILL, None, KILL])
    done = series(lambda _target, _rng: next(ends), target(), RNG, kills=2, within_s=60, tell=lambda _: None)
    assert (len(done.kills), done.failures, done.too_late) == (2, (), 2)


def test_a_few_failures_end_a_series_and_are_told() -> None:
    def fail(_target: Target, _rng: Random) -> Kill | None:
        raise DrillFailed("the client has less")

    lines = list[str]()
    done = series(fail, target(), RNG, kills=10, within_s=60, tell=lines.append)
    assert done.failures == ("the client has less",) * FAILURES_AT_MOST
    assert lines == ["FAILED: the client has less"] * FAILURES_AT_MOST


def test_a_series_ends_in_time_when_every_answer_is_too_early() -> None:
    done = series(lambda _target, _rng: None, target(), RNG, kills=1, within_s=0.01, tell=lambda _: None)
    assert len(done.failures) == 1
    assert "0 of 1 after 0.01 s" in done.failures[0]


def test_a_kill_waits_for_a_replica_and_the_worker() -> None:
    def drill(_target: Target, _rng: Random) -> Kill | None:
        return KILL

    without_worker = series(drill, target(ready=PARTS[:2]), RNG, kills=1, within_s=60, tell=lambda _: None)
    assert "not back" in without_worker.failures[0]
    with_one = series(drill, target(ready=PARTS[1:]), RNG, kills=1, within_s=60, tell=lambda _: None)
    assert with_one.kills == (KILL,)


def test_a_reader_does_what_the_events_say() -> None:
    reader = Reader()
    reader.see(Event("1", "queued", {"run_id": "r"}))
    reader.see(Event("2", "delta", {"text": "Hello wrong"}))
    reader.see(Event("3", "restart", {"offset": 6}))
    reader.see(Event("4", "delta", {"text": "there"}))
    reader.see(Event("", "loading", {}))
    reader.see(Event("5", "done", {"message": "Hello there"}))
    assert (reader.run_id, reader.text, reader.last_id, reader.restarts, reader.end) == (
        "r",
        "Hello there",
        "5",
        1,
        "done",
    )
