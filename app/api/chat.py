"""POST /api/v1/chat: one question, answered as JSON or as a stream."""

from dataclasses import replace

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from app.api import contracts
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json
from app.api.doors import Runner
from app.api.routing import Doc, Success, route
from app.api.shapes import ChatRequest, ChatResponse, to_start
from app.api.surface import PARAMETERS, REFUSALS, ROUTE_HEADERS, STREAM_TEXT, Surface, idempotency_key_of

DOC = Doc(
    summary="Ask a team of agents",
    tag="chat",
    text="Answers as JSON, or with `stream: true` as server-sent events. A client that leaves cancels its run, unless "
    "`on_disconnect` is `continue` or an `Idempotency-Key` was sent. When nothing can answer it is refused at once; a "
    "run that was accepted waits for a node until `deadline_s`, else until the platform's limit. A run that asks a "
    "person answers with `state` `waiting` and its `interrupts`; it goes on once they are answered.",
    body=ChatRequest,
    example={"message": "When may I return a lamp?", "context": {"customer_id": "CUST00001"}},
    parameters=PARAMETERS,
    successes={
        200: Success("The answer", body=ChatResponse, headers=ROUTE_HEADERS, also={"text/event-stream": STREAM_TEXT})
    },
    refusals=REFUSALS,
)


class Chat:
    """Starts runs and writes their answers."""

    def __init__(self, runner: Runner, *, body_limit_bytes: int, message_limit: int, run_limit_s: float) -> None:
        self._runner = runner
        self._surface = Surface(runner, run_limit_s=run_limit_s)
        self._decoder = msgspec.json.Decoder(ChatRequest)
        self._body_limit_bytes = body_limit_bytes
        self._message_limit = message_limit

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        doc = replace(DOC, limits={"message": self._message_limit})
        return [route("POST", "/api/v1/chat", self.start, Permission.RUN, doc)]

    async def start(self, request: HttpRequest) -> ASGIApp:
        """Start a run and answer with its text."""
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
        # Not by `Surface.answer`: one function less lies between a request and its node.
        handle = await self._runner.start(caller_of(request), ask)
        return await self._surface.tell(request, handle, stream=asked.stream)
