"""HEAD wherever GET: a HEAD is routed as its GET, and its response ends with the headers (RFC 9110 section 9.3.2)."""

from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send, WebSocketReceiveMessage

GONE: HTTPReceiveMessage = {"type": "http.disconnect"}


class Heads:
    """ASGI around the router. What a GET's content-length would be is told; a stream is left as soon as it begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, _listing_head(send))
            return
        # A part is asked for by GET alone (RFC 9110 section 14.2).
        whole = [(name, value) for name, value in scope["headers"] if name != b"range"]
        routed: Scope = {**scope, "method": "GET", "headers": whole}  # type: ignore[assignment]
        head = _Head(receive, _listing_head(send))
        try:
            await self._app(routed, head.receive, head.send)
        finally:
            # The router's find, for those outside who count by it.
            if "path_template" in routed:
                scope["path_template"] = routed["path_template"]


class _Head:
    """A response that is over after its headers: to what writes it, the client has left then."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_over = False

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        return GONE if self._is_over else await self._receive()

    async def send(self, message: Message) -> None:
        if self._is_over:
            return
        await self._send(message)
        if message["type"] == "http.response.start":
            self._is_over = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _listing_head(send: Send) -> Send:
    """Let `Allow` list HEAD beside GET."""

    async def list_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, _with_head(value) if name == b"allow" else value) for name, value in message["headers"]]
            message = {**message, "headers": headers}
        await send(message)

    return list_head


def _with_head(allow: bytes) -> bytes:
    methods = {method.strip() for method in allow.split(b",")}
    return b", ".join(sorted(methods | {b"HEAD"} if b"GET" in methods else methods))
