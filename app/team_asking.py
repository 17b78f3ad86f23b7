"""Asks a team of a running stack a question whose right answer is known, and reads what comes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from app.asking_again import Waits
from app.conversation import Stack, StackAway, StackRefused, StreamEvent
from app.evaluation.asking import Ask
from app.evaluation.marks import EventBooked, Told
from app.evaluation.questions import Question

WAIT_LIMIT_S = 600.0
"""All waits for one answer together, while the stack says that asking again may help."""
POLL_S = 0.5
WAITING = "waiting"


class Passage(msgspec.Struct, frozen=True):
    """What an answer cites: the words of a document that support it best."""

    document: str
    quote: str


class Sentence(msgspec.Struct, frozen=True):
    """A sentence of an answer that claims something."""

    supported: str


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What a team says of its answer in a form, as far as it counts here."""

    mode: str = ""
    chosen_by: str = ""
    title: str = ""
    starts_at: str | None = None
    ends_at: str | None = None
    place: str | None = None
    attendees: tuple[str, ...] = ()
    lacks: tuple[str, ...] | None = None

    @property
    def event(self) -> EventBooked | None:
        """The event that was read, booked or not; None where it is not known when it is."""
        if self.starts_at is None or self.ends_at is None:
            return None
        begin, end = datetime.fromisoformat(self.starts_at), datetime.fromisoformat(self.ends_at)
        return EventBooked(
            title=self.title,
            starts_at=begin.replace(tzinfo=None).isoformat(),
            duration_minutes=round((end - begin).total_seconds() / 60),
            place=self.place,
            attendees=self.attendees,
        )


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer took."""

    processing_time_ms: int = 0
    cost_usd: float = 0.0
    run_id: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """An answer's JSON, as far as it counts here; more may stand there."""

    message: str = ""
    agent_used: str = ""
    requires_clarification: bool = False
    state: str = ""
    details: Details = Details()
    metadata: Metadata = Metadata()
    citations: tuple[Passage, ...] = ()
    support: tuple[Sentence, ...] = ()
    degraded: tuple[str, ...] = ()
    run_id: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as who labels or judges it reads it; nothing says how it was marked."""

    id: str
    question: str
    answer: str
    passages: tuple[Passage, ...] = ()
    run_id: str = ""


def asks(
    stack: Stack, team: str, *, wait: Callable[[float], None], kept: Callable[[Answer], None] = lambda _: None
) -> Ask:
    """Return what asks `team`; `kept` gets each answer that there is.

    What the stack refuses, and what it cannot answer, is told as such: one question does not end an evaluation.
    """
    one = Asking(stack, team, wait)

    async def ask(asked: Question) -> Told:
        told, answer = await asyncio.to_thread(one.ask, asked)
        if answer is not None:
            kept(answer)
        return told

    return ask


class Asking:
    """Asks one team."""

    def __init__(self, stack: Stack, team: str, wait: Callable[[float], None]) -> None:
        self._stack = stack
        self._team = team
        self._wait = wait

    def ask(self, asked: Question) -> tuple[Told, Answer | None]:
        """Ask what went before and then the question; what waits for a person in the end is taken back."""
        session_id: str | None = None
        try:
            for turn in asked.earlier:
                if turn.role == "user":
                    session_id = str(self._turn(turn.content, asked, session_id).get("session_id") or "") or None
            body = self._event(asked) if asked.request else self._turn(asked.text, asked, session_id)
        except StackRefused as refused:
            return Told(problem=f"{refused}"), None
        except StackAway as away:
            return Told(problem=f"away: {away}"), None
        try:
            told = told_of(body)
        except (msgspec.ValidationError, ValueError) as error:
            return Told(problem=f"unreadable: {error}"), None
        if told.waits:
            self._take_back(told.run_id)
        return told, answer_of(asked, body, told)

    def _turn(self, text: str, asked: Question, session_id: str | None) -> Mapping[str, Any]:
        body = {"message": text, "team": self._team, "context": dict(asked.context), "session_id": session_id}
        waits = Waits(WAIT_LIMIT_S)
        while True:
            try:
                return self._once({name: value for name, value in body.items() if value})
            except StackRefused as refused:
                wait_s = waits.take(refused.problem, refused.retry_after_s)
                if wait_s is None:
                    raise
                self._wait(wait_s)

    def _event(self, asked: Question) -> Mapping[str, Any]:
        """Have an event scheduled, and return the answer of the task once it has ended. Raises StackRefused."""
        body = {"message": asked.request, "time_zone": asked.time_zone, "now": asked.now}
        accepted = self._stack.post("/events", {name: value for name, value in body.items() if value})
        for _ in range(int(WAIT_LIMIT_S / POLL_S)):
            run = self._stack.get(f"/api/v1/runs/{accepted['task_id']}")
            if run["answer"] is not None:
                return run["answer"]
            if run["ended"]:
                raise StackRefused(run["error"] or {"code": run["state"], "detail": "it ended without an answer"})
            self._wait(POLL_S)
        raise StackAway("the task did not end")

    def _once(self, body: Mapping[str, object]) -> Mapping[str, Any]:
        """Return the answer's JSON, or that of a run which waits. Raises StackRefused for one that ended otherwise."""
        queued: dict[str, Any] = {}
        with closing(self._stack.ask(body)) as events:
            for event in events:
                if event.kind == "queued":
                    queued = event.body
                elif event.kind == "interrupt":
                    return queued | _asked_back(event)
                elif event.kind == "error":
                    raise StackRefused(event.body)
                elif event.kind == "done":
                    return queued | event.body
        raise StackAway("the answer ended without an end")

    def _take_back(self, run_id: str) -> None:
        try:
            self._stack.cancel(run_id)
        except (StackRefused, StackAway):
            # It waits on, until it is too old; the next question has a session of its own.
            return


def _asked_back(event: StreamEvent) -> dict[str, Any]:
    interrupts: list[dict[str, Any]] = event.body.get("interrupts") or [{}]
    return {
        "state": WAITING,
        "message": "\n\n".join(str(one.get("text", "")) for one in interrupts),
        "agent_used": interrupts[0].get("agent", ""),
        "requires_clarification": True,
    }


def told_of(body: Mapping[str, Any]) -> Told:
    """Return what the JSON of an answer tells."""
    said = msgspec.convert(body, Said)
    details = said.details
    return Told(
        message=said.message,
        agent=said.agent_used,
        clarifies=said.requires_clarification,
        waits=said.state == WAITING,
        mode=details.mode,
        chosen_by=details.chosen_by,
        cited=tuple(one.document for one in said.citations),
        supported=sum(one.supported == "yes" for one in said.support),
        sentences=len(said.support),
        event=details.event,
        asks_for=details.lacks,
        latency_ms=said.metadata.processing_time_ms,
        cost_usd=said.metadata.cost_usd,
        degraded=said.degraded,
        run_id=said.run_id or said.metadata.run_id,
    )


def answer_of(asked: Question, body: Mapping[str, Any], told: Told) -> Answer | None:
    """Return what is there to label; None where nothing is said."""
    if not told.message.strip():
        return None
    passages = msgspec.convert(body, Said).citations
    return Answer(id=asked.id, question=asked.text, answer=told.message, passages=passages, run_id=told.run_id)


def write_lines(path: Path, values: Sequence[msgspec.Struct]) -> None:
    """Write JSON lines. Raises OSError."""
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in values))
