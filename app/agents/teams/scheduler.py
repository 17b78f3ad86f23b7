"""The scheduler team: reads what is to happen when, and books it where nothing speaks against it."""

import re
from collections.abc import Iterator, Sequence
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
from app.agents.scheduler.hearing import hear
from app.agents.scheduler.place_words import ONLINE
from app.agents.scheduler.reading import READ_CHARACTERS
from app.agents.scheduler.records import EventDraft, Option, Resource
from app.agents.scheduler.said import Wanted, wanted_of
from app.agents.scheduler.talking import PendingEvent, TurnKind, chosen, looked_at, turn_of
from app.agents.scheduler.zones import UTC_ZONE, find_zone, load_zones, zone_of
from app.agents.team import Graph, Team, TeamState
from app.agents.work import Work
from app.errors import StructureUnmet

log = structlog.get_logger(__name__)

EVENT_AGENT = "event_agent"
RESOURCE_AGENT = "resource_agent"
CONFLICT_AGENT = "conflict_agent"
TITLE = "scheduler/title"
BOOK_STEP = "book"
LOOK_STEP = "look"
UNTITLED = "booking"
LONG_TITLE_WORDS = 8
"""A title of more words is a story, which a model may shorten."""
NOW = "now"
YEARS = range(2000, 2200)
"""`now` is in one of these: days are counted from it, and the last year of all is near to an overflow."""
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
    heard: PendingEvent | None
    """What the turn comes to, until it is booked or pending."""
    pending: PendingEvent | None


async def read(state: SchedulerState, runtime: Runtime[Work]) -> Command[str]:
    """Read the request; ask for what it does not say."""
    work, pending = runtime.context, state.get("pending")
    zone_name = work.context.get(TIME_ZONE, "").strip()
    before = "" if pending is None else pending.time_zone
    await load_zones(one for one in (zone_name, before) if one)
    zone, now = find_zone(zone_name) if zone_name else UTC_ZONE, now_of(work)
    if zone is None or now is None:
        return _clarify(work, _unreadable(zone_name, zone), pending)
    turn = turn_of(work.question, pending)
    if turn in {TurnKind.GIVES_UP, TurnKind.TALK, TurnKind.OTHER}:
        return _talked(work, turn, pending, now)
    notes = () if zone_name or before else (replies.UNSAID_ZONE,)
    draft = chosen(work.question, pending)
    if draft is not None:
        return work.hand_to(BOOK_STEP, draft=draft, user_request=work.question, notes=notes, heard=None)
    found = (await work.use(tools.RESOURCES, tools.ResourcesAsked(), agent=RESOURCE_AGENT)).resources
    heard = hear(work.question, pending, now, zone_name or before, [one.name for one in found])
    if heard is None or heard.said is None:
        return _clarify(work, _still_open(pending, now), pending)
    zone = zone_of(heard.time_zone)
    wanted = wanted_of(heard.said, now, zone)
    if wanted.is_several:
        return _clarify(work, replies.SEVERAL, None)
    if wanted.starts_at is None:
        text = replies.clarifies(wanted, zone.key)
        return _clarify(work, text, heard, replies.lacking_details(wanted))
    draft = await _draft(work, heard, wanted, found)
    notes = (*notes, *_notes(work.question, wanted, draft, found))
    step = LOOK_STEP if heard.is_look else BOOK_STEP
    return work.hand_to(step, draft=draft, user_request=heard.asked, notes=notes, heard=heard)


async def _draft(work: Work, heard: PendingEvent, wanted: Wanted, found: Sequence[Resource]) -> EventDraft:
    resource = _resource_of(wanted.place, found)
    starts_at = wanted.starts_at or now_of(work) or work.asked_at
    return EventDraft(
        title=await _title(work, heard.asked, wanted),
        starts_at=starts_at,
        ends_at=wanted.ends_at or starts_at,
        time_zone=zone_of(heard.time_zone).key,
        place=wanted.place if resource is None else resource.name,
        resource_id=None if resource is None else resource.resource_id,
        attendees=wanted.attendees,
        headcount=wanted.headcount,
    )


def _notes(question: str, wanted: Wanted, draft: EventDraft, found: Sequence[Resource]) -> Iterator[str]:
    """Yield what whoever asks should know beside what is booked."""
    if wanted.repeats:
        yield replies.ONCE
    # Who has no resources keeps no rooms here, and expects nothing to be checked.
    if found and draft.place and draft.resource_id is None and draft.place.casefold() not in ONLINE:
        yield replies.unchecked(draft.place)
    if len(question) > READ_CHARACTERS:
        yield replies.CUT


def _talked(work: Work, turn: TurnKind, pending: PendingEvent | None, now: datetime) -> Command[str]:
    """Reply to a turn that asks for no booking."""
    if turn is TurnKind.GIVES_UP:
        return work.hand_to(END, reply=Reply(EVENT_AGENT, replies.GIVEN_UP), pending=None)
    if turn is TurnKind.OTHER:
        return _clarify(work, replies.BOOKS_ONLY, pending)
    return _clarify(work, _still_open(pending, now), pending)


def _still_open(pending: PendingEvent | None, now: datetime) -> str:
    """Return what is to be said before something is booked."""
    if pending is None or (pending.said is None and pending.draft is None):
        return replies.ASKS_ALL
    if pending.draft is not None:
        return replies.still_open(pending.draft, pending.options, is_look=pending.is_look)
    zone = zone_of(pending.time_zone)
    asked = "" if pending.said is None else replies.clarifies(wanted_of(pending.said, now, zone), zone.key)
    return f"{replies.NOTHING_YET} {asked}"


def now_of(work: Work) -> datetime | None:
    """Return the instant that dates count from: the asker's own clock, else when the run was accepted."""
    given = work.context.get(NOW, "").strip()
    if not given:
        return work.asked_at
    try:
        now = datetime.fromisoformat(given)
        return None if now.tzinfo is None or now.year not in YEARS else now.astimezone(UTC)
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
    is_of_title = bool(short) and f" {' '.join(_words(short))} " in f" {' '.join(_words(title))} "
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
    return {"reply": reply, "pending": _pending(state, draft, options)}


async def look(state: SchedulerState, runtime: Runtime[Work]) -> SchedulerState:
    """Say whether the draft could be booked, and book nothing."""
    work, draft, now = runtime.context, state.get("draft"), now_of(runtime.context)
    if draft is None or now is None:
        return {}
    if draft.resource_id is None and not draft.attendees:
        name = draft.place or looked_at(work.question) or UNTITLED
        return {"reply": Reply(RESOURCE_AGENT, replies.unknown(name), requires_clarification=True), "pending": None}
    await load_zones([draft.time_zone])
    asked = tools.BookingAsked(draft, now, work.claim.session_id)
    conflicts = (await work.use(tools.CONFLICTS, asked, agent=CONFLICT_AGENT)).conflicts
    if not conflicts:
        own = (
            Option(starts_at=draft.starts_at, ends_at=draft.ends_at, place=draft.place, resource_id=draft.resource_id),
        )
        reply = Reply(
            CONFLICT_AGENT, replies.is_free(draft), requires_clarification=True, details=replies.look_details(draft)
        )
        return {"reply": reply, "pending": _pending(state, draft, own)}
    options = (await work.use(tools.ALTERNATIVES, asked, agent=CONFLICT_AGENT)).options
    text, details = replies.is_taken(draft, conflicts, options), replies.look_details(draft, conflicts, options)
    reply = Reply(CONFLICT_AGENT, text, requires_clarification=True, details=details)
    return {"reply": reply, "pending": _pending(state, draft, options)}


def _pending(state: SchedulerState, draft: EventDraft, options: tuple[Option, ...]) -> PendingEvent:
    """Return what the next turn goes on from: what was said, or that of which an option was chosen."""
    before = state.get("heard") or state.get("pending") or PendingEvent(state.get("user_request", ""))
    return msgspec.structs.replace(before, draft=draft, options=options)


def orchestrator_graph() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(SchedulerState, context_schema=Work)
    graph.add_node("read", read, destinations=(BOOK_STEP, LOOK_STEP, END))
    graph.add_node(BOOK_STEP, book)
    graph.add_node(LOOK_STEP, look)
    graph.add_edge(START, "read")
    graph.add_edge(BOOK_STEP, END)
    graph.add_edge(LOOK_STEP, END)
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
