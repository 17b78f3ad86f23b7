"""Builds the web application from a platform's doors."""

import asyncio
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.routes import HTTPRoute
from litestar.types import Receive, Scope, Send

from app.api.auth import PERMISSION, Gate, Permission, PermissionMissing
from app.api.chat import Chat
from app.api.cold_documents import ColdRoutes
from app.api.cors import Cors
from app.api.counted import begin_routes
from app.api.direct.dialects import Dialect, dialect_of, write_in
from app.api.direct.door import Direct
from app.api.docs import Docs
from app.api.documents import DocumentRoutes
from app.api.doors import Platform
from app.api.events import EventRoutes
from app.api.feedback import FeedbackRoutes
from app.api.heads import Heads
from app.api.jobs import JobRoutes
from app.api.messages import Messages
from app.api.middleware import Edge
from app.api.models import ModelRoutes
from app.api.multi_agent import MultiAgent
from app.api.nodes import NodeRoutes
from app.api.ollama.routes import Ollama
from app.api.openai.routes import OpenAI
from app.api.operations import Operations
from app.api.problems import Problem, describe
from app.api.queue_headers import ETA_MS, QUEUE_HEADERS
from app.api.refusals import Refusals
from app.api.routes import RouteRoutes
from app.api.runs import RunRoutes
from app.api.search import SearchRoutes
from app.api.sessions import SessionRoutes
from app.api.surface import ROUTE_HEADERS
from app.api.tasks import TaskRoutes
from app.api.teams import TeamRoutes
from app.api.webhooks import WebhookRoutes
from app.settings import split_list

log = structlog.get_logger(__name__)

EXPOSED_HEADERS = (*ROUTE_HEADERS, *QUEUE_HEADERS, ETA_MS, "retry-after", "location", "allow", "accept-encoding")
# How much of a body that is too large is still taken, so that the client reads the refusal and not a broken pipe: more
# than nginx lets through.
LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 2.0


def create_app(platform: Platform) -> Litestar:
    """Return the ASGI application. Raises PermissionMissing when a route declares no permission."""
    docs = Docs()
    refusals = Refusals(platform.keys, limit=platform.settings.max_refused_keys)
    app = Litestar(
        [*_routes(platform, refusals), *docs.routes()],
        guards=[Gate(refusals)],
        exception_handlers={Exception: show_problem},
        openapi_config=None,
        logging_config=None,
        debug=False,
        request_max_body_size=None,
    )
    check_permissions(app)
    docs.describe(app)
    # Around everything, the router included: middleware of Litestar's own never sees a 404 or a 405.
    cors = Cors(split_list(platform.settings.cors_origins), EXPOSED_HEADERS)
    edge = Edge(Heads(app.asgi_handler), platform.metrics, cors=cors)
    begin_routes(platform.metrics, app)
    app.asgi_handler = edge
    return app


def _routes(platform: Platform, refusals: Refusals) -> list[HTTPRouteHandler]:
    settings = platform.settings
    asked: Any = {"body_limit_bytes": settings.max_body_bytes, "message_limit": settings.max_message_characters}
    limits: Any = {**asked, "run_limit_s": settings.run_limit_s}
    ollama = Ollama(_direct(platform), platform.offers, body_limit_bytes=settings.max_call_bytes)
    return [
        *Chat(platform.runner, **limits).routes(),
        *MultiAgent(platform.runner, **limits).routes(),
        *RunRoutes(platform.runner, platform.runs, platform.places, body_limit_bytes=settings.max_body_bytes).routes(),
        *_task_routes(platform),
        *FeedbackRoutes(platform.feedback, body_limit_bytes=settings.max_body_bytes).routes(),
        *SessionRoutes(platform.sessions).routes(),
        *TeamRoutes(platform.teams).routes(),
        *EventRoutes(platform.runner, platform.calendar, platform.deliveries, **asked).routes(),
        *DocumentRoutes(
            platform.documents,
            upload_limit_bytes=settings.max_upload_bytes,
            body_limit_bytes=settings.max_body_bytes,
        ).routes(),
        *JobRoutes(platform.jobs).routes(),
        *ColdRoutes(platform.cold).routes(),
        *SearchRoutes(
            platform.search, platform.dispatcher, platform.book, body_limit_bytes=settings.max_body_bytes
        ).routes(),
        *RouteRoutes(platform.routes, platform.dispatcher, body_limit_bytes=settings.max_body_bytes).routes(),
        *ModelRoutes(platform.models).routes(),
        *NodeRoutes(platform.nodes, body_limit_bytes=settings.max_body_bytes).routes(),
        *Messages(platform.runner, ollama, **limits).routes(),
        *ollama.routes(),
        *OpenAI(_direct(platform), platform.offers, body_limit_bytes=settings.max_call_bytes).routes(),
        *Operations(platform.health, platform.metrics, refusals).routes(),
    ]


def _task_routes(platform: Platform) -> list[HTTPRouteHandler]:
    tasks = TaskRoutes(
        platform.runner,
        platform.tasks,
        platform.places,
        platform.deliveries,
        platform.task_load,
        body_limit_bytes=platform.settings.max_body_bytes,
        message_limit=platform.settings.max_message_characters,
    )
    return [*tasks.routes(), *WebhookRoutes(platform.deliveries).routes()]


def _direct(platform: Platform) -> Direct:
    settings = platform.settings
    return Direct(
        platform.dispatcher,
        platform.runner,
        platform.book,
        max_tokens=settings.call_output_tokens,
        limit_s=settings.run_limit_s,
    )


def check_permissions(app: Litestar) -> None:
    """Raise PermissionMissing for the first route that does not say who may call it (OPTIONS aside)."""
    for route in app.routes:
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]
        for handler in handlers:
            if isinstance(handler, HTTPRouteHandler) and handler.http_methods == {"OPTIONS"}:
                continue
            if not isinstance(handler.opt.get(PERMISSION), Permission):
                raise PermissionMissing(f"{route.path} declares no permission")


def show_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Return what the client is told of `error`; what it is not told goes to the log."""
    problem = describe(error)
    if problem.code == "internal":
        log.error("http.failed", exc_info=error)
    elif problem.status >= 500:
        log.warning("http.unavailable", code=problem.code, **{f"fact_{k}": v for k, v in problem.facts.items()})
    return Written(dialect_of(request.scope["path"]), problem, str(request.scope["state"]["request_id"]))


class Written(Response[None]):
    """A problem as a Litestar response."""

    def __init__(self, dialect: Dialect, problem: Problem, request_id: str) -> None:
        written = write_in(dialect, problem, request_id)
        super().__init__(content=None, status_code=written.status_code)
        self._written = TooLarge(written) if problem.status == 413 else written

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:  # noqa: ANN401 - Litestar's signature
        """Return the response as it was written."""
        return self._written


class TooLarge(ASGIResponse):
    """A refusal that is sent at once, then takes and drops what the client still sends, within bounds, and closes."""

    def __init__(self, refusal: ASGIResponse) -> None:
        super().__init__(status_code=refusal.status_code)
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the refusal, drop the rest, end."""
        headers = [*self._refusal.encode_headers(), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self._refusal.body, "more_body": True})
        try:
            async with asyncio.timeout(LINGER_S):
                await _drop(receive)
        except TimeoutError:
            log.debug("http.linger_ended")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drop(receive: Receive) -> None:
    dropped, more = 0, True
    while more and dropped < LINGER_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return
        dropped += len(message.get("body", b""))
        more = message.get("more_body", False)
