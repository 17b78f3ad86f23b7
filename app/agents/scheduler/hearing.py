"""What a turn comes to in its conversation: a new request, or more of the one before."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from app.agents.scheduler.people_words import names_of
from app.agents.scheduler.reading import READ_CHARACTERS, read_said
from app.agents.scheduler.said import Said, merged, wanted_of
from app.agents.scheduler.talking import PendingEvent, goes_on_looking, looked_at
from app.agents.scheduler.zones import zone_of


def hear(
    question: str, pending: PendingEvent | None, now: datetime, zone_name: str, places: Sequence[str]
) -> PendingEvent | None:
    """Return what is asked for after a turn; None where that adds nothing to what was asked before.

    Days and times are meant by the clock of the turn that says them, in the zone of the first turn that has one.
    """
    who = looked_at(question)
    zone = zone_of(zone_name)
    said = _said(question, who, now, zone, places)
    is_whole = bool(said.title) and not wanted_of(said, now, zone).lacks
    if pending is None or is_whole or (who is not None and said.day is not None):
        return PendingEvent(question[:READ_CHARACTERS], said=said, time_zone=zone_name, is_look=who is not None)
    if pending.time_zone and pending.time_zone != zone_name:
        zone_name, zone = pending.time_zone, zone_of(pending.time_zone)
        said = _said(question, who, now, zone, places)
    before = pending.said or read_said(pending.asked, now, zone, places)
    if not said.is_of_event and (before.title or not said.title):
        return None
    return PendingEvent(
        f"{pending.asked}; {question}"[:READ_CHARACTERS],
        said=merged(before, said, zone),
        time_zone=zone_name,
        is_look=who is not None or goes_on_looking(question, pending),
    )


def _said(question: str, who: str | None, now: datetime, zone: ZoneInfo, places: Sequence[str]) -> Said:
    """Return what a turn says; of whom it is asked whether they are free, as attendees."""
    said = read_said(question, now, zone, places)
    if who is None:
        return said
    people = said.attendees or (names_of(who) if not said.place else ())
    title = "" if said.title.casefold() in who.casefold() else said.title
    return msgspec.structs.replace(said, title=title, attendees=people)
