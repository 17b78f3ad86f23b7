"""What is right and wrong of an answer to a question whose right answer is known."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from statistics import fmean

import msgspec

from app.evaluation.facts import are_right
from app.evaluation.questions import EventWanted, Question

_LEAD = re.compile(r"^(?:a|an|the|our|my)\s+", re.IGNORECASE)


class Mark(StrEnum):
    """What is looked at in an answer; each is right (1) or wrong (0)."""

    ANSWERED = "answered"
    """There is an answer, or what is asked of a person."""
    AGENT = "agent"
    """The right agent answered."""
    FACTS = "facts"
    """The facts stand there, and nothing that must not."""
    CLARIFIES = "clarifies"
    """It asks the user back where it must, and only there."""
    WAITS = "waits"
    """The run waits for a person where it must, and only there."""
    MODE = "mode"
    """The assistant answered in the right mode."""
    CITES_ONE = "cites_one"
    """One of the documents that hold the answer is cited."""
    CITES_ALL = "cites_all"
    """All of the documents that hold the answer are cited."""
    EVENT_FIELDS = "event_fields"
    """The share of the right fields of an event, or whether what is lacking is asked for."""
    EVENT = "event"
    """All fields of an event are right."""


class EventBooked(msgspec.Struct, frozen=True, kw_only=True):
    """What was booked, as far as it is told; `starts_at` local to the caller, without a zone."""

    title: str = ""
    starts_at: str = ""
    duration_minutes: int | None = None
    place: str | None = None
    attendees: tuple[str, ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a stack told of a question; `problem` says why there is no answer."""

    message: str = ""
    agent: str = ""
    clarifies: bool = False
    waits: bool = False
    mode: str = ""
    chosen_by: str = ""
    """What chose the agent or the mode: a rule, an exemplar, a model; "" where it is not told."""
    cited: tuple[str, ...] = ()
    supported: int = 0
    sentences: int = 0
    event: EventBooked | None = None
    asks_for: tuple[str, ...] | None = None
    """What of an event is asked for."""
    latency_ms: int = 0
    cost_usd: float = 0.0
    degraded: tuple[str, ...] = ()
    run_id: str = ""
    problem: str = ""

    @property
    def groundedness(self) -> float | None:
        """The share of the sentences that passages say; None where none was held against any."""
        return self.supported / self.sentences if self.sentences else None


def marks_of(asked: Question, told: Told) -> dict[Mark, float]:
    """Return what counts for a question, each from 0 to 1. Without an answer all of it is wrong."""
    if told.problem:
        return dict.fromkeys((mark for mark, _ in _looks(asked)), 0.0)
    return {mark: float(look(told)) for mark, look in _looks(asked)}


def _looks(asked: Question) -> Iterator[tuple[Mark, Callable[[Told], float]]]:
    yield Mark.ANSWERED, lambda _told: 1.0
    if asked.request:
        yield Mark.EVENT_FIELDS, lambda told: fmean(_fields(asked, told).values())
        yield Mark.EVENT, lambda told: all(_fields(asked, told).values())
    else:
        yield from _of_answers(asked)
        yield from _of_citations(asked)


def _of_answers(asked: Question) -> Iterator[tuple[Mark, Callable[[Told], float]]]:
    if asked.agent is not None:
        yield Mark.AGENT, lambda told: told.agent == asked.agent
    if asked.facts or asked.lacks:
        yield Mark.FACTS, lambda told: are_right(asked.facts, asked.lacks, told.message)
    if asked.clarifies is not None:
        yield Mark.CLARIFIES, lambda told: told.clarifies == asked.clarifies
    if asked.waits is not None:
        yield Mark.WAITS, lambda told: told.waits == asked.waits
    if asked.mode is not None:
        yield Mark.MODE, lambda told: told.mode == asked.mode


def _of_citations(asked: Question) -> Iterator[tuple[Mark, Callable[[Told], float]]]:
    if asked.documents:
        yield Mark.CITES_ONE, lambda told: not _names(asked.documents).isdisjoint(_names(told.cited))
    if asked.documents and asked.kind:
        yield Mark.CITES_ALL, lambda told: _names(asked.documents) <= _names(told.cited)


def _fields(asked: Question, told: Told) -> Mapping[str, bool]:
    if asked.event is None:
        is_right = told.event is None and told.asks_for is not None and set(told.asks_for) == set(asked.lacks)
        return {"lacks": is_right}
    return event_fields(asked.event, asked.titles, told.event)


def event_fields(wanted: EventWanted, titles: Sequence[str], booked: EventBooked | None) -> Mapping[str, bool]:
    """Return which fields of an event are right; none where none was booked."""
    if booked is None:
        return dict.fromkeys(msgspec.structs.asdict(wanted), False)
    return {
        "title": _plain(booked.title) in {_plain(one) for one in (wanted.title, *titles)},
        "starts_at": booked.starts_at[:16] == wanted.starts_at[:16],
        "duration_minutes": booked.duration_minutes == wanted.duration_minutes,
        "place": _plain(booked.place or "") == _plain(wanted.place or ""),
        "attendees": sorted(map(_plain, booked.attendees)) == sorted(map(_plain, wanted.attendees)),
    }


def _names(documents: Sequence[str]) -> set[str]:
    return {name.removesuffix(".pdf") for name in documents}


def _plain(text: str) -> str:
    return _LEAD.sub("", " ".join(text.casefold().split()))
