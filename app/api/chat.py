"""POST /api/v1/chat: one question, answered as JSON or as a stream."""

import re
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import structlog
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from app import errors
from app.agents.life import RunState
from app.agents.values import RunResult
from app.api import contracts
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json
from app.api.doors import Runner
from app.api.gone import unless_left
from app.api.problems import BodyTooSlow, ClientLeft, CodingUnknown, StillRunning
from app.api.replies import reply, result_headers, route_headers
from app.api.routing import Doc, Parameter, Success, route
from app.api.shapes import ChatRequest, ChatResponse, to_response, to_start
from app.api.sse import EventStream, write_event
from app.errors import BadInput
from app.ids import Caller, RunId
from app.stored_ends import rebuild

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

DOC = Doc(
    summary="Ask a team of agents",
    tag="chat",
    text="Answers as JSON, or with `stream: true` as server-sent events. A client that leaves cancels its run, unless "
    "`on_disconnect` is `continue` or an `Idempotency-Key` was sent. When nothing can answer it is refused at once; a "
    "run that was accepted waits for a node until `deadline_s`, else until the platform's limit. A run that asks a "
    "person answers with `state` `waiting` and its `interrupts`; it goes on once they are answered.",
    body=ChatRequest,
    example={"message": "When may I return a lamp?", "context": {"customer_id": "CUST00001"}},
    parameters=(
        Parameter(
            "Idempotency-Key",
            "header",
            "Repeating a request with the same key gives the same run; one that ended with a `retryable` problem makes "
            "its next attempt, and keeps what it has done. 1 to 255 visible ASCII characters.",
            {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        ),
        *contracts.PARAMETERS,
    ),
    successes={
        200: Success("The answer", body=ChatResponse, headers=ROUTE_HEADERS, also={"text/event-stream": STREAM_TEXT})
    },
    refusals=(
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
    ),
)


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


class Chat:
    """Starts runs and writes their answers."""

    def __init__(self, runner: Runner, *, body_limit_bytes: int, message_limit: int, run_limit_s: float) -> None:
        self._runner = runner
        self._decoder = msgspec.json.Decoder(ChatRequest)
        self._body_limit_bytes = body_limit_bytes
        self._message_limit = message_limit
        self._run_limit_s = run_limit_s

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        doc = replace(DOC, limits={"message": self._message_limit})
        return [route("POST", "/api/v1/chat", self.start, Permission.RUN, doc)]

    async def start(self, request: HttpRequest) -> ASGIApp:
        """Start a run and answer with its text."""
        caller = caller_of(request)
        key = idempotency_key_of(request)
        asked = await read_json(request, self._decoder, self._body_limit_bytes)
        request_id = str(request.scope["state"]["request_id"])
        contract = contracts.contract_of(request, asked.contract)
        ask = to_start(
            asked,
            message_limit=self._message_limit,
            idempotency_key=key,
            request_id=request_id,
            contract=contract,
        )
        handle = await self._runner.start(caller, ask)
        structlog.contextvars.bind_contextvars(run_id=str(handle.run_id), session_id=str(handle.session_id))
        headers = {"idempotent-replayed": "true"} if handle.replayed else {}
        # The run of a replay belongs to the request that began it.
        leaves = not handle.replayed
        if not asked.stream:
            return await self._answer(request, caller, handle.run_id, headers, leaves=leaves)
        return EventStream(
            self._runner.events(caller, handle.run_id, None),
            write=write_event,
            request_id=request_id,
            headers=headers | route_headers(self._runner.routed(handle.run_id)),
            on_left=(lambda: self._runner.left(handle.run_id)) if leaves else None,
        )

    async def _answer(
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
        return reply(to_response(result), headers=headers | result_headers(result))
