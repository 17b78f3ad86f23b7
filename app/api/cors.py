"""Which browser pages may read answers (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from collections.abc import Sequence

from litestar.types import Scope, Send

METHODS = "GET, HEAD, POST, PATCH, DELETE"
REQUEST_HEADERS = (
    "authorization, x-api-key, content-type, idempotency-key, last-event-id, x-request-id, x-route-min-tier, "
    "x-route-digest, x-route-no-degrade, x-deadline-s, x-priority, x-queue-events, "
    # What OpenAI's client for browsers sends with each request (openai-node: src/client.ts, detect-platform.ts).
    "openai-organization, openai-project, x-stainless-arch, x-stainless-custom-poll-interval, "
    "x-stainless-helper-method, x-stainless-lang, x-stainless-os, x-stainless-package-version, "
    "x-stainless-poll-helper, x-stainless-retry-count, x-stainless-runtime, x-stainless-runtime-version, "
    "x-stainless-timeout"
)
PREFLIGHT_S = 600
ANY = "*"

Headers = list[tuple[bytes, bytes]]


class Cors:
    """Answers preflights and marks responses. nginx does the same for what it says itself, from the same list.

    `*` among `origins` lets every page read; no origin at all lets none. Keys travel in headers that a page sets
    itself, never in cookies, so credentials are not allowed.
    """

    def __init__(self, origins: Sequence[str], exposed: Sequence[str]) -> None:
        self._origins = frozenset(origin.encode("latin-1", "replace") for origin in origins)
        self._any = ANY in origins
        self._exposed = ", ".join(exposed).encode("ascii")

    def is_preflight(self, scope: Scope) -> bool:
        """Whether the request is a browser's question that is answered here: one of an origin that may read."""
        asks = _value(scope, b"access-control-request-method") is not None
        return scope["type"] == "http" and scope["method"] == "OPTIONS" and asks and self._allowed(scope) is not None

    async def answer(self, send: Send) -> None:
        """Answer a preflight: which methods and headers the page may use, for every path alike."""
        told = [
            (b"access-control-allow-methods", METHODS.encode("ascii")),
            (b"access-control-allow-headers", REQUEST_HEADERS.encode("ascii")),
            (b"access-control-max-age", str(PREFLIGHT_S).encode("ascii")),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": told})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def headers(self, scope: Scope) -> Headers:
        """Return what a response to this request says about who may read it."""
        if not self._origins:
            return []
        # Also where no origin was sent or it is not listed: a cache must not hand that answer to a listed one.
        vary: Headers = [] if self._any else [(b"vary", b"Origin")]
        allowed = self._allowed(scope)
        if allowed is None:
            return vary
        own = [(b"access-control-allow-origin", allowed), (b"access-control-expose-headers", self._exposed)]
        return [*own, *vary]

    def _allowed(self, scope: Scope) -> bytes | None:
        origin = _value(scope, b"origin")
        if origin is None:
            return None
        if self._any:
            return ANY.encode("ascii")
        return origin if origin in self._origins else None


def _value(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


NOBODY = Cors((), ())
"""No page may read anything."""
