"""The ways in which a call to a node can break."""

from enum import StrEnum
from typing import assert_never

from app.errors import AnswerEmpty, NodeFailed, NodeRefused


class Failure(StrEnum):
    """What went wrong at the node."""

    CONNECT = "connect"
    """No connection, or it broke before the first byte."""
    BUSY = "busy"
    """503, or 429 in front of it: the queue is full. Nothing is wrong with the node."""
    MODEL_MISSING = "model_missing"
    """404: the node does not hold the model."""
    CONTEXT = "context"
    """400: the prompt does not fit the context size."""
    BAD_REQUEST = "bad_request"
    """Another 400, 413 or 422: the same call would be refused everywhere."""
    REJECTED = "rejected"
    """Any other status below 500: the node, or what stands in front of it, serves nobody so (401, 403, 405, …)."""
    SERVER_ERROR = "server_error"
    """5xx: no memory for the model, or its runner stopped."""
    ERROR_LINE = "error_line"
    """A line `{"error": …}` inside a stream that had begun with 200."""
    INCOMPLETE = "incomplete"
    """The stream ended without `done: true`."""
    LATE = "late"
    """Nothing came within the limit for the first token."""
    GAP = "gap"
    """Nothing came for too long between two tokens."""
    GARBAGE = "garbage"
    """Something that is not the protocol: a line too long or not JSON, vectors of the wrong number or size."""
    EMPTY = "empty"
    """A whole reply without an answer in it: nothing, white space or thinking alone. Nothing is wrong with the node."""
    CANNOT_THINK = "cannot_think"
    """400: the model cannot think, although the catalogue says so; it is asked again without."""


class CallBroke(NodeFailed):
    """One attempt at one node broke off; the dispatcher decides what follows."""

    def __init__(self, failure: Failure, node: str, model: str, detail: str = "") -> None:
        super().__init__(detail or f"node {node} broke off: {failure}", node=node, model=model, failure=failure.value)
        self.failure = failure
        self.node = node
        self.model = model


# The same call at another node may go well; nothing in these is the fault of the call.
ELSEWHERE = frozenset(Failure) - {Failure.BAD_REQUEST, Failure.CONTEXT, Failure.CANNOT_THINK}


class Blame(StrEnum):
    """Whose fault a failure is, which says what it means for the other calls to that node."""

    REQUEST = "request"
    """It follows from the request itself: nothing is held against the node."""
    NOBODY = "nobody"
    """The node is well and has no room now."""
    EITHER = "either"
    """The node, or the request that broke it: counts once a distinct call, and calls that broke together count once."""
    NODE = "node"
    """The node; counts once a distinct call all the same, since one call may be all that it does this to."""
    NODE_AT_ONCE = "node_at_once"
    """A fact about the node that no other call would find different."""


def blame_of(failure: Failure) -> Blame:
    """Return whose fault a failure is."""
    match failure:
        case Failure.BAD_REQUEST | Failure.CONTEXT | Failure.CANNOT_THINK | Failure.EMPTY:
            return Blame.REQUEST
        case Failure.BUSY:
            return Blame.NOBODY
        case Failure.SERVER_ERROR | Failure.ERROR_LINE | Failure.INCOMPLETE:
            return Blame.EITHER
        case Failure.CONNECT | Failure.REJECTED | Failure.LATE | Failure.GAP | Failure.GARBAGE:
            return Blame.NODE
        case Failure.MODEL_MISSING:
            return Blame.NODE_AT_ONCE
        case _:
            assert_never(failure)


def refused(broke: CallBroke) -> NodeRefused:
    """Return what the caller is told when a node will not take the input itself."""
    return NodeRefused(broke.detail, node=broke.node, model=broke.model)


def empty(broke: CallBroke) -> AnswerEmpty:
    """Return what the caller is told when no node had an answer."""
    return AnswerEmpty(broke.detail, node=broke.node, model=broke.model)


class RetryBudget:
    """Bounds retries at once to a tenth of the calls, so that a failing fleet is not asked ever more often.

    A call without one may still try again later: see `Patience`.
    """

    def __init__(self, *, share: float = 0.1, burst: float = 10.0) -> None:
        self._share = share
        self._burst = burst
        self._left = burst

    def note_call(self) -> None:
        """Note a call: it earns a share of a retry."""
        self._left = min(self._burst, self._left + self._share)

    def take(self) -> bool:
        """Take one retry; False if the budget is spent."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
