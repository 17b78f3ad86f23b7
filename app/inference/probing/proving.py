"""Finds out, once for each model and digest, whether it goes on from a final assistant message."""

from collections.abc import Callable, Iterator
from functools import partial

import structlog

from app.errors import StoreUnavailable
from app.inference.calls.continuation import Continuation, Continuations, find_out
from app.inference.calls.continuation_rows import ContinuationRows
from app.inference.fleet.catalogue import Model, Node, full_name
from app.inference.fleet.nodes import Fleet, NodeView, routable
from app.inference.probing.own_calls import OwnCalls
from app.inference.words.account import Purpose
from app.inference.words.failures import CallBroke
from app.inference.words.records import CallKind
from app.redis import RedisStore

log = structlog.stdlib.get_logger(__name__)

AGAIN_S = 60.0
"""A proof that broke off, or found no free slot, is tried again after so long."""


class Prover:
    """Proves what is not known yet, of models that are in memory; one replica at a time proves a model."""

    def __init__(
        self,
        fleet: Fleet,
        own: OwnCalls,
        known: Continuations,
        rows: ContinuationRows,
        store: RedisStore,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._fleet = fleet
        self._own = own
        self._known = known
        self._rows = rows
        self._store = store
        self._clock = clock
        self._tried_at: dict[tuple[str, str], float] = {}

    async def read(self) -> None:
        """Learn what others found. Raises StoreUnavailable."""
        await self._rows.read()

    async def prove(self) -> None:
        """Read what others found, then prove what nobody knows. Raises StoreUnavailable."""
        await self._rows.read()
        for node, model, digest in tuple(self._unknown()):
            if self._known.find(model.name, digest) is None and await self._may_prove(model, digest):
                found = await self._find_out(node, model)
                if found is not None:
                    log.info("model.continuation_found", model=model.name, digest=digest, found=found.value)
                    await self._rows.add(model.name, digest, found)

    def _unknown(self) -> Iterator[tuple[Node, Model, str]]:
        for view in routable(self._fleet.views()):
            for name in view.loaded:
                model, digest = self._fleet.catalogue.find(name), view.holds.get(name)
                if model is None or digest is None or not model.continues or model.kind is not CallKind.CHAT:
                    continue
                if self._known.find(name, digest) is None and _serves(view, name):
                    yield view.node, model, digest

    async def _may_prove(self, model: Model, digest: str) -> bool:
        now, key = self._clock(), (model.name, digest)
        if now - self._tried_at.get(key, float("-inf")) < AGAIN_S:
            return False
        self._tried_at[key] = now
        try:
            async with self._store.use("continuation_claim") as redis:
                return bool(await redis.set(f"sy:continuation:{digest}:{model.name}", b"1", nx=True, ex=int(AGAIN_S)))
        except StoreUnavailable:
            return False

    async def _find_out(self, node: Node, model: Model) -> Continuation | None:
        template = await self._own.template(node, model)
        if template is None:
            return None
        try:
            return await find_out(template, partial(self._say, node, model))
        except _NoSlot:
            return None
        except CallBroke as broke:
            log.warning("model.continuation_unknown", node=node.name, model=model.name, failure=broke.failure.value)
            return None

    async def _say(self, node: Node, model: Model, question: str, prefix: str, max_tokens: int) -> str:
        """Ask once, in a slot of its own, which others may have between two. Raises _NoSlot, CallBroke."""
        said = await self._own.say(node, model, Purpose.PROOF, question, prefix=prefix, max_tokens=max_tokens)
        if said is None:
            raise _NoSlot
        return said


class _NoSlot(Exception):
    """No slot of the node is free now."""


def _serves(view: NodeView, name: str) -> bool:
    """Whether the node is declared to serve the model, and may."""
    wrong = {full_name(problem.model) for problem in view.missing}
    return name not in wrong and any(full_name(declared) == name for declared in view.node.models)
