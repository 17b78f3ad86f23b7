"""Keeps models in memory where they are asked for: every process plans, and one of all loads what is due."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial

import structlog

from app.causes import Finding
from app.errors import StoreUnavailable
from app.inference.fleet.catalogue import Model, Node, full_name
from app.inference.fleet.keep_alive import KeepAlive
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.views import Look, NodeView
from app.inference.probing.own_calls import OwnCalls
from app.inference.slots.running import find_facts
from app.inference.warmth.advice import Advice, Planned
from app.inference.warmth.demand import WINDOW_S, Demand
from app.inference.warmth.demand_rows import DemandRows
from app.inference.warmth.plan import Notes, plan
from app.inference.wire.ollama import Ollama
from app.inference.words.failures import CallBroke
from app.loops import attempt_each
from app.redis import RedisStore
from app.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

EVERY_S = 10.0
LOADS_PER_WINDOW = 4
"""So many models a node loads ahead of calls in WINDOW_S: what others push out again is not loaded for ever."""
FIRST_REST_S, LONGEST_REST_S = 60.0, 3600.0
"""What could not be loaded is tried again after so long, twice as long each time."""
LOOK_LIMIT_S = 2.0
LEFT_WITHIN_S, LOOK_EVERY_S = 10.0, 0.25
RECOVERY_S = 5.0
"""GPUs report memory as free so late at most (ollama: server/sched.go, waitForRecovery); a model that is loaded sooner
may push out another."""
FOR_EVER_S = 365 * 86_400.0
"""Who leaves after so long was told to stay for ever, which is 292 years (ollama: api/types.go, Duration)."""
UNPINNED_KEEP_ALIVE = "5m"
"""Ollama's own (envconfig/config.go, KeepAlive): a call that says nothing leaves a model what it was told before."""


class Warmed(StrEnum):
    """What became of loading a model ahead of calls."""

    LOADED = "loaded"
    """It is in memory."""
    PUSHED_OUT = "pushed_out"
    """It is in memory, and another one is not any more: the node holds fewer than was thought."""
    NOT_KEPT = "not_kept"
    """It was loaded, and is gone: the node keeps nothing."""
    NO_SLOT = "no_slot"
    """Every slot of the node was taken in between."""
    FAILED = "failed"
    """The node did not load it, or not in time."""


@dataclass(slots=True)
class _Rests:
    """When what failed may be tried again, what nodes have loaded, and how many models they hold."""

    clock: Callable[[], float]
    failed: dict[tuple[str, str], tuple[float, float]] = field(
        default_factory=dict[tuple[str, str], tuple[float, float]]
    )
    loaded: dict[str, deque[float]] = field(default_factory=dict[str, deque[float]])
    holds: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])

    @property
    def notes(self) -> Notes:
        """What of it holds now."""
        now = self.clock()
        return Notes(
            failed=frozenset(pair for pair, (until, _) in self.failed.items() if until > now),
            spent=frozenset(
                name
                for name, times in self.loaded.items()
                if sum(at > now - WINDOW_S for at in times) >= LOADS_PER_WINDOW
            ),
            most_models={name: most for name, (most, until) in self.holds.items() if until > now},
        )

    def began(self, node: str) -> None:
        """Note that a node loads a model."""
        self.loaded.setdefault(node, deque(maxlen=LOADS_PER_WINDOW)).append(self.clock())

    def broke(self, pair: tuple[str, str], *, least_s: float = FIRST_REST_S) -> None:
        """Note that a model could not be loaded."""
        _, before_s = self.failed.get(pair, (0.0, 0.0))
        rest_s = min(LONGEST_REST_S, max(least_s, 2 * before_s))
        self.failed[pair] = self.clock() + rest_s, rest_s

    def pushed_out(self, node: str, left: int) -> None:
        """Note that a node dropped a model of its own accord, with so many left."""
        self.holds[node] = left, self.clock() + LONGEST_REST_S


@dataclass(slots=True)
class Warmth:
    """The door: what is planned, and how long models are told to stay. `turn` must be called every EVERY_S seconds.

    `leads` says whether this process acts for all; `sleep` waits.
    """

    fleet: Fleet
    own: OwnCalls
    ollama: Ollama
    rows: DemandRows
    store: RedisStore
    metrics: Metrics
    leads: Callable[[], bool]
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    _rests: _Rests = field(init=False)
    _kept: frozenset[tuple[str, str]] | None = None

    def __post_init__(self) -> None:
        self._rests = _Rests(self.clock)

    async def plan(self) -> tuple[Planned, ...]:
        """Return what is to be done now with each model on each node. Raises StoreUnavailable."""
        models, tiers = await self.rows.read()
        demand = Demand(models, tiers, await self._in_use())
        return plan(self.fleet.views(), self.fleet.catalogue, demand, self._rests.notes)

    async def turn(self) -> None:
        """Plan, and load what is due if this process acts for all. Raises StoreUnavailable."""
        planned = await self.plan()
        self._kept = frozenset((one.node, full_name(one.model)) for one in planned if one.advice is Advice.KEEP)
        if self.leads():
            await attempt_each([partial(self._load, one) for one in planned if one.advice is Advice.LOAD])

    def keep_alive(self, node: Node, model: Model) -> KeepAlive:
        """Return how long a trial has a node keep a model: what nobody wants stays no longer than it would have."""
        view, told, key = self.fleet.find(node.name), self.fleet.keep_alive(node.name, model), full_name(model.name)
        resident = None if view is None else view.residents.get(key)
        if view is None or key in view.pinned or resident is None or resident.leaves_at is None:
            return told
        left_s = (resident.leaves_at - datetime.now(UTC)).total_seconds()
        if left_s > FOR_EVER_S:
            return told if told is not None or key not in view.unpinned else UNPINNED_KEEP_ALIVE
        is_kept = self._kept is None or (node.name, key) in self._kept
        return told if is_kept or view.taken else max(1, int(left_s))

    async def _in_use(self) -> frozenset[tuple[str, str]] | None:
        try:
            facts = await find_facts(self.store, [node.name for node in self.fleet.nodes()])
        except StoreUnavailable:
            return None
        return frozenset((name, full_name(one.model)) for name, calls in facts.items() for one in calls)

    async def _load(self, due: Planned) -> None:
        view, model = self.fleet.find(due.node), self.fleet.catalogue.find(due.model)
        if view is None or model is None:
            return
        self._rests.began(due.node)
        try:
            outcome = await self._loaded(view, model, due)
        except CallBroke as broke:
            self._rests.broke((due.node, full_name(due.model)))
            outcome = Warmed.FAILED
            log.warning("warmth.failed", node=due.node, model=due.model, failure=broke.failure.value)
        self.metrics.warm_loads.labels(due.node, due.model, outcome.value).inc()
        log.info(
            "warmth.ended",
            node=due.node,
            model=due.model,
            outcome=outcome.value,
            reason=due.reason.value,
            num_ctx=due.num_ctx,
            evicted=due.evicts,
        )

    async def _loaded(self, before: NodeView, model: Model, due: Planned) -> Warmed:
        """Make room, load, and see what came of it. Raises CallBroke."""
        await self._make_room(before, due.evicts)
        if not await self.own.load(before.node, model, num_ctx=due.num_ctx):
            return Warmed.NO_SLOT
        look = await self._look(before.node)
        return Warmed.LOADED if look is None else self._judge(before, look, due)

    def _judge(self, before: NodeView, look: Look, due: Planned) -> Warmed:
        pair, now = (due.node, full_name(due.model)), datetime.now(UTC) + timedelta(seconds=1)
        if pair[1] not in look.loaded:
            self._rests.broke(pair, least_s=LONGEST_REST_S)
            return Warmed.NOT_KEPT
        self._rests.failed.pop(pair, None)
        residents = {name: before.residents.get(name) for name in before.loaded if name not in look.loaded}
        gone = [name for name, one in residents.items() if one is None or one.leaves_at is None or one.leaves_at > now]
        if set(gone) - set(due.evicts):
            self._rests.pushed_out(due.node, len(look.loaded))
            return Warmed.PUSHED_OUT
        return Warmed.LOADED

    async def _make_room(self, view: NodeView, leaving: tuple[str, ...]) -> None:
        """Have models leave, and wait until their memory is free. Raises CallBroke."""
        for name in leaving:
            model = self.fleet.catalogue.find(name)
            if model is not None:
                await self.own.unload(view.node, model)
        for _ in range(round(LEFT_WITHIN_S / LOOK_EVERY_S) if leaving else 0):
            look = await self._look(view.node)
            if look is not None and not set(leaving) & look.loaded.keys():
                break
            await self.sleep(LOOK_EVERY_S)
        if any(view.residents[name].gpu_bytes for name in leaving if name in view.residents):
            await self.sleep(RECOVERY_S)

    async def _look(self, node: Node) -> Look | None:
        look = await self.ollama.look(node.url, limit_s=LOOK_LIMIT_S)
        if isinstance(look, Finding):
            return None
        self.fleet.looked(node.name, look)
        return look
