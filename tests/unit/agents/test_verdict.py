"""How a run without an answer ends, and when its time is over."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from app.agents.deadline import Deadline, deadline_of
from app.agents.life import FINAL_STATES, RunState
from app.agents.live import Ending
from app.agents.observing import OUTCOMES, outcome_of
from app.agents.run_failure import RunFailure
from app.agents.values import Claim, OnDisconnect, RunOptions, RunResult
from app.agents.verdict import cause_of, judge
from app.errors import (
    ContextTooLong,
    DeadlineExceeded,
    NodeFailed,
    NodeRefused,
    NoNodeAvailable,
    NoSlotInTime,
    RunCancelled,
    RunFailed,
    StoreUnavailable,
    SwitchyardError,
    TimeLimitReached,
    Unavailable,
    is_retryable,
)
from app.ids import RunId, SessionId, TenantId
from app.stored_ends import kind_of


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def claim(*, deadline_s: float | None = None, spent_s: float = 0.0) -> Claim:
    return Claim(
        run_id=RunId(UUID(int=1)),
        tenant_id=TenantId(UUID(int=2)),
        key_id=None,
        session_id=SessionId(UUID(int=3)),
        team="assistant",
        question="?",
        context={},
        options=RunOptions(deadline_s=deadline_s),
        on_disconnect=OnDisconnect.CANCEL,
        request_id="r",
        fence=1,
        attempt=1,
        asked_at=datetime(2026, 3, 1, tzinfo=UTC),
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
        spent_s=spent_s,
    )


@pytest.mark.parametrize(
    ("own_s", "limit_s", "is_own"),
    [(None, 300.0, False), (20.0, 20.0, True), (300.0, 300.0, True), (3600.0, 300.0, False)],
)
def test_a_run_has_its_requests_deadline_but_never_more_than_the_platforms_limit(
    own_s: float | None, limit_s: float, *, is_own: bool
) -> None:
    deadline = deadline_of(claim(deadline_s=own_s), 300.0, Clock())
    assert (deadline.left_s, deadline.limit_s, deadline.is_own) == (limit_s, limit_s, is_own)


def test_what_earlier_owners_have_spent_is_gone() -> None:
    assert deadline_of(claim(deadline_s=20.0, spent_s=15.0), 300.0, Clock()).left_s == 5.0
    assert deadline_of(claim(deadline_s=20.0, spent_s=25.0), 300.0, Clock()).left_s == 0.0


def test_a_tasks_own_deadline_counts_from_its_acceptance() -> None:
    task = msgspec.structs.replace(claim(deadline_s=20.0, spent_s=2.0), waited_s=15.0)
    assert deadline_of(task, 300.0, Clock()).left_s == 3.0
    # The platform's limit is of the work alone.
    late = msgspec.structs.replace(claim(deadline_s=3600.0, spent_s=2.0), waited_s=1000.0)
    deadline = deadline_of(late, 300.0, Clock())
    assert (deadline.left_s, deadline.is_own) == (298.0, False)


def test_time_that_is_over_is_told_as_whose_it_was_and_what_was_waited_for() -> None:
    own = Deadline(0.0, 20.0, is_own=True)
    platforms = Deadline(0.0, 300.0, is_own=False)
    trouble = NoNodeAvailable("none")
    assert isinstance(own.passed(None), DeadlineExceeded)
    assert own.passed(trouble).facts == {"deadline_s": 20.0}
    assert platforms.passed(trouble) is trouble
    assert isinstance(platforms.passed(None), TimeLimitReached)


@pytest.mark.parametrize("kind", [NoNodeAvailable, NoSlotInTime, NodeFailed])
def test_a_call_that_gives_up_at_the_deadline_does_so_because_of_it(kind: type[Unavailable]) -> None:
    own, clock = kind("away"), Clock()
    deadline = deadline_of(claim(deadline_s=20.0), 300.0, clock)
    assert cause_of(own, is_over=False, deadline=deadline, trouble=own) is own
    clock.now_s += 20.0
    assert isinstance(cause_of(own, is_over=False, deadline=deadline, trouble=own), DeadlineExceeded)
    store = StoreUnavailable("away", store="postgres")
    assert cause_of(store, is_over=False, deadline=deadline, trouble=None) is store


@pytest.mark.parametrize(
    ("error", "ending", "has_begun", "state", "code"),
    [
        (None, Ending.CANCELLED, True, RunState.CANCELLED, "cancelled"),
        (NodeFailed("broke"), Ending.CANCELLED, False, RunState.CANCELLED, "cancelled"),
        (RunFailed("given up", reason=RunFailure.ATTEMPTS), None, True, RunState.DEAD, "run_failed"),
        (StoreUnavailable("away", store="postgres"), None, False, RunState.REFUSED, "store_unavailable"),
        (DeadlineExceeded("late"), None, False, RunState.REFUSED, "deadline_exceeded"),
        (DeadlineExceeded("late"), None, True, RunState.FAILED, "deadline_exceeded"),
        (NoNodeAvailable("none"), None, True, RunState.FAILED, "no_node_available"),
        (NodeRefused("no"), None, False, RunState.FAILED, "node_refused"),
        (ContextTooLong("long"), None, True, RunState.FAILED, "context_too_long"),
        (ValueError("?"), None, True, RunState.FAILED, "run_failed"),
    ],
)
def test_an_end_without_an_answer_has_its_state_and_its_code(
    error: BaseException | None, ending: Ending | None, state: RunState, code: str, *, has_begun: bool
) -> None:
    judged, fact = judge(error, ending, is_cancelled=False, has_begun=has_begun)
    assert (judged, fact.code) == (state, code)


def test_a_run_that_was_to_be_cancelled_before_this_owner_had_it_is_cancelled() -> None:
    state, fact = judge(LookupError(), None, is_cancelled=True, has_begun=True)
    assert (state, type(fact)) == (RunState.CANCELLED, RunCancelled)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (NoNodeAvailable, True),
        (NoSlotInTime, True),
        (NodeFailed, True),
        (StoreUnavailable, True),
        (DeadlineExceeded, True),
        (TimeLimitReached, True),
        (NodeRefused, False),
        (ContextTooLong, False),
        (RunCancelled, False),
        (RunFailed, False),
    ],
)
def test_what_is_stored_as_a_code_is_as_retryable_as_what_was_raised(
    error: type[SwitchyardError], *, again: bool
) -> None:
    assert is_retryable(error) is is_retryable(kind_of(error.code, {})) is again


def test_an_end_of_another_version_is_not_tried_again() -> None:
    assert not is_retryable(kind_of("code_of_tomorrow", {}))
    assert kind_of("run_failed", {"reason": "cancelled"}) is RunCancelled


def test_a_callers_own_deadline_counts_apart_from_failures() -> None:
    result = RunResult(run_id=RunId(UUID(int=1)), session_id=SessionId(UUID(int=2)), state=RunState.FAILED)
    assert outcome_of(result) == "failed"
    late = RunResult(
        run_id=result.run_id, session_id=result.session_id, state=RunState.FAILED, error_code="deadline_exceeded"
    )
    assert outcome_of(late) == "deadline_exceeded"
    assert set(OUTCOMES) == {state.value for state in FINAL_STATES} | {"deadline_exceeded"}
