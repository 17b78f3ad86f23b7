"""What the HTTP surface needs of the platform: two implementations exist, the wired one and the tests' fake."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Protocol

from app.agents.events import RunEvent
from app.agents.feedback import Feedback, GivenFeedback
from app.agents.resuming import PersonAnswer
from app.agents.sessions import SessionView
from app.agents.team_view import TeamView
from app.agents.values import RunHandle, RunResult, StartRun
from app.api.calendar_doors import Calendar
from app.api.document_doors import Cold, Documents, Jobs, Search
from app.api.model_doors import Book, Models
from app.api.operator_doors import ModelList, Nodes
from app.api.task_doors import Deliveries, Loads, Tasks
from app.health import Readiness, Report
from app.ids import Caller, RouteId, RunId, SessionId, TenantId
from app.inference.words.offers import InMemory, Offer
from app.inference.words.route import Route
from app.settings import Settings
from app.telemetry.metrics import Metrics


class Health(Protocol):
    """Looks at what this replica depends on; each look is bounded in time."""

    async def report(self) -> Report:
        """Return how every store and node stands now. Never raises."""
        ...

    async def readiness(self) -> Readiness:
        """Return whether requests should come here, and what does not work. Never raises."""
        ...

    def watch(self) -> None:
        """Set the gauges that are read, not counted, just before a scrape."""
        ...


class Keys(Protocol):
    """Finds callers."""

    async def find(self, text: str, /) -> Caller:
        """Return who has the key. Raises KeyUnknown, StoreUnavailable."""
        ...

    async def find_signer(self, public_key: bytes, /) -> Caller:
        """Return whose key has that public key. Raises KeyUnknown, StoreUnavailable."""
        ...


class Runner(Protocol):
    """Owns runs."""

    async def start(self, caller: Caller, ask: StartRun, /) -> RunHandle:
        """Begin a run, or find the one that an idempotency key names. May refuse."""
        ...

    async def submit(self, caller: Caller, ask: StartRun, /) -> RunHandle:
        """Accept a run for a worker to begin, or find the one that an idempotency key names. May refuse."""
        ...

    def routed(self, run_id: RunId, /) -> Route | None:
        """Return where the run's last call went, if this process knows."""
        ...

    def events(self, caller: Caller, run_id: RunId, after: str | None, /) -> AsyncGenerator[RunEvent]:
        """Yield what the run tells after the event `after`, until it ended."""
        ...

    async def result(self, caller: Caller, run_id: RunId, timeout_s: float, /) -> RunResult:
        """Wait for the end. Raises RunUnknown, TimeoutError."""
        ...

    def left(self, run_id: RunId, /) -> None:
        """The reader that started the run has gone."""
        ...

    async def answer(self, caller: Caller, run_id: RunId, answer: PersonAnswer, /, *, request_id: str) -> RunHandle:
        """Give a run that waits a person's answer. Raises RunUnknown, RunNotWaiting, InterruptUnknown, BadInput."""
        ...

    async def cancel(self, caller: Caller, run_id: RunId, /) -> None:
        """Stop the run, or ask its owner to; one that has ended stays as it is. Raises RunUnknown."""
        ...


class Runs(Protocol):
    """Reads runs."""

    async def get(self, tenant_id: TenantId, run_id: RunId, /) -> RunResult:
        """Return a run. Raises RunUnknown."""
        ...


class FeedbackBook(Protocol):
    """Keeps what people say of runs."""

    async def give(self, caller: Caller, run_id: RunId, said: Feedback, /) -> GivenFeedback:
        """Keep what a key says of a run. Raises RunUnknown."""
        ...

    async def get(self, caller: Caller, run_id: RunId, /) -> GivenFeedback:
        """Return what a key said of a run. Raises RunUnknown, FeedbackUnknown."""
        ...


class Places(Protocol):
    """Looks at event ids that readers bring."""

    async def check(self, tenant_id: TenantId, run_id: RunId, event_id: str | None, /) -> None:
        """Return if the run may have given out `event_id`. Raises BadInput, RunUnknown."""
        ...


class Sessions(Protocol):
    """Reads and removes sessions."""

    async def get(self, tenant_id: TenantId, session_id: SessionId, /) -> SessionView:
        """Return a session with its newest messages. Raises SessionUnknown."""
        ...

    async def list(
        self, tenant_id: TenantId, /, *, limit: int, before: tuple[datetime, SessionId] | None = None
    ) -> Sequence[SessionView]:
        """Return sessions without messages, latest activity first."""
        ...

    async def remove(self, tenant_id: TenantId, session_id: SessionId, /) -> None:
        """Remove a session and its runs. Raises SessionUnknown, SessionBusy."""
        ...


class Routes(Protocol):
    """Reads stored routes."""

    async def get(self, tenant_id: TenantId, route_id: RouteId, /) -> Route:
        """Return where a call went and why. Raises RouteUnknown."""
        ...


class Offers(Protocol):
    """Knows which names a client may give as a model."""

    def list(self) -> Sequence[Offer]:
        """Return every name."""
        ...

    def in_memory(self) -> Sequence[InMemory]:
        """Return the models that are in the memory of a node."""
        ...


class Platform(Protocol):
    """The doors that the HTTP surface opens."""

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        ...

    @property
    def metrics(self) -> Metrics:
        """The metrics of this process."""
        ...

    @property
    def keys(self) -> Keys:
        """Who calls."""
        ...

    @property
    def teams(self) -> Sequence[TeamView]:
        """The teams."""
        ...

    @property
    def runner(self) -> Runner:
        """The runs of this process."""
        ...

    @property
    def dispatcher(self) -> Models:
        """The models."""
        ...

    @property
    def book(self) -> Book:
        """Where usage goes."""
        ...

    @property
    def runs(self) -> Runs:
        """The rows of runs."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """The webhooks."""
        ...

    @property
    def task_load(self) -> Loads:
        """What the workers have to do."""
        ...

    @property
    def tasks(self) -> Tasks:
        """The tasks."""
        ...

    @property
    def feedback(self) -> FeedbackBook:
        """What people say of runs."""
        ...

    @property
    def places(self) -> Places:
        """The event ids of runs."""
        ...

    @property
    def sessions(self) -> Sessions:
        """The sessions."""
        ...

    @property
    def calendar(self) -> Calendar:
        """The events."""
        ...

    @property
    def documents(self) -> Documents:
        """The documents."""
        ...

    @property
    def cold(self) -> Cold:
        """The documents that left the index."""
        ...

    @property
    def search(self) -> Search:
        """The search in documents."""
        ...

    @property
    def jobs(self) -> Jobs:
        """The jobs."""
        ...

    @property
    def routes(self) -> Routes:
        """The stored routes."""
        ...

    @property
    def offers(self) -> Offers:
        """The names that a client may give as a model."""
        ...

    @property
    def models(self) -> ModelList:
        """The models, for whoever reads."""
        ...

    @property
    def nodes(self) -> Nodes:
        """The nodes, for whoever operates."""
        ...

    @property
    def health(self) -> Health:
        """What answers now."""
        ...
