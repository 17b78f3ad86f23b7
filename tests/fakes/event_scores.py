"""How many fields of events a reader of requests gets right: evaluation/README.md says what is right."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from app.agents.scheduler.reading import read_request
from app.agents.scheduler.said import Wanted

_FRONT = re.compile(r"^(?:the|an?|our|my)\s+", re.IGNORECASE)


class Field(NamedTuple):
    """One field of one request."""

    id: str
    name: str
    is_right: bool
    read: object
    right: object


def read_set(path: Path) -> list[Mapping[str, Any]]:
    """Return the lines of a set."""
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def plain(text: object) -> str:
    """Return a name as names are compared."""
    return _FRONT.sub("", " ".join(str(text or "").split())).casefold()


def fields_of(one: Mapping[str, Any]) -> Iterator[Field]:
    """Yield what is read of a request, field by field, beside what is right."""
    zone, now = ZoneInfo(one["time_zone"]), datetime.fromisoformat(one["now"])
    wanted = read_request(one["request"], now, zone)
    if "lacks" in one:
        read = sorted(str(lack) for lack in wanted.lacks)
        yield Field(one["id"], "lacks", read == sorted(one["lacks"]), read, one["lacks"])
        return
    event, read = one["event"], _event_of(wanted, zone)
    for name, right in event.items():
        yield Field(one["id"], name, _is_right(name, read[name], right, one.get("titles", ())), read[name], right)


def _event_of(wanted: Wanted, zone: ZoneInfo) -> dict[str, object]:
    starts = wanted.starts_at
    return {
        "title": wanted.title,
        "starts_at": None if starts is None else f"{starts.astimezone(zone):%Y-%m-%dT%H:%M}",
        "duration_minutes": wanted.duration_minutes,
        "place": wanted.place,
        "attendees": wanted.attendees,
    }


def _is_right(name: str, read: Any, right: Any, titles: Any) -> bool:  # noqa: ANN401 - fields of several kinds
    if name == "attendees":
        return sorted(map(plain, read)) == sorted(map(plain, right))
    if name == "title":
        return plain(read) in {plain(one) for one in (right, *titles)}
    return plain(read) == plain(right) if name == "place" else read == right
