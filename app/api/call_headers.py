"""What a client of a dialect may say of a call for which the dialect has no field."""

import msgspec

from app.api.auth import HttpRequest
from app.api.contracts import contract_of
from app.errors import BadInput
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.priority import Priority

DEADLINE = "x-deadline-s"
PRIORITY = "x-priority"
QUEUE_EVENTS = "x-queue-events"
MOST_S = 3600.0


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """The request's id, and what its headers say of the call."""

    request_id: str
    priority: Priority | None = None
    deadline_s: float | None = None
    tells_queue: bool = False
    contract: Contract = NO_CONTRACT


def read_headers(request: HttpRequest) -> Called:
    """Return what the headers say. Raises BadInput by the header's name."""
    deadline, priority = request.headers.get(DEADLINE), request.headers.get(PRIORITY)
    queue = request.headers.get(QUEUE_EVENTS, "false").strip().lower()
    if queue not in {"true", "false"}:
        raise BadInput(f"`{QUEUE_EVENTS}` must be `true` or `false`", field=QUEUE_EVENTS)
    return Called(
        request_id=str(request.scope["state"]["request_id"]),
        priority=None if priority is None else _priority(priority),
        deadline_s=None if deadline is None else _deadline(deadline),
        tells_queue=queue == "true",
        contract=contract_of(request),
    )


def _priority(text: str) -> Priority:
    if text not in set(Priority):
        raise BadInput(f"`{PRIORITY}` must be one of {', '.join(Priority)}", field=PRIORITY)
    return Priority(text)


def _deadline(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= MOST_S:
        raise BadInput(f"`{DEADLINE}` must be seconds, more than 0 and at most {MOST_S:g}", field=DEADLINE)
    return seconds
