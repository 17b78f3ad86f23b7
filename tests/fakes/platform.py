"""A platform without servers: its doors keep everything in memory and do as the tests tell them."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from prometheus_client import CollectorRegistry

from app.agents.prompt_sets import PromptVersion
from app.agents.team_view import TeamView, ToolView
from app.errors import DocumentUnknown, KeyUnknown, RouteUnknown
from app.health import NodeHealth, Readiness, Report, Services
from app.ids import Caller, DocumentId, JobId, KeyContract, KeyId, KeyPermission, RouteId, TenantId
from app.inference.words.offers import InMemory, Offer
from app.inference.words.records import CallKind
from app.inference.words.route import Route
from app.looks import StoreHealth
from app.retrieval.cold import Restored
from app.settings import Settings
from app.telemetry.metrics import Metrics
from tests.fakes.calendar import FakeCalendar
from tests.fakes.deliveries import FakeDeliveries, FakeLoad
from tests.fakes.documents import FakeDocuments, FakeJobs
from tests.fakes.feedback import FakeFeedback
from tests.fakes.models import FakeBook, FakeModels
from tests.fakes.nodes import FakeModelList, FakeNodes
from tests.fakes.runner import ROUTE, FakePlaces, FakeRunner, FakeRuns, FakeSessions
from tests.fakes.search import FakeSearch
from tests.fakes.tasks import FakeTasks

KEY_A = "sy_" + "a" * 12 + "_" + "A" * 43
KEY_OPERATE = "sy_" + "c" * 12 + "_" + "C" * 43
KEY_B = "sy_" + "b" * 12 + "_" + "B" * 43
KEY_STRICT = "sy_" + "d" * 12 + "_" + "D" * 43
PINNED = "ab" * 32
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
        # Tests share an application, and all of them call from one address.
        "max_refused_keys": 1_000_000,
    }
    return Settings(**(given | changes))  # pyright: ignore[reportArgumentType]


TEAM = TeamView(
    name="assistant",
    summary="Answers.",
    agents=("assistant",),
    takes={"customer_id": "Whom it is about."},
    tools=(ToolView("premium", "What a policy costs.", "read", 10.0, {"type": "object"}),),
    prompts=(PromptVersion("assistant/answer", 2),),
)


class FakeKeys:
    """Knows two keys of two tenants, one that may operate, and one that insists on a tier and a digest."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.signer: bytes | None = None
        """The public key of tenant B's `ollama`."""
        self._callers = {
            KEY_A: Caller(TENANT_A, KeyId(uuid4()), "a"),
            KEY_B: Caller(TENANT_B, KeyId(uuid4()), "b"),
            KEY_OPERATE: Caller(TENANT_A, KeyId(uuid4()), "a", frozenset({KeyPermission.OPERATE})),
            KEY_STRICT: Caller(TENANT_A, KeyId(uuid4()), "a", contract=KeyContract(min_tier="medium", digest=PINNED)),
        }

    async def find(self, text: str, /) -> Caller:
        """Return the caller or raise KeyUnknown."""
        self.asked.append(text)
        if self.error is not None:
            raise self.error
        if text not in self._callers:
            raise KeyUnknown("the api key is missing, wrong or revoked")
        return self._callers[text]

    async def find_signer(self, public_key: bytes, /) -> Caller:
        """Return the caller of the one public key that is known, or raise KeyUnknown."""
        if public_key != self.signer:
            raise KeyUnknown("no api key has the public key that signed the request")
        return self._callers[KEY_B]


class FakeCold:
    """Restores what it was told is cold."""

    def __init__(self, documents: FakeDocuments) -> None:
        self._documents = documents
        self.cold: dict[DocumentId, JobId] = {}

    async def restore(self, tenant_id: TenantId, document_id: DocumentId, /) -> Restored:
        """Restore a document, once."""
        if not any((owner, document.id) == (tenant_id, document_id) for owner, document, _ in self._documents.kept):
            raise DocumentUnknown("there is no such document")
        is_new = document_id not in self.cold
        return Restored(document_id, self.cold.setdefault(document_id, JobId(uuid4())), is_new)


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
        self.stores: tuple[StoreHealth, ...] = ()
        self.nodes: tuple[NodeHealth, ...] = ()
        self.readiness_now = Readiness(is_draining=False, database=None)
        self.watched = 0

    async def report(self) -> Report:
        """Return how things stand."""
        return Report(self.now, self.stores, self.nodes)

    async def readiness(self) -> Readiness:
        """Return whether requests may come."""
        return self.readiness_now

    def watch(self) -> None:
        """Count the scrapes."""
        self.watched += 1


class FakeOffers:
    """Offers what it was told."""

    def __init__(self) -> None:
        self.offers: Sequence[Offer] = (
            Offer(name="auto", num_ctx=8192, thinks=True, uses_tools=True),
            Offer(name="simple", num_ctx=4096, uses_tools=True),
            Offer(name="team:assistant", num_ctx=8192),
            Offer(name="small", num_ctx=4096, uses_tools=True, digest="a" * 64),
            Offer(name="minilm", kind=CallKind.EMBED, num_ctx=256, digest="c" * 64),
        )
        self.loaded: Sequence[InMemory] = (InMemory(name="small", digest="a" * 64, num_ctx=4096),)

    def list(self) -> Sequence[Offer]:
        """Return every name."""
        return self.offers

    def in_memory(self) -> Sequence[InMemory]:
        """Return the models in memory."""
        return self.loaded


class FakePlatform:
    """All doors."""

    def __init__(self, **settings: object) -> None:
        self.settings = make_settings(**settings)
        self.metrics = Metrics(CollectorRegistry())
        self.keys = FakeKeys()
        self.teams = (TEAM,)
        self.sessions = FakeSessions()
        self.runner = FakeRunner(self.sessions)
        self.runs = FakeRuns(self.runner)
        self.places = FakePlaces(self.runner)
        self.tasks = FakeTasks(self.runner)
        self.feedback = FakeFeedback(self.runner)
        self.deliveries = FakeDeliveries()
        self.task_load = FakeLoad()
        self.calendar = FakeCalendar()
        self.documents = FakeDocuments()
        self.cold = FakeCold(self.documents)
        self.jobs = FakeJobs()
        self.documents.jobs = self.jobs
        self.search = FakeSearch()
        self.routes = FakeRoutes()
        self.nodes = FakeNodes()
        self.models = FakeModelList()
        self.health = FakeHealth()
        self.offers = FakeOffers()
        self.dispatcher = FakeModels()
        self.book = FakeBook()

    def reset(self) -> None:
        """Forget what earlier tests did; the metrics count on. Building an application for each test is slow."""
        fresh = FakePlatform()
        for mine, new in (
            (self.keys, fresh.keys),
            (self.sessions, fresh.sessions),
            (self.runner, fresh.runner),
            (self.calendar, fresh.calendar),
            (self.documents, fresh.documents),
            (self.cold, fresh.cold),
            (self.jobs, fresh.jobs),
            (self.search, fresh.search),
            (self.nodes, fresh.nodes),
            (self.health, fresh.health),
            (self.offers, fresh.offers),
            (self.dispatcher, fresh.dispatcher),
            (self.book, fresh.book),
            (self.deliveries, fresh.deliveries),
            (self.task_load, fresh.task_load),
        ):
            vars(mine).update(vars(new))
        self.runner.sessions = self.sessions
