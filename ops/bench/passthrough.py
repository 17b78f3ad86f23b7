"""A replica whose only route passes one chat call on: `python -m ops.bench.passthrough`, only for measurements.

Everything around the call is the product's own: the edge (request id, metrics, log line), the gate that finds the
caller, bounded bodies, the dispatcher with its rating, placement, leases and settlement. There is no run, so no
session, retrieval, event log or row of any kind.
"""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from uuid import UUID

import msgspec
import uvloop
from litestar import Litestar
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send

from app.api.app import show_problem
from app.api.auth import Gate, HttpRequest, Permission
from app.api.bodies import read_json
from app.api.middleware import Edge
from app.api.refusals import Refusals
from app.api.replies import reply, route_headers
from app.api.routing import route
from app.api.server import make_server
from app.api.sse import STREAM_HEADERS, until_left
from app.configuration import Configuration, read_configuration
from app.ids import TenantId
from app.inference.calls.dispatcher import Dispatcher
from app.inference.words.account import Account, Purpose
from app.inference.words.records import Answer, ChatCall, Message
from app.inference.words.route import Route
from app.telemetry import logs
from app.wiring import Platform, open_platform

BODY_LIMIT_BYTES = 1_000_000
HELD_EVENTS = 1024
"""Pieces that wait for a slow reader; one more ends the stream."""
ACCOUNT = Account(purpose=Purpose.CHAT, tenant_id=TenantId(UUID(int=0)))


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request's body, much like that of the OpenAI dialect."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    max_tokens: int = 64


class Given(msgspec.Struct, frozen=True):
    """The JSON answer, and the last event of a stream."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd_micro: int


class Piece(msgspec.Struct, frozen=True):
    """An event of a stream."""

    delta: str


class PassThrough:
    """The one route."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._decoder = msgspec.json.Decoder(Asked)

    async def chat(self, request: HttpRequest) -> ASGIApp:
        """Answer one chat call."""
        asked = await read_json(request, self._decoder, BODY_LIMIT_BYTES)
        call = ChatCall(
            messages=asked.messages,
            question=asked.messages[-1].content,
            agent="bench",
            account=ACCOUNT,
            max_tokens=asked.max_tokens,
            temperature=0.0,
            model=asked.model,
        )
        if asked.stream:
            return Stream(self._dispatcher, call)
        chosen: list[Route] = []
        answer = await self._dispatcher.chat(
            call,
            on_route=chosen.append,
            on_delta=lambda _: None,
            on_restart=lambda: None,
            on_usage=lambda _: None,
        )
        return reply(given(answer), headers=route_headers(chosen[-1]))


class Stream(ASGIResponse):
    """Writes the pieces of an answer as they come."""

    def __init__(self, dispatcher: Dispatcher, call: ChatCall) -> None:
        super().__init__()
        self._dispatcher = dispatcher
        self._call = call
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue(HELD_EVENTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Write events until the answer is complete or the client has gone."""
        headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in STREAM_HEADERS.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        asking = asyncio.create_task(self._ask())
        gone = asyncio.create_task(until_left(receive))
        gone.add_done_callback(lambda _: asking.cancel())
        try:
            while (event := await self._events.get()) is not None:
                await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            asking.cancel()
            await asyncio.gather(asking, gone, return_exceptions=True)

    async def _ask(self) -> None:
        try:
            answer = await self._dispatcher.chat(
                self._call,
                on_route=lambda _: None,
                on_delta=self._piece,
                on_restart=lambda: None,
                on_usage=lambda _: None,
            )
            self._put(given(answer))
        finally:
            self._events.put_nowait(None)

    def _piece(self, text: str) -> None:
        self._put(Piece(text))

    def _put(self, event: Piece | Given) -> None:
        self._events.put_nowait(b"data: %b\n\n" % msgspec.json.encode(event))


def given(answer: Answer) -> Given:
    """Return what the client is told of an answer."""
    used = answer.usage
    return Given(answer.text, used.model, used.input_tokens, used.output_tokens, used.cost_usd_micro)


def create_app(platform: Platform) -> Litestar:
    """Return the application: the route, and a gate for the start."""

    async def ready(request: HttpRequest) -> ASGIApp:  # noqa: ARG001 - Litestar knows it by this name
        return reply({"status": "ready"}, status=200 if (await platform.health.readiness()).is_ready else 503)

    chat = PassThrough(platform.dispatcher).chat
    app = Litestar(
        [route("POST", "/chat", chat, Permission.RUN), route("GET", "/readyz", ready, Permission.PUBLIC)],
        guards=[Gate(Refusals(platform.keys, limit=platform.settings.max_refused_keys))],
        exception_handlers={Exception: show_problem},
        openapi_config=None,
        logging_config=None,
        debug=False,
        request_max_body_size=None,
    )
    app.asgi_handler = Edge(app.asgi_handler, platform.metrics)
    return app


async def serve(configuration: Configuration) -> None:
    """Serve until a stop signal."""
    settings = configuration.settings
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(open_platform(configuration))

        async def drain() -> None:
            await platform.runner.close(drain_s=settings.drain_s)

        server = make_server(
            create_app(platform), host=settings.host, port=settings.port, fd=None, drain_s=settings.drain_s, drain=drain
        )
        await server.serve()
        await server.drained()


def main() -> int:
    """Run the process from `SWITCHYARD_*` variables, as `app.main` does."""
    configuration = read_configuration(os.environ)
    log_lines = logs.configure(configuration.settings.log_level, process=configuration.settings.replica)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(configuration))
    finally:
        log_lines.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
