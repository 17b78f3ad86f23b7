"""Every door of the application, opened."""

from dataclasses import dataclass

from app.accounts.keys import Keys
from app.accounts.tenants import Tenants
from app.agents.feedback import FeedbackRows
from app.agents.places import Places
from app.agents.runner import Runner
from app.agents.runs import Runs
from app.agents.scheduler.calendar import Calendar
from app.agents.sessions import Sessions
from app.agents.summaries import Summarising
from app.agents.task_load import TaskLoad
from app.agents.tasks import Tasks
from app.agents.team_view import TeamView
from app.evaluation.judging import Judging
from app.health import Health
from app.inference.calls.dispatcher import Dispatcher
from app.inference.calls.usage_book import UsageBook
from app.inference.calls.usage_day_rows import Upkeep
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.offering import Offering
from app.inference.models import Models
from app.inference.operating import Operating
from app.inference.routing.route_rows import RouteRows
from app.inference.slots.register import LeaseRegister
from app.jobs.rows import Jobs
from app.jobs.workers import Workers
from app.looks import Looks
from app.loops import Loops
from app.postgres import Database, Pool
from app.retrieval.cold import ColdStorage
from app.retrieval.document_upkeep import DocumentUpkeep
from app.retrieval.documents import Documents
from app.retrieval.editions.editions import Editions
from app.retrieval.search import Search
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.webhooks.deliveries import Deliveries


@dataclass(frozen=True, slots=True)
class Platform:
    """Every door of the application; `api` and `worker` need nothing else."""

    settings: Settings
    metrics: Metrics
    database: Database
    queue_pool: Pool
    keys: Keys
    tenants: Tenants
    teams: tuple[TeamView, ...]
    runner: Runner
    runs: Runs
    places: Places
    sessions: Sessions
    tasks: Tasks
    deliveries: Deliveries
    documents: Documents
    jobs: Jobs
    workers: Workers
    document_upkeep: DocumentUpkeep
    search: Search
    editions: Editions
    dispatcher: Dispatcher
    fleet: Fleet
    offers: Offering
    nodes: Operating
    models: Models
    leases: LeaseRegister
    book: UsageBook
    upkeep: Upkeep
    looks: Looks
    health: Health
    judging: Judging
    summarising: Summarising
    loops: Loops

    @property
    def routes(self) -> RouteRows:
        """Why calls went where they went."""
        return RouteRows(self.database)

    @property
    def feedback(self) -> FeedbackRows:
        """What people say of runs."""
        return FeedbackRows(self.database, self.metrics)

    @property
    def task_load(self) -> TaskLoad:
        """What the workers have to do."""
        return self.tasks.load

    @property
    def calendar(self) -> Calendar:
        """The events."""
        return Calendar(self.database)

    @property
    def cold(self) -> ColdStorage:
        """The documents that left the index."""
        return self.document_upkeep.cold
