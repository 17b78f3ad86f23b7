"""Events as server-sent events, and those of a run among them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import msgspec
import structlog
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from app.agents.events import EventKind, Interrupted, RunEvent
from app.agents.values import RunResult
from app.api.asking import to_interrupts
from app.api.auth import HttpRequest
from app.api.gone import until_left
from app.api.problems import describe
from app.api.routing import Parameter
from app.api.shapes import to_response
from app.stored_ends import rebuild
from app.text import json_line

HEARTBEAT_S = 15.0
RETRY_HINT_MS = 1000
# A reader that takes nothing for this long has gone, whatever TCP says.
SEND_LIMIT_S = 60.0

E = TypeVar("E")

log = structlog.get_logger(__name__)
_encoder = msgspec.json.Encoder()
LAST_EVENT = (
    Parameter("Last-Event-ID", "header", "The id of the last event that was read."),
    Parameter("after", "query", "The same, for clients that cannot set the header."),
)
"""How a reader of a stream goes on; `last_event_of` reads it."""
STREAM_HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    # nginx passes each event on at once.
    "x-accel-buffering": "no",
}


def write_event(event: RunEvent, request_id: str, *, shape: Callable[[RunResult], object] = to_response) -> bytes:
    """Return the lines of one event; `data` is one line, whatever its reader takes for the end of one."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        event.id.encode("ascii"),
        event.kind.value.encode("ascii"),
        json_line(_encoder.encode(body_of(event, request_id, shape))),
    )


def body_of(event: RunEvent, request_id: str, shape: Callable[[RunResult], object] = to_response) -> object:
    """Return the event's JSON: `done` has the body of a JSON answer in its `shape`, `error` a problem document."""
    if isinstance(event.body, Interrupted):
        return {"interrupts": to_interrupts(event.body.interrupts)}
    if not isinstance(event.body, RunResult):
        return event.body
    if event.kind is EventKind.DONE:
        return shape(event.body)
    return run_problem(event.body, request_id)


def run_problem(result: RunResult, request_id: str) -> dict[str, Any]:
    """Return the problem document of a run that ended without an answer, with its ids."""
    problem = describe(rebuild(result.error_code or result.state.value, result.error_detail, result.error_facts))
    ids = {"run_id": str(result.run_id), "session_id": str(result.session_id)}
    return problem.document(request_id) | ids


class ReaderStalled(Exception):
    """The client keeps its connection but takes nothing."""


class EventStream(ASGIResponse, Generic[E]):
    """Writes events until they end or the client leaves; in the latter case `on_left` is called."""

    def __init__(
        self,
        events: AsyncGenerator[E],
        *,
        write: Callable[[E, str], bytes],
        request_id: str,
        headers: Mapping[str, str],
        on_left: Callable[[], None] | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`write` returns the lines of an event, given the request's id."""
        super().__init__(status_code=200)
        self._events = events
        self._write_event = write
        self._request_id = request_id
        self._stream_headers = {**STREAM_HEADERS, **headers}
        self._on_left = on_left
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self._sent_at = clock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Run the response. A run is the runner's: ending here stops the reading, and no more.

        A replica that drains cancels this too; then `on_left` is not called, since the client did not leave.
        """
        writer = asyncio.create_task(self._write(send))
        gone = asyncio.create_task(until_left(receive))
        beat = asyncio.create_task(self._keep_alive(send))
        try:
            await asyncio.wait((writer, gone), return_when=asyncio.FIRST_COMPLETED)
            finished = writer.done()
        finally:
            for task in (writer, gone, beat):
                task.cancel()
            outcome, *_ = await asyncio.gather(writer, gone, beat, return_exceptions=True)
        if not finished or isinstance(outcome, ReaderStalled):
            if self._on_left is not None:
                self._on_left()
        elif isinstance(outcome, Exception):
            with contextlib.suppress(ReaderStalled):
                await self._fail(send, outcome)

    async def _begin(self, send: Send) -> None:
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in self._stream_headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send(send, b"retry: %d\n\n" % RETRY_HINT_MS)

    async def _write(self, send: Send) -> None:
        await self._begin(send)
        async with aclosing(self._events) as events:
            async for event in events:
                await self._send(send, self._write_event(event, self._request_id))
        await self._send(send, b"", more=False)

    async def _fail(self, send: Send, error: Exception) -> None:
        """End the stream with an `error` event: after the first byte there is no other way to tell."""
        problem = describe(error)
        if problem.status == 500:
            log.error("http.stream_failed", exc_info=error)
        data = json_line(_encoder.encode(problem.document(self._request_id)))
        await self._send(send, b"event: error\ndata: %b\n\n" % data, more=False)

    async def _keep_alive(self, send: Send) -> None:
        """Send a comment whenever nothing else was sent for a while, so that proxies keep the connection."""
        while True:
            idle_s = self._clock() - self._sent_at
            if idle_s >= self._heartbeat_s:
                await self._send(send, b": alive\n\n")
                idle_s = 0.0
            await asyncio.sleep(self._heartbeat_s - idle_s)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                await send({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError as error:
            raise ReaderStalled from error
        self._sent_at = self._clock()


def last_event_of(request: HttpRequest) -> tuple[str, str | None]:
    """Return where the client says it stopped, and where it said so. A browser that reconnects sends the header."""
    for field, given in (
        ("Last-Event-ID", request.headers.get("last-event-id")),
        ("after", request.query_params.get("after")),
    ):
        if given:
            return field, given
    return "Last-Event-ID", None
