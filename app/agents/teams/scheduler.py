"""The scheduler team: reads what is to happen when, and books it where nothing speaks against it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import structlog
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from msgspec import Meta

from app.agents.reply import Reply
from app.agents.scheduler import replies, tools
from app.agents.scheduler.reading import Wanted, read_request
from app.agents.scheduler.records import EventDraft, Resource
from app.agents.scheduler.talking import PendingEvent, asked_of, chosen, gives_up, is_no_booking
from app.agents.scheduler.zones import UTC_ZONE, find_zone, load_zones
from app.agents.team import Graph, Team, TeamState
from app.agents.work import Work
from app.errors import StructureUnmet

log = structlog.get_logger(__name__)

EVENT_AGENT = "event_agent"
RESOURCE_AGENT = "resource_agent"
CONFLICT_AGENT = "conflict_agent"
TITLE = "scheduler/title"
BOOK_STEP = "book"
UNTITLED = "booking"
LONG_TITLE_WORDS = 8
"""A title of more words is a story, which a model may shorten."""
NOW = "now"
TIME_ZONE = "time_zone"


class ShortTitle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model would call an event."""

    title: Annotated[str, Meta(min_length=1, max_length=80)]


class SchedulerState(TeamState, total=False):
    """What the steps hand on; `pending` goes on from turn to turn."""

    user_request: str
    """What was asked, with what an earlier turn asked of the same event."""
    draft: EventDraft | None
    notes: tuple[str, ...]
    pending: PendingEvent | None


async def read(state: SchedulerState, runtime: Runtime[Work]) -> Command[str]:
    """Read the request; ask for what it does not say."""
    work, pending = runtime.context, state.get("pending")
    zone_name = work.context.get(TIME_ZONE, "").strip()
    await load_zones([zone_name] if zone_name else [])
    zone, now = find_zone(zone_name) if zone_name else UTC_ZONE, now_of(work)
    if zone is None or now is None:
        return _clarify(work, _unreadable(zone_name, zone), pending)
    if pending is not None and gives_up(work.question):
        return work.hand_to(END, reply=Reply(EVENT_AGENT, "Then nothing is booked."), pending=None)
    if is_no_booking(work.question):
        return _clarify(work, replies.BOOKS_ONLY, pending)
    notes = () if zone_name else (replies.UNSAID_ZONE,)
    draft = chosen(work.question, pending)
    if draft is not None:
        return work.hand_to(BOOK_STEP, draft=draft, user_request=work.question, notes=notes)
    found = (await work.use(tools.RESOURCES, tools.ResourcesAsked(), agent=RESOURCE_AGENT)).resources
    places = [one.name for one in found]
    asked = asked_of(work.question, pending, lambda text: read_request(text, now, zone, places))
    wanted = read_request(asked, now, zone, places)
    starts_at, ends_at = wanted.starts_at, wanted.ends_at
    if starts_at is None or ends_at is None:
        text = replies.clarifies(wanted, zone.key)
        return _clarify(work, text, PendingEvent(asked), replies.lacking_details(wanted))
    resource = _resource_of(wanted.place, found)
    draft = EventDraft(
        title=await _title(work, asked, wanted),
        starts_at=starts_at,
        ends_at=ends_at,
        time_zone=zone.key,
        place=wanted.place if resource is None else resource.name,
        resource_id=None if resource is None else resource.resource_id,
        attendees=wanted.attendees,
        headcount=wanted.headcount,
    )
    notes = (*notes, *((replies.ONCE,) if wanted.repeats else ()))
    return work.hand_to(BOOK_STEP, draft=draft, user_request=asked, notes=notes)


def now_of(work: Work) -> datetime | None:
    """Return the instant that dates count from: the asker's own clock, else when the run was accepted."""
    given = work.context.get(NOW, "").strip()
    if not given:
        return work.asked_at
    try:
        now = datetime.fromisoformat(given)
        return None if now.tzinfo is None else now.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _unreadable(zone_name: str, zone: ZoneInfo | None) -> str:
    if zone is None:
        return f"I know no time zone {zone_name[:64]!r}: say it as IANA does, such as Europe/Berlin."
    return "I cannot read `now`: say it as an instant, such as 2026-11-04T15:00:00Z."


def _clarify(
    work: Work, text: str, pending: PendingEvent | None, details: dict[str, object] | None = None
) -> Command[str]:
    reply = Reply(EVENT_AGENT, text, requires_clarification=True, details=details or {})
    return work.hand_to(END, reply=reply, pending=pending)


def _resource_of(place: str, resources: Sequence[Resource]) -> Resource | None:
    plain = re.sub(r"^(?:the|our)\s+", "", place.casefold())
    return next((one for one in resources if one.name.casefold() == plain), None) if plain else None


async def _title(work: Work, asked: str, wanted: Wanted) -> str:
    """Return the title; a long one in fewer of its words, where a model finds them."""
    title = wanted.title or UNTITLED
    if len(title.split()) <= LONG_TITLE_WORDS:
        return title
    try:
        short = (await work.ask_for(EVENT_AGENT, TITLE, {}, ShortTitle, question=asked)).title.strip()
    except StructureUnmet:
        return title
    is_of_title = bool(short) and set(_words(short)) <= set(_words(title))
    return short if is_of_title and len(short.split()) <= LONG_TITLE_WORDS else title


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


async def book(state: SchedulerState, runtime: Runtime[Work]) -> SchedulerState:
    """Book the draft, or say what speaks against it and what could be booked instead."""
    work, draft, now = runtime.context, state.get("draft"), now_of(runtime.context)
    if draft is None or now is None:
        return {}
    await load_zones([draft.time_zone])
    asked = tools.BookingAsked(draft, now, work.claim.session_id)
    booked = await work.use(tools.BOOK, asked, agent=EVENT_AGENT)
    if booked.booking is not None:
        log.info("event_booked", agent=EVENT_AGENT, event_id=str(booked.booking.id), resolved=booked.resolved)
        text = replies.confirmed(booked.booking, state.get("notes", ()))
        reply = Reply(EVENT_AGENT, text, details=replies.booking_details(booked.booking))
        return {"reply": reply, "pending": None}
    kinds = [one.kind.value for one in booked.conflicts]
    log.info("event_conflicts", agent=CONFLICT_AGENT, kinds=kinds)
    options = (await work.use(tools.ALTERNATIVES, asked, agent=CONFLICT_AGENT)).options
    text = replies.refused(draft, booked.conflicts, options)
    details = replies.refused_details(draft, booked.conflicts, options)
    reply = Reply(CONFLICT_AGENT, text, requires_clarification=True, details=details)
    return {"reply": reply, "pending": PendingEvent(state.get("user_request", work.question), draft, options)}


def orchestrator_graph() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(SchedulerState, context_schema=Work)
    graph.add_node("read", read, destinations=(BOOK_STEP, END))
    graph.add_node(BOOK_STEP, book)
    graph.add_edge(START, "read")
    graph.add_edge(BOOK_STEP, END)
    return graph


TEAM = Team(
    "scheduler",
    (EVENT_AGENT, RESOURCE_AGENT, CONFLICT_AGENT),
    orchestrator_graph,
    {TITLE: ()},
    tools=tools.TOOLS,
    values=(EventDraft, PendingEvent),
    summary="Books events from a sentence, by the rules and resources of the tenant, or says what could be instead.",
    takes={
        TIME_ZONE: "The IANA name of the asker's time zone, such as Europe/Berlin; UTC where it is absent.",
        NOW: "The instant that days count from, such as 2026-11-04T15:00:00Z; when it is asked where it is absent.",
    },
)
