"""The life of a run: the states that it can be in, and the moves that lead from one to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class RunState(StrEnum):
    """Where a run stands; the last five are final."""

    ACCEPTED = "accepted"
    """It is stored, and nobody has begun it."""
    RUNNING = "running"
    """A process owns it and works on it."""
    WAITING = "waiting"
    """It waits for a person; nobody owns it until the answer comes."""
    DONE = "done"
    """Its answer is stored."""
    REFUSED = "refused"
    """The request must change before it can work."""
    FAILED = "failed"
    """It ended without an answer; the error says why."""
    CANCELLED = "cancelled"
    """Its caller, or the reader who left, stopped it."""
    DEAD = "dead"
    """Given up: too many processes ended while they worked on it."""


FINAL_STATES = frozenset({RunState.DONE, RunState.REFUSED, RunState.FAILED, RunState.CANCELLED, RunState.DEAD})
OPEN_STATES = frozenset(RunState) - FINAL_STATES


class Move(StrEnum):
    """What happens to a run."""

    ACCEPT = "accept"
    """A request is stored as a run that the process owns which took it."""
    SUBMIT = "submit"
    """A request is stored as a run that nobody owns, for a worker to begin."""
    TAKE_OVER = "take_over"
    """Its lease ran out or was given up: another process owns it, under the next fence, in the next attempt."""
    HAND_OVER = "hand_over"
    """Its owner stops and gives it up, for a worker to take at once."""
    BEGIN_AGAIN = "begin_again"
    """Its idempotency key came again, after an end that was told as retryable: the next attempt, its effects kept."""
    REQUEUE = "requeue"
    """It is asked for again after such an end, or after it was given up, as one that a worker begins; effects kept."""
    WAIT = "wait"
    """It asks a person: what it has done is stored, and its owner lets go of it."""
    ANSWER = "answer"
    """One of its requests is answered; another is open still."""
    RESUME = "resume"
    """The last open request is answered: the next attempt, under the next fence, goes on where it waited."""
    WITHDRAW = "withdraw"
    """It is stopped while it waits, for a person or for a worker that begins it."""
    EXPIRE = "expire"
    """Nobody answered in time."""
    FINISH = "finish"
    """The answer is stored."""
    REFUSE = "refuse"
    """Nothing can serve it, and nothing of it was done: it leaves its row, and frees its idempotency key."""
    FAIL = "fail"
    """It ends without an answer."""
    CANCEL = "cancel"
    """It is stopped."""
    GIVE_UP = "give_up"
    """Too many owners died of it, or with it."""


@dataclass(frozen=True, slots=True)
class Change:
    """The states in which a move may happen (None: there is no run yet), and the one that it leads to."""

    before: frozenset[RunState | None]
    after: RunState


def _change(*before: RunState | None, to: RunState) -> Change:
    return Change(frozenset(before), to)


CHANGES: Mapping[Move, Change] = MappingProxyType(
    {
        Move.ACCEPT: _change(None, to=RunState.RUNNING),
        Move.SUBMIT: _change(None, to=RunState.ACCEPTED),
        Move.TAKE_OVER: _change(RunState.ACCEPTED, RunState.RUNNING, to=RunState.RUNNING),
        Move.HAND_OVER: _change(RunState.RUNNING, to=RunState.RUNNING),
        Move.BEGIN_AGAIN: _change(RunState.FAILED, to=RunState.RUNNING),
        Move.REQUEUE: _change(RunState.FAILED, RunState.DEAD, to=RunState.ACCEPTED),
        Move.WAIT: _change(RunState.RUNNING, to=RunState.WAITING),
        Move.ANSWER: _change(RunState.WAITING, to=RunState.WAITING),
        Move.RESUME: _change(RunState.WAITING, to=RunState.RUNNING),
        Move.WITHDRAW: _change(RunState.ACCEPTED, RunState.WAITING, to=RunState.CANCELLED),
        Move.EXPIRE: _change(RunState.WAITING, to=RunState.FAILED),
        Move.FINISH: _change(RunState.RUNNING, to=RunState.DONE),
        Move.REFUSE: _change(RunState.RUNNING, to=RunState.REFUSED),
        Move.FAIL: _change(RunState.RUNNING, to=RunState.FAILED),
        Move.CANCEL: _change(RunState.RUNNING, to=RunState.CANCELLED),
        Move.GIVE_UP: _change(RunState.RUNNING, to=RunState.DEAD),
    }
)
"""The whole life of a run. `run_rows` has the statement of each move; a test makes every move in every state."""


def after(state: RunState | None, move: Move) -> RunState | None:
    """Return the state that a move leads to from `state` (None: no run yet); None where it may not happen."""
    change = CHANGES[move]
    return change.after if state in change.before else None
