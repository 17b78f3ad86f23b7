"""Looks at every node now and then, and tries models that nobody used lately."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from app.causes import Finding
from app.errors import StoreUnavailable
from app.inference.fleet.catalogue import Model, Node
from app.inference.fleet.keep_alive import KeepAlive
from app.inference.fleet.nodes import Fleet
from app.inference.fleet.views import Look, NodeView
from app.inference.probing.own_calls import OwnCalls, Stay
from app.inference.probing.shared_looks import Seen, SeenNode, SharedLooks
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
    """Keeps the fleet's view fresh. One process looks for all, and each for itself while Redis is away.

    Trials are made by one replica at a time.
    """

    def __init__(
        self,
        fleet: Fleet,
        own: OwnCalls,
        ollama: Ollama,
        store: RedisStore,
        *,
        clock: Callable[[], float],
        shared: SharedLooks | None = None,
    ) -> None:
        """Without `shared` it looks for itself alone."""
        self.leads = shared is None
        """Whether this process acts for all, or for itself while Redis is away."""
        self.keep_alive: Callable[[Node, Model], KeepAlive] = lambda node, model: fleet.keep_alive(node.name, model)
        """How long a trial has a node keep the model."""
        self._fleet = fleet
        self._shared = shared
        self._heard = ""
        self._own = own
        self._ollama = ollama
        self._store = store
        self._clock = clock
        self._trial_at: dict[tuple[str, str], float] = {}

    async def look(self) -> None:
        """Look at every node once, or take what was seen by who looks for all. Raises what looks raise together."""
        try:
            looks_for_all = self._shared is None or await self._shared.take()
            seen = None if self._shared is None or looks_for_all else await self._shared.hear()
            self.leads = looks_for_all
        except StoreUnavailable:
            looks_for_all, seen, self.leads = False, None, True
        if seen is None:
            await self._look_at(self._fleet.nodes())
        else:
            self._heed(seen)
            others = {name: node.url for name, node in seen.nodes.items()}
            await self._look_at([node for node in self._fleet.nodes() if others.get(node.name) != node.url])
        if self._shared is not None and looks_for_all:
            with suppress(StoreUnavailable):
                await self._shared.tell({view.node.name: _seen(view) for view in self._fleet.views()})

    async def leave(self) -> None:
        """Let another process look for all."""
        if self._shared is not None:
            with suppress(StoreUnavailable):
                await self._shared.leave()

    def _heed(self, seen: Seen) -> None:
        if seen.turn == self._heard:
            return
        self._heard = seen.turn
        urls = {node.name: node.url for node in self._fleet.nodes()}
        for name, node in seen.nodes.items():
            if urls.get(name) == node.url and not node.is_unseen:
                self._note(name, node.look)
                for model, traits in node.traits.items():
                    self._fleet.learn(name, model, traits)

    def _note(self, name: str, look: Look | Finding) -> None:
        if isinstance(look, Finding):
            self._fleet.missed(name, look)
        else:
            self._fleet.looked(name, look)

    async def _look_at(self, nodes: Sequence[Node]) -> None:
        """Look at these nodes. A look that breaks as nobody foresaw counts as missed, and takes no other's."""
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
        self._note(node.name, look)
        if not isinstance(look, Finding):
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
        stay = Stay(self.keep_alive(node, model))
        try:
            if model.kind is CallKind.EMBED:
                await self._own.embed(node, model, Purpose.PROBE, stay=stay)
            else:
                await self._own.say(node, model, Purpose.PROBE, "hi", stay=stay)
        except CallBroke as broke:
            log.warning("probe.trial_failed", node=node.name, model=model.name, failure=broke.failure.value)


def _seen(view: NodeView) -> SeenNode:
    """Return what to tell of a node: what it said last, or why it says nothing now."""
    if view.trouble is not None:
        trouble = view.trouble
        return SeenNode(url=view.node.url, cause=trouble.cause, text=trouble.text, remedy=trouble.remedy)
    return SeenNode(
        url=view.node.url,
        version=view.version,
        holds=dict(view.holds),
        loaded=dict(view.loaded),
        sizes=dict(view.sizes),
        traits=dict(view.traits),
        residents=dict(view.residents),
        is_unseen=not view.version and not view.holds,
    )
