"""How a process and what it depends on stand."""

import msgspec

from app.agents.runner import Runner
from app.agents.sessions import Sessions
from app.inference.fleet.nodes import Fleet, NodeState, NodeView, routable
from app.looks import Looks, StoreHealth
from app.loops import Failing, Loop, Loops
from app.postgres import Database
from app.standing import place_of

NECESSARY = frozenset({Loop.RUN_RENEWAL})
"""Without these loops a replica does harm with what it takes. Without others it serves on an older view of things."""


class Services(msgspec.Struct, frozen=True):
    """Whether each store does what is asked of it now, and at least one node serves a tier."""

    database: bool
    redis: bool
    vector_store: bool
    llm: bool
    blobs: bool = True


class ModelHealth(msgspec.Struct, frozen=True):
    """A model that a node should hold and may not serve: why, and what the node has instead."""

    model: str
    reason: str
    node_has: tuple[str, ...]


class NodeHealth(msgspec.Struct, frozen=True):
    """One node: its state, why it is in it, and the models that it may not serve."""

    node: str
    address: str
    state: NodeState
    cause: str | None = None
    detail: str | None = None
    remedy: str | None = None
    models: tuple[ModelHealth, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """How everything stands: `services` is for everybody, the rest for operators."""

    services: Services
    stores: tuple[StoreHealth, ...] = ()
    nodes: tuple[NodeHealth, ...] = ()
    differs: str | None = None
    """How the settings differ from the edition of the index that serves."""


class Readiness(msgspec.Struct, frozen=True):
    """Whether this process takes requests, and what does not work; `database` is the cause, None if it answers."""

    is_draining: bool
    database: str | None
    failing: tuple[Failing, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether requests should come: PostgreSQL answers, no drain has begun, and the runs taken can be kept."""
        return not (self.is_draining or self.database or any(one.loop in NECESSARY for one in self.failing))


class Health:
    """Says how everything stands; nothing here raises but `count_sessions`, and every look is bounded."""

    def __init__(
        self, *, looks: Looks, database: Database, fleet: Fleet, runner: Runner, sessions: Sessions, loops: Loops
    ) -> None:
        self._looks = looks
        self._database = database
        self._fleet = fleet
        self._runner = runner
        self._sessions = sessions
        self._loops = loops

    async def report(self) -> Report:
        """Ask every store for what it is used for, and return how each stands, with what is known of the nodes."""
        looked = await self._looks.look()
        views = self._fleet.views()
        services = Services(
            database=looked.database,
            redis=looked.redis,
            vector_store=looked.vector_store,
            llm=bool(routable(views)),
            blobs=looked.blobs,
        )
        return Report(services, looked.stores, tuple(map(_shown, views)), looked.differs)

    async def readiness(self) -> Readiness:
        """Return whether PostgreSQL answers and this process takes new runs, and which loops do not work."""
        database = await self._looks.database_fault()
        return Readiness(self._runner.is_draining, database, tuple(self._loops.failing()))

    def watch(self) -> None:
        """Set the pool gauges, just before a scrape."""
        self._database.watch()
        self._loops.watch()

    async def count_sessions(self) -> None:
        """Set `active_sessions`. Raises StoreUnavailable."""
        await self._sessions.count()


def _shown(view: NodeView) -> NodeHealth:
    models = tuple(ModelHealth(one.model, one.reason.value, one.has) for one in view.missing)
    finding = view.finding
    return NodeHealth(
        view.node.name,
        place_of(view.node.url),
        view.state,
        cause=finding.cause.value if finding is not None else None,
        detail=finding.text if finding is not None else None,
        remedy=finding.advice if finding is not None else None,
        models=models,
    )
