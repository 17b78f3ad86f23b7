"""How a run ends that brought no answer: its final state, and the fact that its caller is told."""

from app.agents.deadline import Deadline
from app.agents.life import RunState
from app.agents.live import Ending
from app.agents.run_failure import RunFailure
from app.errors import (
    NodeFailed,
    NoNodeAvailable,
    NoSlotInTime,
    RunCancelled,
    RunFailed,
    StoreMisconfigured,
    StoreUnavailable,
    SwitchyardError,
    Unavailable,
)


def cause_of(
    error: BaseException | None, *, is_over: bool, deadline: Deadline, trouble: Unavailable | None
) -> BaseException | None:
    """Return what ended the work: `is_over` says that its time ran out while it waited for `trouble` or was at work.

    A call that gives up at the run's deadline does so because of the deadline.
    """
    if is_over:
        return deadline.passed(trouble)
    if isinstance(error, (NoNodeAvailable, NoSlotInTime, NodeFailed)) and deadline.left_s <= 0:
        return deadline.passed(error)
    return error


def is_outage(error: BaseException | None) -> bool:
    """Whether PostgreSQL went away: no fault of what was done, which another attempt can go on with.

    A statement that takes too long, or one that is refused, would meet the same again.
    """
    return (
        isinstance(error, StoreUnavailable)
        and not isinstance(error, StoreMisconfigured)
        and error.facts.get("store") == "postgres"
        and error.facts.get("reason") != "too_slow"
    )


def judge(
    error: BaseException | None, ending: Ending | None, *, is_cancelled: bool, has_begun: bool
) -> tuple[RunState, SwitchyardError]:
    """Return the state and the fact; `has_begun` says that an effect or text of the run is kept."""
    if ending is Ending.CANCELLED or is_cancelled:
        return RunState.CANCELLED, RunCancelled("the run was cancelled")
    if isinstance(error, RunFailed) and error.facts.get("reason") == RunFailure.ATTEMPTS:
        return RunState.DEAD, error
    if isinstance(error, Unavailable) and not has_begun:
        return RunState.REFUSED, error
    if isinstance(error, SwitchyardError):
        return RunState.FAILED, error
    return RunState.FAILED, RunFailed("an unforeseen error ended the run", reason=RunFailure.INTERNAL)
