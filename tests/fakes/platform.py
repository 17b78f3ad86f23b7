"""A platform without servers: its doors keep everything in memory and do as the tests tell them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry

from app.agents.sessions import MessageView, SessionView
from app.agents.values import (
    Citation,
    Delta,
    EventKind,
    Queued,
    RouteSummary,
    RunEvent,
    RunHandle,
    RunResult,
    RunState,
    StartRun,
)
from app.errors import (
    DocumentUnknown,
    IdempotencyMismatch,
    JobUnknown,
    KeyUnknown,
    RouteUnknown,
    RunUnknown,
    SessionUnknown,
    SwitchyardError,
)
from app.health import Services
from app.ids import Caller, DocumentId, JobId, KeyId, RouteId, RunId, SessionId, TenantId
from app.inference.route import Candidate, Reason, Route
from app.inference.tiers import Tier, TierReason
from app.retrieval.documents import Document, Upload
from app.retrieval.jobs import Job
from app.retrieval.media import MediaType
from app.retrieval.states import DocumentState, JobKind, JobState
from app.settings import Settings
from app.telemetry.metrics import Metrics

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY_A = "sy_" + "a" * 12 + "_" + "A" * 43
KEY_B = "sy_" + "b" * 12 + "_" + "B" * 43
TENANT_A = TenantId(UUID("00000000-0000-4000-8000-00000000000a"))
TENANT_B = TenantId(UUID("00000000-0000-4000-8000-00000000000b"))


def make_settings(**changes: object) -> Settings:
    """Return settings for an application without servers."""
    given: dict[str, object] = {
        "database_url": "",
        "cache_url": "",
        "coordination_url": "",
        "qdrant_urls": "",
        "nodes_file": "",
        "blobs_dir": "",
    }
    return Settings(**(given | changes))  # pyright: ignore[reportArgumentType]


class FakeKeys:
    """Knows two keys of two tenants."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None
        self._callers = {
            KEY_A: Caller(TENANT_A, KeyId(uuid4()), "a"),
            KEY_B: Caller(TENANT_B, KeyId(uuid4()), "b"),
        }

    async def find(self, text: str, /) -> Caller:
        """Return the caller or raise KeyUnknown."""
        self.asked.append(text)
        if self.error is not None:
            raise self.error
        if text not in self._callers:
            raise KeyUnknown("the api key is missing, wrong or revoked")
        return self._callers[text]


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
        self.gone: list[RunId] = []
        self.cancelled: list[RunId] = []
        self.waits_s: list[float] = []
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
            return RunHandle(run.result.run_id, run.result.session_id, replayed=True)
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
        mine = sorted(
            (view for owner, view in self.rows.values() if owner == tenant_id),
            key=lambda view: (view.last_activity, view.session_id),
            reverse=True,
        )
        return [view for view in mine if before is None or (view.last_activity, view.session_id) < before][:limit]

    async def remove(self, tenant_id: TenantId, session_id: SessionId, /) -> None:
        """Remove a session."""
        await self.get(tenant_id, session_id)
        del self.rows[session_id]
        self.removed.append(session_id)


class FakeDocuments:
    """Keeps uploads, piece by piece."""

    def __init__(self) -> None:
        self.kept: list[tuple[TenantId, Document, bytes]] = []
        self.pieces: list[int] = []
        self.refusal: Exception | None = None

    async def add(self, tenant_id: TenantId, name: str, media_type: str, body: AsyncIterator[bytes], /) -> Upload:
        """Keep an upload."""
        if self.refusal is not None:
            raise self.refusal
        parts = [part async for part in body]
        self.pieces.extend(len(part) for part in parts)
        kind = MediaType(media_type) if media_type else MediaType.TEXT
        at = NOW + timedelta(seconds=len(self.kept))
        size = sum(map(len, parts))
        document = Document(DocumentId(uuid4()), name, kind, size, "0" * 64, 1, DocumentState.RECEIVED, None, at, at)
        self.kept.append((tenant_id, document, b"".join(parts)))
        return Upload(document.id, JobId(uuid4()), 1, is_new=True)

    async def list(self, tenant_id: TenantId, /, *, limit: int, after: DocumentId | None = None) -> Sequence[Document]:
        """Return documents, newest first."""
        mine = [document for owner, document, _ in reversed(self.kept) if owner == tenant_id]
        ids = [document.id for document in mine]
        start = ids.index(after) + 1 if after is not None and after in ids else 0
        return mine[start : start + limit]

    async def remove(self, tenant_id: TenantId, document_id: DocumentId, /) -> None:
        """Remove a document."""
        for row in self.kept:
            if row[0] == tenant_id and row[1].id == document_id:
                self.kept.remove(row)
                return
        raise DocumentUnknown("there is no such document")


class FakeJobs:
    """Keeps jobs."""

    def __init__(self) -> None:
        self.rows: dict[JobId, Job] = {}

    def add(self, tenant_id: TenantId, error_code: str | None = None) -> JobId:
        """Make a job."""
        job_id = JobId(uuid4())
        state = JobState.DONE if error_code is None else JobState.FAILED
        step = DocumentState.READY if error_code is None else DocumentState.FAILED
        self.rows[job_id] = Job(
            job_id, tenant_id, JobKind.INGEST, DocumentId(uuid4()), state, step, 1.0, 1, error_code, None, NOW, NOW, NOW
        )
        return job_id

    async def get(self, tenant_id: TenantId, job_id: JobId, /) -> Job:
        """Return a job."""
        job = self.rows.get(job_id)
        if job is None or job.tenant_id != tenant_id:
            raise JobUnknown("there is no such job")
        return job


class FakeRoutes:
    """Keeps one route of tenant A."""

    async def get(self, tenant_id: TenantId, route_id: RouteId, /) -> Route:
        """Return the route."""
        if tenant_id != TENANT_A or route_id != ROUTE.id:
            raise RouteUnknown("no such route")
        return ROUTE


class FakeHealth:
    """Says what it was told."""

    def __init__(self) -> None:
        self.now = Services(database=True, redis=True, vector_store=True, llm=True)
        self.is_ready = True
        self.watched = 0

    async def services(self) -> Services:
        """Return what answers."""
        return self.now

    async def ready(self) -> bool:
        """Return whether requests may come."""
        return self.is_ready

    def watch(self) -> None:
        """Count the scrapes."""
        self.watched += 1


class FakePlatform:
    """All doors."""

    def __init__(self, **settings: object) -> None:
        self.settings = make_settings(**settings)
        self.metrics = Metrics(CollectorRegistry())
        self.keys = FakeKeys()
        self.sessions = FakeSessions()
        self.runner = FakeRunner(self.sessions)
        self.runs = FakeRuns(self.runner)
        self.documents = FakeDocuments()
        self.jobs = FakeJobs()
        self.routes = FakeRoutes()
        self.health = FakeHealth()

    def reset(self) -> None:
        """Forget what earlier tests did; the metrics count on. Building an application for each test is slow."""
        fresh = FakePlatform()
        for mine, new in (
            (self.keys, fresh.keys),
            (self.sessions, fresh.sessions),
            (self.runner, fresh.runner),
            (self.documents, fresh.documents),
            (self.jobs, fresh.jobs),
            (self.health, fresh.health),
        ):
            vars(mine).update(vars(new))
        self.runner.sessions = self.sessions


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
