"""Looks at every node now and then, and tries models that nobody used lately."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from app.causes import Finding
from app.errors import StoreUnavailable
from app.inference.fleet.catalogue import Model, Node
from app.inference.fleet.nodes import Fleet
from app.inference.probing.own_calls import OwnCalls
from app.inference.wire.ollama import Ollama
from app.inference.words.account import Purpose
from app.inference.words.failures import CallBroke
from app.inference.words.records import CallKind
from app.loops import attempt, attempt_each, raise_together
from app.redis import RedisStore

log = structlog.stdlib.get_logger(__name__)

LOOK_LIMIT_S = 2.0
# A resident model that answered nobody for so long is asked for one token: nodes are known to answer looks while their
# runner hangs.
IDLE_S = 30.0


class Probe:
    """Keeps the fleet's view fresh. Each replica looks for itself; trials are made by one replica at a time."""

    def __init__(
        self,
        fleet: Fleet,
        own: OwnCalls,
        ollama: Ollama,
        store: RedisStore,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._fleet = fleet
        self._own = own
        self._ollama = ollama
        self._store = store
        self._clock = clock
        self._trial_at: dict[tuple[str, str], float] = {}

    async def look(self) -> None:
        """Look at every node once. A look that breaks as nobody foresaw counts as missed, and takes no other's."""
        nodes = self._fleet.nodes()
        errors = await asyncio.gather(*(attempt(partial(self._look, node)) for node in nodes))
        for node, error in zip(nodes, errors, strict=True):
            if error is not None:
                self._fleet.missed(node.name)
        raise_together([error for error in errors if error is not None])

    async def try_idle(self) -> None:
        """Ask each idle resident model for one token, if a slot is free; nodes at once, the models of one in turn."""
        idle: dict[str, list[tuple[Node, Model]]] = {}
        for node, model in self._fleet.idle_models(IDLE_S):
            idle.setdefault(node.name, []).append((node, model))
        await attempt_each([partial(self._try_node, models) for models in idle.values()])

    async def _look(self, node: Node) -> None:
        look = await self._ollama.look(node.url, limit_s=LOOK_LIMIT_S)
        if isinstance(look, Finding):
            self._fleet.missed(node.name, look)
        else:
            self._fleet.looked(node.name, look)
            await self._ask_of_models(node)

    async def _ask_of_models(self, node: Node) -> None:
        """Ask what models can do that nobody has been asked of, once for each digest."""
        for model in self._fleet.unread(node.name):
            traits = await self._ollama.traits(node.url, model, limit_s=LOOK_LIMIT_S)
            if traits is not None:
                self._fleet.learn(node.name, model, traits)

    async def _try_node(self, models: Sequence[tuple[Node, Model]]) -> None:
        errors = [await attempt(partial(self._try_idle, node, model)) for node, model in models]
        raise_together([error for error in errors if error is not None])

    async def _try_idle(self, node: Node, model: Model) -> None:
        if await self._may_try(node, model):
            await self._try(node, model)

    async def _may_try(self, node: Node, model: Model) -> bool:
        key = (node.name, model.name)
        now = self._clock()
        if now - self._trial_at.get(key, float("-inf")) < IDLE_S:
            return False
        self._trial_at[key] = now
        try:
            async with self._store.use("probe_claim") as redis:
                return bool(await redis.set(f"sy:probe:{node.name}:{model.name}", b"1", nx=True, ex=int(IDLE_S)))
        except StoreUnavailable:
            return True

    async def _try(self, node: Node, model: Model) -> None:
        try:
            if model.kind is CallKind.EMBED:
                await self._own.embed(node, model, Purpose.PROBE)
            else:
                await self._own.say(node, model, Purpose.PROBE, "hi")
        except CallBroke as broke:
            log.warning("probe.trial_failed", node=node.name, model=model.name, failure=broke.failure.value)
