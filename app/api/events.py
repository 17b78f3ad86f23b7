"""Events: asked for in a sentence, listed, cancelled, and read by calendars."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from app import errors
from app.agents.scheduler.calendar import Wish
from app.agents.scheduler.records import Booking, BookingState
from app.agents.scheduler.refusals import EventUnknown
from app.agents.scheduler.zones import find_zone, load_zones
from app.agents.values import StartRun
from app.api.asking import check_storable
from app.api.auth import HttpRequest, Permission, caller_of
from app.api.bodies import read_json, uuid_or
from app.api.calendar_doors import Calendar
from app.api.calendar_file import MEDIA_TYPE, write_calendar
from app.api.document_fields import words_of
from app.api.doors import Runner
from app.api.event_shapes import EventPage, EventRequest, EventView, view_event
from app.api.pages import PARAMETERS, cursor_of, limit_of, next_cursor
from app.api.replies import reply
from app.api.routing import Doc, Parameter, Success, route
from app.api.shapes import ChatRequest, to_start
from app.api.surface import PARAMETERS as HEADERS
from app.api.surface import idempotency_key_of
from app.api.task_doors import Deliveries
from app.api.task_shapes import TaskAccepted
from app.api.tasks import ACCEPT_REFUSALS, STORED, accept, instant_of
from app.errors import BadInput

TEAM = "scheduler"
CALENDAR_EVENTS = 1_000
"""A calendar has at most so many events: the next ones from `from`."""
SUFFIX = ".ics"
FEED_PAST = timedelta(days=31)
"""A calendar without `from` begins so long ago: who subscribes can write no new `from` every day."""
_IDEMPOTENCY = tuple(one for one in HEADERS if one.name == "Idempotency-Key")
_FILTERS = (
    Parameter("from", "query", "Those that end after this instant.", {"type": "string", "format": "date-time"}),
    Parameter("to", "query", "Those that begin before this instant.", {"type": "string", "format": "date-time"}),
    Parameter("resource", "query", "Those in this place, by its name."),
)
_STATE = Parameter(
    "state",
    "query",
    "Those in this state; `booked` unless told.",
    {"type": "string", "enum": [state.value for state in BookingState], "default": "booked"},
)
CREATE = Doc(
    summary="Schedule an event",
    tag="events",
    text="Takes a sentence, and answers before it is read: a worker reads it, books, or says what speaks against it "
    "and what could be booked instead. The end is at `status_url`. Where something is missing or cannot be booked, the "
    "task ends with `requires_clarification`; the next request with its `session_id` goes on from there.",
    body=EventRequest,
    example={"message": "Schedule soccer practice Saturday at 2pm", "time_zone": "America/New_York"},
    parameters=_IDEMPOTENCY,
    successes={202: Success("It was stored, and a worker takes it", body=TaskAccepted, headers=STORED)},
    refusals=ACCEPT_REFUSALS,
)
LIST = Doc(
    summary="List events",
    tag="events",
    text="The earliest first.",
    parameters=(*PARAMETERS, *_FILTERS, _STATE),
    successes={200: Success("One page", body=EventPage)},
    refusals=(BadInput, errors.StoreUnavailable),
)
FEED = Doc(
    summary="Read events as a calendar",
    tag="events",
    text=f"iCalendar (RFC 5545) for calendars that subscribe: at most {CALENDAR_EVENTS} events, the earliest first. "
    f"Without `from` they are those since {FEED_PAST.days} days ago.",
    parameters=_FILTERS,
    successes={200: Success("The calendar", media_type=MEDIA_TYPE)},
    refusals=(BadInput, errors.StoreUnavailable),
)
GET = Doc(
    summary="Look at an event",
    tag="events",
    text="With `.ics` after the id, the event as iCalendar (RFC 5545).",
    successes={200: Success("The event", body=EventView, also={MEDIA_TYPE: "The event as a calendar of one"})},
    refusals=(EventUnknown, errors.StoreUnavailable),
)
CANCEL = Doc(
    summary="Cancel an event",
    tag="events",
    text="It holds its place no more; one that was cancelled stays as it is.",
    successes={200: Success("The event, cancelled", body=EventView)},
    refusals=(EventUnknown, errors.StoreUnavailable),
)


class EventRoutes:
    """The routes under /events."""

    def __init__(
        self,
        runner: Runner,
        calendar: Calendar,
        deliveries: Deliveries,
        *,
        body_limit_bytes: int,
        message_limit: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._runner = runner
        self._calendar = calendar
        self._deliveries = deliveries
        self._decoder = msgspec.json.Decoder(EventRequest)
        self._body_limit_bytes = body_limit_bytes
        self._message_limit = message_limit

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        create = replace(CREATE, limits={"message": self._message_limit})
        return [
            route("POST", "/events", self.create, Permission.RUN, create),
            route("GET", "/events", self.list, Permission.READ, LIST),
            route("GET", "/events.ics", self.feed, Permission.READ, FEED),
            route("GET", "/events/{event_id:str}", self.get, Permission.READ, GET),
            route("DELETE", "/events/{event_id:str}", self.cancel, Permission.RUN, CANCEL),
        ]

    async def create(self, request: HttpRequest) -> ASGIApp:
        """Accept a request for a worker."""
        key = idempotency_key_of(request)
        asked = await read_json(request, self._decoder, self._body_limit_bytes)
        ask = await self._ask(asked, key, str(request.scope["state"]["request_id"]))
        return await accept(self._runner, self._deliveries, request, ask)

    async def _ask(self, asked: EventRequest, key: str | None, request_id: str) -> StartRun:
        context: dict[str, str] = {}
        if asked.time_zone is not None:
            await load_zones([asked.time_zone])
            if find_zone(asked.time_zone) is None:
                raise BadInput("there is no such time zone: an IANA name, such as Europe/Berlin", field="time_zone")
            context["time_zone"] = asked.time_zone
        if asked.now is not None:
            context["now"] = asked.now.isoformat()
        chat = ChatRequest(message=asked.message, session_id=asked.session_id, context=context, team=TEAM)
        ask = to_start(chat, message_limit=self._message_limit, idempotency_key=key, request_id=request_id)
        return msgspec.structs.replace(ask, callback_url=asked.callback_url)

    async def list(self, request: HttpRequest) -> ASGIApp:
        """Return one page of events."""
        limit, after = limit_of(request), cursor_of(request, tuple[datetime, UUID])
        rows = await self._calendar.list(caller_of(request).tenant_id, limit=limit, wish=wish_of(request), after=after)
        last = (rows[-1].starts_at, rows[-1].id) if rows else None
        return reply(EventPage(await _views(rows), next_cursor(len(rows) == limit, last)))

    async def feed(self, request: HttpRequest) -> ASGIApp:
        """Return events as a calendar."""
        wish = wish_of(request)
        if wish.since is None:
            wish = msgspec.structs.replace(wish, since=self._now() - FEED_PAST)
        rows = await self._calendar.list(caller_of(request).tenant_id, limit=CALENDAR_EVENTS, wish=wish)
        return _calendar(rows)

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return one event."""
        event_id, is_calendar = event_of(request)
        booking = await self._calendar.get(caller_of(request).tenant_id, event_id)
        return _calendar([booking]) if is_calendar else reply(*await _views([booking]))

    async def cancel(self, request: HttpRequest) -> ASGIApp:
        """Cancel one event."""
        event_id, _ = event_of(request)
        return reply(*await _views([await self._calendar.cancel(caller_of(request).tenant_id, event_id)]))


async def _views(bookings: Sequence[Booking]) -> tuple[EventView, ...]:
    await load_zones({one.time_zone for one in bookings})
    return tuple(map(view_event, bookings))


def wish_of(request: HttpRequest) -> Wish:
    """Return which events a query asks for. Raises BadInput."""
    states = words_of(request, "state", tuple(BookingState))
    place = request.query_params.get("resource")
    if place is not None:
        check_storable(place, "resource")
    return Wish(
        since=instant_of(request, "from"),
        until=instant_of(request, "to"),
        place=place,
        state=states[0] if states else BookingState.BOOKED,
    )


def event_of(request: HttpRequest) -> tuple[UUID, bool]:
    """Return the event named in the path, and whether it is wanted as a calendar. Raises EventUnknown."""
    name = str(request.path_params["event_id"])
    return uuid_or(name.removesuffix(SUFFIX), EventUnknown, "event"), name.endswith(SUFFIX)


def _calendar(bookings: Iterable[Booking]) -> ASGIResponse:
    return ASGIResponse(
        body=write_calendar(bookings),
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-store", "content-disposition": 'inline; filename="events.ics"'},
    )
