"""Runs and sessions without a database or a node."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from app.agents.events import Delta, EventKind, Interrupted, Queued, RunEvent
from app.agents.evidence import Citation
from app.agents.follower import parse_position
from app.agents.life import RunState
from app.agents.resuming import PersonAnswer, pick, read_answer
from app.agents.sessions import MessageView, SessionView
from app.agents.values import Answered, Interrupt, Request, RequestKind, RouteSummary, RunHandle, RunResult, StartRun
from app.errors import BadInput, IdempotencyMismatch, RunNotWaiting, RunUnknown, SessionUnknown, SwitchyardError
from app.ids import Caller, DocumentId, RouteId, RunId, SessionId, TenantId
from app.inference.words.ends import FinishReason
from app.inference.words.route import Candidate, Reason, Route
from app.inference.words.tiers import Tier, TierReason

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class FakeRun:
    """One run, and how it is to go on."""

    tenant_id: TenantId
    ask: StartRun
    result: RunResult
    pieces: tuple[str, ...]
    release: asyncio.Event = field(default_factory=asyncio.Event)


class FakeRunner:
    """Answers each question with `pieces`, or as `script` and `refusal` say."""

    def __init__(self, sessions: "FakeSessions") -> None:
        self.sessions = sessions
        self.runs: dict[RunId, FakeRun] = {}
        self.by_key: dict[tuple[TenantId, str], RunId] = {}
        self.started: list[StartRun] = []
        self.submitted: list[StartRun] = []
        self.gone: list[RunId] = []
        self.cancelled: list[RunId] = []
        self.waits_s: list[float] = []
        self.answers: list[tuple[Answered, str]] = []
        self.open_streams = 0
        self.refusal: Exception | None = None
        self.breaks: Exception | None = None
        self.holds = False
        self.pieces: tuple[str, ...] = ("Returns are ", "free for 30 days.")
        self.ending: Callable[[RunResult], RunResult] = lambda result: result

    async def start(self, caller: Caller, ask: StartRun, /) -> RunHandle:
        """Begin a run."""
        if self.refusal is not None:
            raise self.refusal
        if ask.session_id is not None:
            await self.sessions.get(caller.tenant_id, ask.session_id)
        key = (caller.tenant_id, ask.idempotency_key or "")
        if ask.idempotency_key is not None and key in self.by_key:
            run = self.runs[self.by_key[key]]
            if run.ask.question != ask.question:
                raise IdempotencyMismatch("this Idempotency-Key was used with another request")
            return RunHandle(run.result.run_id, run.result.session_id, replayed=True, state=run.result.state)
        session_id = ask.session_id or self.sessions.add(caller.tenant_id, ask)
        run_id = RunId(uuid4())
        result = self.ending(finished(run_id, session_id, "".join(self.pieces)))
        run = FakeRun(caller.tenant_id, ask, result, self.pieces)
        if not self.holds:
            run.release.set()
        self.runs[run_id] = run
        self.started.append(ask)
        if ask.idempotency_key is not None:
            self.by_key[key] = run_id
        return RunHandle(run_id, session_id, replayed=False)

    async def submit(self, caller: Caller, ask: StartRun, /) -> RunHandle:
        """Accept a task; it is done at once, unless `holds`."""
        self.submitted.append(ask)
        return await self.start(caller, ask)

    def routed(self, run_id: RunId, /) -> Route | None:
        """Return where the run went."""
        return ROUTE if run_id in self.runs else None

    def find(self, tenant_id: TenantId, run_id: RunId) -> FakeRun:
        """Return a run or raise RunUnknown."""
        run = self.runs.get(run_id)
        if run is None or run.tenant_id != tenant_id:
            raise RunUnknown("no such run")
        return run

    async def events(self, caller: Caller, run_id: RunId, after: str | None, /) -> AsyncGenerator[RunEvent]:
        """Tell the run."""
        run = self.find(caller.tenant_id, run_id)
        self.open_streams += 1
        try:
            offset = int(after.rsplit(":", 1)[1]) if after else 0
            if after is None:
                yield RunEvent(f"{run_id}:1000:0", EventKind.QUEUED, Queued(run_id, run.result.session_id))
            told = 0
            for piece in run.pieces:
                told += len(piece)
                if told > offset:
                    yield RunEvent(f"{run_id}:1000:{told}", EventKind.DELTA, Delta(piece[-(told - offset) :]))
            await run.release.wait()
            if self.breaks is not None:
                raise self.breaks
            if run.result.state is RunState.WAITING:
                yield RunEvent(f"{run_id}:1000:{told}:1", EventKind.INTERRUPT, Interrupted(run.result.interrupts))
                return
            kind = EventKind.DONE if run.result.state is RunState.DONE else EventKind.ERROR
            yield RunEvent(f"{run_id}:1000:{told}", kind, run.result)
        finally:
            self.open_streams -= 1

    async def result(self, caller: Caller, run_id: RunId, timeout_s: float, /) -> RunResult:
        """Wait for the end."""
        run = self.find(caller.tenant_id, run_id)
        self.waits_s.append(timeout_s)
        await run.release.wait()
        if self.breaks is not None:
            raise self.breaks
        return run.result

    async def answer(self, caller: Caller, run_id: RunId, answer: PersonAnswer, /, *, request_id: str) -> RunHandle:
        """Take the answer to the one thing that the run asks."""
        run = self.find(caller.tenant_id, run_id)
        if run.result.state is not RunState.WAITING:
            raise RunNotWaiting("this run waits for no answer", state=run.result.state.value)
        asked = pick(run.result.interrupts, answer.interrupt_id)
        self.answers.append((read_answer(asked.request, answer.text, str(caller.key_id)), request_id))
        run.result = finished(run_id, run.result.session_id, "".join(run.pieces))
        return RunHandle(run_id, run.result.session_id, replayed=False)

    def left(self, run_id: RunId, /) -> None:
        """Note it."""
        self.gone.append(run_id)

    async def cancel(self, caller: Caller, run_id: RunId, /) -> None:
        """Note it."""
        self.find(caller.tenant_id, run_id)
        self.cancelled.append(run_id)


class FakeRuns:
    """Reads what the runner has."""

    def __init__(self, runner: FakeRunner) -> None:
        self._runner = runner

    async def get(self, tenant_id: TenantId, run_id: RunId, /) -> RunResult:
        """Return a run."""
        return self._runner.find(tenant_id, run_id).result


class FakePlaces:
    """Knows the ids that `FakeRunner.events` gives out."""

    def __init__(self, runner: FakeRunner) -> None:
        self._runner = runner

    async def check(self, tenant_id: TenantId, run_id: RunId, event_id: str | None, /) -> None:
        """Return for an id of the run."""
        run = self._runner.find(tenant_id, run_id)
        position = parse_position(event_id, run_id)
        if event_id is not None and (position.epoch != 1000 or position.offset > sum(map(len, run.pieces))):
            raise BadInput("this run has told no event with this id")


class FakeSessions:
    """Keeps sessions."""

    def __init__(self) -> None:
        self.rows: dict[SessionId, tuple[TenantId, SessionView]] = {}
        self.removed: list[SessionId] = []

    def add(self, tenant_id: TenantId, ask: StartRun) -> SessionId:
        """Make a session."""
        session_id = SessionId(uuid4())
        at = NOW + timedelta(seconds=len(self.rows))
        messages = (MessageView("user", ask.question, None, (), at),)
        view = SessionView(session_id, at, at, at + timedelta(hours=1), messages, dict(ask.context))
        self.rows[session_id] = (tenant_id, view)
        return session_id

    async def get(self, tenant_id: TenantId, session_id: SessionId, /) -> SessionView:
        """Return a session."""
        owner, view = self.rows.get(session_id, (None, None))
        if view is None or owner != tenant_id:
            raise SessionUnknown("no such session")
        return view

    async def list(
        self, tenant_id: TenantId, /, *, limit: int, before: tuple[datetime, SessionId] | None = None
    ) -> Sequence[SessionView]:
        """Return sessions, latest first."""
        mine = [view for owner, view in self.rows.values() if owner == tenant_id]
        mine.sort(key=lambda view: (view.last_activity, view.session_id), reverse=True)
        return [view for view in mine if before is None or (view.last_activity, view.session_id) < before][:limit]

    async def remove(self, tenant_id: TenantId, session_id: SessionId, /) -> None:
        """Remove a session."""
        await self.get(tenant_id, session_id)
        del self.rows[session_id]
        self.removed.append(session_id)


ROUTE = Route(
    id=RouteId(UUID("00000000-0000-4000-8000-0000000000aa")),
    tier=Tier.SIMPLE,
    tier_reason=TierReason.RATED,
    need=0.12,
    reason=Reason.WARM_AND_FREE,
    model="smollm2:135m",
    digest="9077fe9d2ae1",
    node="a",
    candidates=(Candidate(node="a", model="smollm2:135m", tier=Tier.SIMPLE, resident=True, slots=2, score=1.5),),
)


def finished(run_id: RunId, session_id: SessionId, message: str) -> RunResult:
    """Return a run that ended well."""
    call = RouteSummary(
        route_id=ROUTE.id,
        kind="chat",
        agent="guide",
        tier="simple",
        tier_reason="rated",
        reason="warm_and_free",
        node="a",
        model="smollm2:135m",
        digest="9077fe9d2ae1",
        input_tokens=120,
        output_tokens=8,
        first_token_ms=12.5,
        gpu_seconds=0.25,
        cost_usd=0.000025,
        outcome="done",
    )
    citation = Citation("handbook.md", DocumentId(uuid4()), "Returns", "Returns are free.", 10, 27, 0.8)
    return RunResult(
        run_id=run_id,
        session_id=session_id,
        state=RunState.DONE,
        message=message,
        finish_reason=FinishReason.STOP,
        agent_used="guide",
        conversation_complete=True,
        citations=(citation,),
        routes=(call,),
        input_tokens=120,
        output_tokens=8,
        gpu_seconds=0.25,
        cost_usd=0.000025,
        first_token_ms=12.5,
        processing_time_ms=42,
    )


def failed(result: RunResult, error: SwitchyardError, state: RunState = RunState.FAILED) -> RunResult:
    """Return the run as one that ended with `error`."""
    return RunResult(
        run_id=result.run_id,
        session_id=result.session_id,
        state=state,
        error_code=error.code,
        error_detail=error.detail,
        error_facts=dict(error.facts),
    )


ASKED = Interrupt("clerk/interrupt:0", Request("clerk", "May it?", ("yes", "no"), RequestKind.APPROVAL), NOW, "00")


def waiting(result: RunResult) -> RunResult:
    """Return a run that asks for leave instead of answering."""
    return msgspec.structs.replace(
        result,
        state=RunState.WAITING,
        message=ASKED.request.text,
        agent_used="clerk",
        requires_clarification=True,
        conversation_complete=False,
        interrupts=(ASKED,),
    )
