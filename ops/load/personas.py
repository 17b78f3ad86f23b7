"""What each persona does: one visit, every request of it timed."""

import random
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import Protocol, TypeAlias, TypeVar, assert_never
from uuid import UUID

import msgspec

from ops.load.arrivals import Persona, Visit, source_of
from ops.load.notes import Note, write_note
from ops.load.plan import Plan
from ops.load.questions import Questions
from ops.load.samples import Entry, Outcome, Sample
from ops.load.stopwatch import Answered, Stopwatch, read_answered
from ops.load.wire import Broken, Late, Refused, Wire, fault_of

TRIES = 3
POLL_EVERY_S = 0.25
UNREADABLE = "unreadable"

T = TypeVar("T")
Recorder: TypeAlias = Callable[[Sample], None]
"""Takes samples."""


class Uncited(Exception):
    """There is an answer, but it does not cite the document that alone says it."""

    code = "not_cited"


class Clock(Protocol):
    """Time in seconds from the run's start; `is_over` once nothing new may begin."""

    def now(self) -> float: ...
    def wait(self, seconds: float) -> None: ...
    def is_over(self) -> bool: ...


class Visitor:
    """Makes visits. Nothing is raised for what the stack does wrong: the visit ends, and the samples say why."""

    def __init__(self, plan: Plan, wire: Wire, questions: Questions, clock: Clock, record: Recorder) -> None:
        self._plan = plan
        self._wire = wire
        self._questions = questions
        self._clock = clock
        self._record = record

    def visit(self, visit: Visit) -> None:
        """Make one visit."""
        source = source_of(self._plan.seed, visit.number)
        try:
            match visit.persona:
                case Persona.CHAT:
                    self._chat(visit, source)
                case Persona.UPLOAD:
                    self._upload(visit, source)
                case Persona.OPENAI:
                    self._complete(Entry.OPENAI, self._wire.ask_openai, visit, source)
                case Persona.OLLAMA:
                    self._complete(Entry.OLLAMA, self._wire.ask_ollama, visit, source)
                case _:
                    assert_never(visit.persona)
        except (Refused, Broken, Late, Uncited):
            return  # recorded where it happened

    def _chat(self, visit: Visit, source: random.Random) -> None:
        """Ask, and ask on in the same session after a while of reading."""
        least, most = self._plan.follow_ups
        follow_ups = self._questions.draw_follow_ups(source, source.randint(least, most))
        intended_s, question, session_id = visit.intended_s, self._questions.draw(source), None
        for follow_up in [*follow_ups, ""]:
            answered = self._turn(question, session_id, intended_s)
            session_id, question = answered.session_id, follow_up
            intended_s = self._clock.now() + source.uniform(*self._plan.think_s)
            if not question or not self._reach(intended_s):
                return

    def _reach(self, intended_s: float) -> bool:
        """Wait for the time; returns whether the run still goes on then."""
        self._clock.wait(max(intended_s - self._clock.now(), 0.0))
        return not self._clock.is_over()

    def _upload(self, visit: Visit, source: random.Random) -> None:
        """Bring a document, wait until it is read in, ask about it, and take it away again."""
        note = write_note(source, f"{self._plan.seed:x}x{visit.number}")
        uploaded = self._timed(Entry.UPLOAD, visit.intended_s, lambda: self._wire.upload(note.name, note.content))
        try:
            self._timed(Entry.PROCESSING, self._clock.now(), lambda: self._await_job(uploaded.job_id))
            self._turn(note.question, None, self._clock.now(), about=note)
        finally:
            self._timed(Entry.REMOVAL, self._clock.now(), lambda: self._wire.remove(uploaded.document_id))

    def _complete(self, entry: Entry, ask: Callable[[str, float], None], visit: Visit, source: random.Random) -> None:
        """Ask one question as a client of a dialect does, and read the answer to its end."""
        question = self._questions.draw(source)
        self._timed(entry, visit.intended_s, lambda: ask(question, self._plan.answer_limit_s))

    def _await_job(self, job_id: UUID) -> None:
        limit_s = self._clock.now() + self._plan.processing_limit_s
        while True:
            status = self._wire.job(job_id).status
            if status == "done":
                return
            if status == "failed":
                raise Broken("job_failed")
            if self._clock.now() >= limit_s:
                raise Late
            self._clock.wait(POLL_EVERY_S)

    def _turn(self, question: str, session_id: str | None, intended_s: float, about: Note | None = None) -> Answered:
        """Ask one question. Raises Refused, Broken, Late, Uncited."""
        return self._insist(lambda: self._ask(question, session_id, intended_s, about))

    def _ask(self, question: str, session_id: str | None, intended_s: float, about: Note | None) -> Answered:
        watch = Stopwatch(intended_s, must_cite=about is not None)

        def note(outcome: Outcome, code: str) -> None:
            for sample in watch.samples(self._clock.now(), outcome, code):
                self._record(sample)

        with ending(note):
            answered = self._read(question, session_id, watch)
            if about is not None and not answered.cites(about.name):
                raise Uncited
            return answered

    def _read(self, question: str, session_id: str | None, watch: Stopwatch) -> Answered:
        body = {"message": question} | ({} if session_id is None else {"session_id": session_id})
        with closing(self._wire.ask(body, self._plan.answer_limit_s)) as events:
            for event in events:
                match event.kind:
                    case "delta":
                        watch.delta(self._clock.now())
                    case "done":
                        answered = _answered(event.body)
                        watch.done(answered)
                        return answered
                    case "error":
                        raise fault_of(int(event.body.get("status", 500)), None, event.body)
                    case _:
                        pass
        raise Broken("stream_cut")

    def _timed(self, entry: Entry, intended_s: float, act: Callable[[], T]) -> T:
        """Do something that is one operation. Raises what it raises."""

        def note(outcome: Outcome, code: str) -> None:
            self._record(Sample(entry, intended_s, self._clock.now() - intended_s, outcome, code=code))

        def once() -> T:
            with ending(note):
                return act()

        return self._insist(once)

    def _insist(self, act: Callable[[], T]) -> T:
        """Try again after a refusal, when the stack says so. Each refusal is a sample of its own."""
        left = TRIES
        while True:
            began_s = self._clock.now()
            try:
                return act()
            except Refused as refused:
                took_s = self._clock.now() - began_s
                self._record(Sample(Entry.REFUSED, began_s, took_s, Outcome.REFUSED, code=refused.code))
                left -= 1
                if not left or self._clock.is_over():
                    raise
                self._clock.wait(refused.retry_after_s)


@contextmanager
def ending(note: Callable[[Outcome, str], None]) -> Generator[None]:
    """Note how the block ended and why, also when the run is cut off in it; a refusal is noted by who insists."""
    outcome, code = Outcome.UNFINISHED, "run_ended"
    try:
        yield
        outcome, code = Outcome.DONE, ""
    except Refused:
        outcome = Outcome.REFUSED
        raise
    except Late:
        code = "too_late"
        raise
    except Uncited as uncited:
        outcome, code = Outcome.UNCITED, uncited.code
        raise
    except Broken as broken:
        outcome, code = Outcome.FAILED, broken.code
        raise
    finally:
        if outcome is not Outcome.REFUSED:
            note(outcome, code)


def _answered(body: dict[str, object]) -> Answered:
    try:
        return read_answered(body)
    except msgspec.ValidationError as error:
        raise Broken(UNREADABLE) from error
