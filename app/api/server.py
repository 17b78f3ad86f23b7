"""The HTTP server of a replica: uvicorn, with bounded heads, and a drain that loses nobody's answer."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Generator
from http import HTTPStatus
from types import FrameType
from uuid import uuid4

import structlog
import uvicorn
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.direct.dialects import Dialect, write_in
from app.api.middleware import SECURITY_HEADERS
from app.api.problems import describe

log = structlog.get_logger(__name__)

# Request line and headers; nginx takes 32 KiB at most.
HEAD_BYTES = 64 * 1024
HEAD_S = 30.0
# Longer than nginx keeps its connections to us (60 s), so that it is never nginx who meets a closed one.
KEEP_ALIVE_S = 75
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request head that is too large, and closes on one that takes too long to arrive."""

    _head_bytes = 0
    _in_head = True
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._on_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what arrives before the head is complete."""
        if self._in_head and self._head_bytes > HEAD_BYTES:
            self.send_400_response("the head is too large")
            return
        self._head_bytes += len(data)
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, an unknown method too, with a problem document and not with a parser's words."""
        log.debug("http.unreadable", why=msg)
        request_id = str(uuid4())
        refusal = write_in(Dialect.OWN, describe(HTTPException(status_code=HTTPStatus.BAD_REQUEST)), request_id)
        headers = [*refusal.encode_headers(), (b"x-request-id", request_id.encode("ascii")), (b"connection", b"close")]
        head = b"".join(b"%b: %b\r\n" % header for header in (*headers, *SECURITY_HEADERS))
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%b\r\n%b" % (head, refusal.body))
        self.transport.close()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._on_time()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next bytes are of another head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def _on_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class DrainingServer(uvicorn.Server):
    """On SIGTERM or SIGINT: takes no new connection and drains; a second signal stops at once.

    uvicorn itself raises the signal again when it has stopped, which would end the process before its pools and
    clients are closed; here the process ends by returning.
    """

    def __init__(self, config: uvicorn.Config, *, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Turn the signals into `handle_exit` for as long as the server runs."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or stop at once if it had begun."""
        del frame
        log.info("server.stopping", signal=signal.Signals(sig).name, again=self.should_exit)
        if self.should_exit:
            self.force_exit = True
            return
        self.should_exit = True
        self._draining = asyncio.create_task(self._run_drain(), name="drain")

    async def _run_drain(self) -> None:
        await self._drain()

    async def drained(self) -> None:
        """Wait for the drain that a signal began."""
        if self._draining is not None:
            await self._draining


def make_server(
    app: ASGIApp, *, host: str, port: int, fd: int | None, drain_s: float, drain: Callable[[], Awaitable[None]]
) -> DrainingServer:
    """Return a server that listens at `host:port`, or on the inherited socket `fd`.

    Open responses get `drain_s` and a little more; `drain` is called once at the first stop signal.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        fd=fd,
        loop="none",
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(drain_s) + 2),
    )
    return DrainingServer(config, drain=drain)
