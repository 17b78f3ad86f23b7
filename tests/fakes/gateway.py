"""A gateway in front of a node, that asks for a bearer token."""

from aiohttp import web
from aiohttp.typedefs import Handler


class Gateway:
    """Refuses who does not send `token`; None: there is no gateway. `tokens` are what was sent."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.tokens: set[str | None] = set()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or refuse it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        sent = token if scheme == "Bearer" else None
        self.tokens.add(sent)
        if self.token is not None and sent != self.token:
            return web.Response(status=401, text="unauthorized")
        return await handler(request)
