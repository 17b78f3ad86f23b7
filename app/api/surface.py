"""Starts a run for a request, and answers with what it ends with: as JSON or as a stream, in the shape of a surface."""

import re
from collections.abc import Callable, Mapping
from functools import partial

import structlog
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from app import errors
from app.agents.life import RunState
from app.agents.values import RunHandle, RunResult, StartRun
from app.api import contracts
from app.api.auth import HttpRequest, caller_of
from app.api.doors import Runner
from app.api.gone import unless_left
from app.api.problems import BodyTooSlow, ClientLeft, CodingUnknown, StillRunning
from app.api.replies import reply, result_headers, route_headers
from app.api.routing import Parameter
from app.api.shapes import to_response
from app.api.sse import EventStream, write_event
from app.errors import BadInput
from app.ids import Caller, RunId
from app.stored_ends import rebuild

Shape = Callable[[RunResult], object]
"""Returns the body in which a surface tells a run that is done, or that waits for a person."""

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
# A run ends within its own limit; the reader waits a little longer for the end to be stored.
GRACE_S = 15.0

ROUTE_HEADERS: Mapping[str, str] = {
    "x-request-id": "This request's id, given or made.",
    "x-route-id": "The route of the call that answered; read it at /api/v1/routes/{route_id}.",
    "x-route-tier": "Its tier: simple, medium or complex.",
    "x-route-model": "Its model.",
    "x-route-node": "Its node.",
    "x-route-reason": "Why it went there.",
    "x-cost-usd": "What the call that answered cost; the whole run's cost is in `metadata.cost_usd`.",
    "idempotent-replayed": "`true` when the Idempotency-Key named a run that goes on or has ended for good.",
}
STREAM_TEXT = (
    "Server-sent events. `queued` {run_id, session_id}, `loading` {node, model}, `waiting_for_node` {reason, since}: "
    "nothing can take the call, the run goes on as soon as something can; `waiting_for_slot` {position, eta_s}: other "
    "calls come first; `thinking` {offset, text}, only if `think` "
    "was asked for: drop what came of it after that many characters, then append; `delta` {text}: append; "
    "`restart` {offset}: drop all after that many characters; `tool_call` {tool, agent}: an agent calls a tool; "
    "`interrupt` {interrupts}: it asks a person, and the stream ends until that is answered at "
    "/api/v1/runs/{run_id}/resume; `done`: a ChatResponse; `error`: a Problem. "
    "Each id can be sent as `Last-Event-ID` to /api/v1/runs/{run_id}/events."
)

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "Idempotency-Key",
        "header",
        "Repeating a request with the same key gives the same run; one that ended with a `retryable` problem makes "
        "its next attempt, and keeps what it has done. 1 to 255 visible ASCII characters.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    ),
    *contracts.PARAMETERS,
)
"""What every surface takes in headers."""
REFUSALS: tuple[type[errors.SwitchyardError], ...] = (
    errors.BadInput,
    errors.SessionUnknown,
    errors.SessionBusy,
    errors.IdempotencyMismatch,
    errors.ContractUnmet,
    errors.AbilityMissing,
    errors.ModelUnknown,
    errors.ContextTooLong,
    errors.NodeRefused,
    errors.MediaTypeUnknown,
    CodingUnknown,
    errors.BodyTooLarge,
    BodyTooSlow,
    errors.NoNodeAvailable,
    errors.NoSlotInTime,
    errors.NodeFailed,
    errors.AnswerEmpty,
    errors.StructureUnmet,
    errors.ToolFailed,
    errors.ToolRefused,
    errors.DeadlineExceeded,
    errors.TimeLimitReached,
    errors.StoreUnavailable,
    errors.Draining,
    errors.RunFailed,
    errors.RunCancelled,
    StillRunning,
)
"""What every surface may answer instead of a run's end."""


class Surface:
    """Starts runs of requests and writes their ends, one shape for all of them."""

    def __init__(self, runner: Runner, *, run_limit_s: float, shape: Shape = to_response) -> None:
        self._runner = runner
        self._run_limit_s = run_limit_s
        self._shape = shape

    async def answer(self, request: HttpRequest, ask: StartRun, *, stream: bool) -> ASGIApp:
        """Start what is asked, and answer with its end: as JSON, or with `stream` as server-sent events."""
        return await self.tell(request, await self._runner.start(caller_of(request), ask), stream=stream)

    async def tell(self, request: HttpRequest, handle: RunHandle, *, stream: bool) -> ASGIApp:
        """Answer with the end of a run that the request has started."""
        caller = caller_of(request)
        structlog.contextvars.bind_contextvars(run_id=str(handle.run_id), session_id=str(handle.session_id))
        headers = {"idempotent-replayed": "true"} if handle.replayed else {}
        # The run of a replay belongs to the request that began it.
        leaves = not handle.replayed
        if not stream:
            return await self._whole(request, caller, handle.run_id, headers, leaves=leaves)
        return EventStream(
            self._runner.events(caller, handle.run_id, None),
            write=partial(write_event, shape=self._shape),
            request_id=str(request.scope["state"]["request_id"]),
            headers=headers | route_headers(self._runner.routed(handle.run_id)),
            on_left=(lambda: self._runner.left(handle.run_id)) if leaves else None,
        )

    async def _whole(
        self, request: HttpRequest, caller: Caller, run_id: RunId, headers: dict[str, str], *, leaves: bool
    ) -> ASGIResponse:
        try:
            async with unless_left(request.receive):
                result = await self._runner.result(caller, run_id, self._run_limit_s + GRACE_S)
        except ClientLeft:
            if leaves:
                self._runner.left(run_id)
            raise
        except TimeoutError as error:
            raise StillRunning("the run has not ended yet", run_id=str(run_id)) from error
        if result.state not in {RunState.DONE, RunState.WAITING}:
            raise failure_of(result)
        return reply(self._shape(result), headers=headers | result_headers(result))


def idempotency_key_of(request: HttpRequest) -> str | None:
    """Return the Idempotency-Key header. Raises BadInput when it is not 1 to 255 visible ASCII characters."""
    given = request.headers.getall("idempotency-key", [])
    if not given:
        return None
    if len(given) > 1 or IDEMPOTENCY_KEY.fullmatch(given[0]) is None:
        raise BadInput("an Idempotency-Key is 1 to 255 visible ASCII characters", field="Idempotency-Key")
    return given[0]


def failure_of(result: RunResult) -> errors.SwitchyardError:
    """Return the error that a run ended with, with the ids to come back with."""
    facts = result.error_facts | {"run_id": str(result.run_id), "session_id": str(result.session_id)}
    return rebuild(result.error_code or result.state.value, result.error_detail, facts)
