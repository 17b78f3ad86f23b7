"""Sessions: read, list, clear."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta

from app import errors
from app.agents.sessions import SessionView
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import uuid_or
from app.api.doors import Sessions
from app.api.pages import PARAMETERS, cursor_of, limit_of, next_cursor
from app.api.replies import no_content, reply
from app.api.routing import Doc, Success, route
from app.errors import SessionUnknown
from app.ids import SessionId

AwareTime = Annotated[datetime, Meta(tz=True)]


class Place(msgspec.Struct, frozen=True, array_like=True):
    """The last session of a page."""

    at: AwareTime
    id: UUID


class SessionPage(msgspec.Struct, frozen=True):
    """Sessions without their messages, latest activity first."""

    sessions: tuple[SessionView, ...]
    next_cursor: Annotated[str | None, Meta(description="Send it as `cursor` for the next page; null at the end.")]


GET = Doc(
    summary="Read a session",
    tag="sessions",
    text="Its newest 200 messages, oldest first, and the facts kept with it. Times are UTC.",
    successes={200: Success("The session", body=SessionView)},
    refusals=(SessionUnknown, errors.StoreUnavailable),
)
LIST = Doc(
    summary="List sessions",
    tag="sessions",
    parameters=PARAMETERS,
    successes={200: Success("One page", body=SessionPage)},
    refusals=(errors.BadInput, errors.StoreUnavailable),
)
DELETE = Doc(
    summary="Clear a session",
    tag="sessions",
    text="Removes its messages, runs and checkpoints for good.",
    successes={204: Success("The session is gone")},
    refusals=(SessionUnknown, errors.SessionBusy, errors.StoreUnavailable),
)


class SessionRoutes:
    """The routes under /api/v1/sessions."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/api/v1/sessions", self.list, Permission.READ, LIST),
            route("GET", "/api/v1/sessions/{session_id:str}", self.get, Permission.READ, GET),
            route("DELETE", "/api/v1/sessions/{session_id:str}", self.remove, Permission.WRITE, DELETE),
        ]

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return one session."""
        return reply(await self._sessions.get(caller_of(request).tenant_id, session_id_of(request)))

    async def remove(self, request: HttpRequest) -> ASGIApp:
        """Remove one session."""
        await self._sessions.remove(caller_of(request).tenant_id, session_id_of(request))
        return no_content()

    async def list(self, request: HttpRequest) -> ASGIApp:
        """Return one page of sessions."""
        limit, place = limit_of(request), cursor_of(request, Place)
        before = None if place is None else (place.at, SessionId(place.id))
        rows = await self._sessions.list(caller_of(request).tenant_id, limit=limit, before=before)
        last = Place(rows[-1].last_activity, rows[-1].session_id) if rows else None
        return reply(SessionPage(tuple(rows), next_cursor(len(rows) == limit, last)))


def session_id_of(request: HttpRequest) -> SessionId:
    """Return the session named in the path. Raises SessionUnknown."""
    return SessionId(uuid_or(request.path_params["session_id"], SessionUnknown, "session"))
