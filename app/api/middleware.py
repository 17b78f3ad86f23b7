"""The outermost layer of HTTP: request id, metrics and one log line for every response, and the last resort."""

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.api.cors import NOBODY, Cors, Headers
from app.api.direct.dialects import dialect_of, write_in
from app.api.problems import describe
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "OTHER"
"""A method that is none of these."""
UNMATCHED = "unmatched"
"""The endpoint of what no route of ours answers: unknown paths and methods, and OPTIONS of any path."""
CLIENT_LEFT = 499
BROKEN_OFF = 500
"""What a response counts as that broke after its first byte, before its last: the status sent tells nothing of it."""
# The statuses of problems.STATUSES that are ours to mend.
FAILURES = (500, 503, 504)
# Asked every few seconds by machines; logged only when they fail.
QUIET = frozenset({"/livez", "/readyz", "/health", "/metrics"})

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the client's `x-request-id` if it is one short plain word, else a new id."""
    for name, value in headers:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if REQUEST_ID.fullmatch(text):
                return text
    return str(uuid4())


class Recorder:
    """Counts and logs responses by route template, so that labels stay bounded."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._bound: dict[tuple[str, str, int], tuple[Callable[..., None], ...]] = {}

    def record(self, method: str, endpoint: str, status: int, elapsed_s: float) -> None:
        """Take note of one response that ended."""
        method = method if method in METHODS else OTHER
        endpoint = UNMATCHED if method == "OPTIONS" else endpoint
        count, count_again, observe = self._children(method, endpoint, status)
        count()
        count_again()
        observe(elapsed_s)
        quiet = endpoint in QUIET and status < 500
        tell = log.debug if quiet else log.info
        tell("http.request", method=method, endpoint=endpoint, status=status, duration_ms=round(elapsed_s * 1000, 1))

    def _children(self, method: str, endpoint: str, status: int) -> tuple[Callable[..., None], ...]:
        key = (method, endpoint, status)
        if key not in self._bound:
            self._bound[key] = (
                self._metrics.http_requests.labels(method, endpoint, str(status)).inc,
                self._metrics.api_requests.labels(method, endpoint, str(status)).inc,
                self._metrics.api_request_duration.labels(method, endpoint).observe,
            )
        return self._bound[key]


class Exchange:
    """One request's response as it passes: its status, and the headers that every response has."""

    def __init__(self, send: Send, request_id: str, marks: Headers) -> None:
        self._send = send
        self._own: Headers = [(b"x-request-id", request_id.encode("ascii")), *SECURITY_HEADERS, *marks]
        self.status: int | None = None
        self.complete = False

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], *self._own]}
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True
        await self._send(message)


class Edge:
    """Pure ASGI around the whole application, so that 404, 405 and 500 are seen like any other response."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, *, cors: Cors = NOBODY, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app = app
        self._cors = cors
        self.recorder = Recorder(metrics)
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._clock()
        request_id = request_id_of(list(scope["headers"]))
        state: dict[str, Any] = scope["state"]
        state["request_id"] = request_id
        exchange, status = Exchange(send, request_id, self._cors.headers(scope)), None
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if self._cors.is_preflight(scope):
                    await self._cors.answer(exchange.send)
                else:
                    await self._app(scope, receive, exchange.send)
            except Exception as error:  # the web edge: whatever it is, the client gets an answer
                log.error("http.failed", exc_info=error)
                if exchange.status is None:
                    told = write_in(dialect_of(scope["path"]), describe(error), request_id)
                    await told(scope, receive, exchange.send)
                elif not exchange.complete:
                    status = BROKEN_OFF
            finally:
                endpoint = str(scope.get("path_template") or UNMATCHED)
                status = status or exchange.status or CLIENT_LEFT
                self.recorder.record(str(scope["method"]), endpoint, status, self._clock() - started)
