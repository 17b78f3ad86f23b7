"""What operators and load balancers ask: /health, /livez, /readyz, /metrics.

`/livez`: the process answers; nothing else is looked at, so that a broken store never restarts every replica.
`/readyz`: PostgreSQL answers, the replica is not draining and can keep the runs that it takes: send it requests. 200 or
503; either way it names what does not work, in words of closed sets.
`/health`: the whole. `healthy` (200): all answer. `degraded` (200): answers come, without a part (Redis or Qdrant is
away). `unhealthy` (503): no answer can come (PostgreSQL is away, or no node serves a tier).
An api key with the permission `operate` is told more by `/health`: each store and node, with address, cause and remedy.
These four are public to whoever reaches the replica; they name no tenant. nginx passes on only what it should.
"""

from collections import Counter
from enum import StrEnum
from typing import Literal

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import VERSION, errors
from app.api.auth import HttpRequest, Permission, find_caller
from app.api.doors import Health
from app.api.problems import RateLimited
from app.api.refusals import Refusals
from app.api.replies import reply
from app.api.routing import Doc, Success, route
from app.health import NodeHealth, Readiness, Services
from app.ids import KeyPermission
from app.inference.fleet.nodes import NodeState
from app.looks import StoreHealth
from app.telemetry.metrics import Metrics


class HealthStatus(StrEnum):
    """How the platform is."""

    HEALTHY = "healthy"
    """Everything does what it is asked."""
    DEGRADED = "degraded"
    """Answers come, without something."""
    UNHEALTHY = "unhealthy"
    """No question can be answered."""


Connection = Literal["connected", "disconnected"]
Availability = Literal["available", "unavailable"]


class ServiceStates(msgspec.Struct, frozen=True):
    """Each dependency. `openai` says the same as `llm`; it is the name that existing monitors look for."""

    database: Connection
    redis: Connection
    vector_store: Connection
    llm: Availability
    openai: Availability


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a key with the permission `operate` sees: where each store and node is, what is wrong and what to do.

    `differs` says how the settings differ from the edition of the index that serves, where they do.
    """

    stores: tuple[StoreHealth, ...]
    nodes: tuple[NodeHealth, ...]
    differs: str | None = None


class HealthView(msgspec.Struct, frozen=True, omit_defaults=True):
    """The platform's health; `nodes` counts those in each state, `details` is there for a key that may operate."""

    status: HealthStatus
    services: ServiceStates
    version: str
    nodes: dict[NodeState, int]
    details: Details | None = None


class Probe(msgspec.Struct, frozen=True):
    """A yes."""

    status: Literal["ok"]


class FailingLoop(msgspec.Struct, frozen=True):
    """A background loop that does not work: how many turns in a row broke, and the code or class of the last error."""

    loop: str
    failures: int
    cause: str


class ReadyView(msgspec.Struct, frozen=True):
    """Whether requests should come here. `database` is `ok` or the cause; `loops` are those that do not work."""

    status: Literal["ok", "not_ready"]
    draining: bool
    database: str
    loops: list[FailingLoop]


def judge(services: Services) -> HealthStatus:
    """Return how the platform is: PostgreSQL and a node are needed for any answer, all else for a full one."""
    if not (services.database and services.llm):
        return HealthStatus.UNHEALTHY
    if not (services.redis and services.vector_store and services.blobs):
        return HealthStatus.DEGRADED
    return HealthStatus.HEALTHY


def show(services: Services) -> ServiceStates:
    """Return the states in words."""
    llm: Availability = "available" if services.llm else "unavailable"
    return ServiceStates(
        database=_connection(services.database),
        redis=_connection(services.redis),
        vector_store=_connection(services.vector_store),
        llm=llm,
        openai=llm,
    )


def show_readiness(readiness: Readiness) -> ReadyView:
    """Return the answer of `/readyz`."""
    return ReadyView(
        status="ok" if readiness.is_ready else "not_ready",
        draining=readiness.is_draining,
        database=readiness.database or "ok",
        loops=[FailingLoop(one.loop.value, one.failures, one.cause) for one in readiness.failing],
    )


def _connection(answers: bool) -> Connection:  # noqa: FBT001 - turns a fact into its word
    return "connected" if answers else "disconnected"


HEALTH = Doc(
    summary="Is all well?",
    tag="operations",
    text="`degraded` answers 200: requests are served, without a part. `unhealthy` answers 503: none can be. No key is "
    "needed; with the permission `operate` it shows `details`: each store and node, with address, cause, remedy.",
    refusals=(errors.KeyUnknown, RateLimited),
    successes={200: Success("Healthy or degraded", body=HealthView), 503: Success("Unhealthy", body=HealthView)},
)
LIVEZ = Doc(summary="Is the process alive?", tag="operations", successes={200: Success("It is", body=Probe)})
READYZ = Doc(
    summary="Does this replica take requests?",
    tag="operations",
    text="`ok` with a list of `loops` means: it serves, and something in the background needs a look.",
    successes={200: Success("It does", body=ReadyView), 503: Success("It does not now", body=ReadyView)},
)
METRICS = Doc(
    summary="Metrics for Prometheus",
    tag="operations",
    successes={200: Success("Prometheus text format", media_type=CONTENT_TYPE_LATEST)},
)


class Operations:
    """The routes without a key."""

    def __init__(self, health: Health, metrics: Metrics, refusals: Refusals) -> None:
        self._health = health
        self._refusals = refusals
        self._metrics = metrics

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            route("GET", "/health", self.health, Permission.PUBLIC, HEALTH),
            route("GET", "/livez", self.livez, Permission.PUBLIC, LIVEZ),
            route("GET", "/readyz", self.readyz, Permission.PUBLIC, READYZ),
            route("GET", "/metrics", self.metrics, Permission.PUBLIC, METRICS),
        ]

    async def health(self, request: HttpRequest) -> ASGIApp:
        """Return how the platform is, and to an operator why."""
        caller = await find_caller(request, self._refusals)
        report = await self._health.report()
        counts = Counter(node.state for node in report.nodes)
        details = None
        if caller is not None and KeyPermission.OPERATE in caller.permissions:
            details = Details(report.stores, report.nodes, report.differs)
        status = judge(report.services)
        nodes = {state: counts[state] for state in NodeState}
        code = 503 if status is HealthStatus.UNHEALTHY else 200
        return reply(HealthView(status, show(report.services), VERSION, nodes, details), status=code)

    async def livez(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Answer."""
        return reply(Probe("ok"))

    async def readyz(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Say whether requests should come here."""
        readiness = await self._health.readiness()
        return reply(show_readiness(readiness), status=200 if readiness.is_ready else 503)

    async def metrics(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Return the metrics."""
        self._health.watch()
        body = generate_latest(self._metrics.registry)
        return ASGIResponse(body=body, headers={"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"})
