"""Looks at every node now and then, and tries models that nobody used lately."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from app.errors import StoreUnavailable
from app.inference.catalogue import Model, Node, full_name
from app.inference.failures import CallBroke
from app.inference.lease import LeaseFacts
from app.inference.leases import Leases
from app.inference.noderows import NodeRows
from app.inference.nodes import Fleet, NodeState
from app.inference.ollama import Ollama, Target, Waits
from app.inference.records import CallKind, ChatCall, Message
from app.inference.route import Candidate
from app.inference.wire import chat_body, embed_body
from app.redis import RedisStore
from app.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

LOOK_LIMIT_S = 2.0
# A resident model that answered nobody for so long is asked for one token: nodes are known to answer looks while their
# runner hangs.
IDLE_S = 30.0
TRIAL_LIMIT_S = 15.0
_AGENT = "probe"


class Probe:
    """Keeps the fleet's view fresh. Each replica looks for itself; trials are made by one replica at a time."""

    def __init__(
        self,
        fleet: Fleet,
        leases: Leases,
        ollama: Ollama,
        rows: NodeRows,
        store: RedisStore,
        metrics: Metrics,
        *,
        interval_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._fleet = fleet
        self._leases = leases
        self._ollama = ollama
        self._rows = rows
        self._store = store
        self._metrics = metrics
        self._interval_s = interval_s
        self._clock = clock
        self._states: dict[str, NodeState] = {}
        self._trial_at: dict[tuple[str, str], float] = {}

    async def keep_looking(self) -> None:
        """Look, for as long as the process lives."""
        while True:
            # Not in step with the other replicas.
            await asyncio.sleep(self._interval_s * random.uniform(0.8, 1.2))  # noqa: S311
            await self.look()

    async def keep_trying(self) -> None:
        """Try idle models, for as long as the process lives."""
        while True:
            await asyncio.sleep(self._interval_s)
            await self.try_idle()

    async def look(self) -> None:
        """Look at every node once, and read which are drained."""
        async with asyncio.TaskGroup() as group:
            for node in self._fleet.nodes():
                group.create_task(self._look(node))
        try:
            self._fleet.drain(await self._rows.drained())
            await self._note_states()
        except StoreUnavailable:
            log.debug("probe.rows_unavailable")

    async def try_idle(self) -> None:
        """Ask each idle resident model for one token, if a slot is free."""
        for node, model in self._fleet.idle_models(IDLE_S):
            if await self._may_try(node, model):
                await self._try(node, model)

    async def _look(self, node: Node) -> None:
        look = await self._ollama.look(node.url, limit_s=LOOK_LIMIT_S)
        if look is None:
            self._fleet.missed(node.name)
        else:
            self._fleet.looked(node.name, look)

    async def _note_states(self) -> None:
        for view in self._fleet.views():
            if self._states.get(view.node.name) is not view.state:
                await self._rows.note_state(view.node.name, view.state)
                self._states[view.node.name] = view.state

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
        # The size that is loaded, whatever it is: another would make the node load the model anew.
        num_ctx = self._fleet.view(node.name).loaded.get(full_name(model.name)) or model.num_ctx[0]
        candidate = Candidate(
            node=node.name, model=model.name, tier=None, slots=node.slots, num_ctx=num_ctx, resident=True, score=0.0
        )
        granted = await self._leases.acquire([candidate], _facts(node, model), {model.name: model.tokens_per_s})
        if granted is None:
            return
        self._fleet.began(node.name, model.name)
        try:
            await self._ask(Target(node.name, node.url, model.name), model, num_ctx)
            self._fleet.succeeded(node.name, model.name, num_ctx=num_ctx)
        except CallBroke as broke:
            log.warning("probe.trial_failed", node=node.name, model=model.name, failure=broke.failure.value)
            self._fleet.failed(node.name, model.name, broke.failure)
            self._metrics.call_failures.labels(node.name, model.name, broke.failure.value).inc()
        finally:
            await self._leases.release(granted[1])

    async def _ask(self, target: Target, model: Model, num_ctx: int) -> None:
        if model.kind is CallKind.EMBED:
            body = embed_body(("hi",), model=model.name, keep_alive=model.keep_alive, num_ctx=num_ctx)
            await self._ollama.embed(target, body, TRIAL_LIMIT_S, 1)
            return
        call = ChatCall(
            messages=(Message("user", "hi"),), question="", agent=_AGENT, max_tokens=1, temperature=0.0
        )  # fmt: skip
        body = chat_body(
            call, model=model.name, keep_alive=model.keep_alive, num_ctx=num_ctx, prefix="", max_tokens=1
        )  # fmt: skip
        await self._ollama.chat(target, body, Waits(TRIAL_LIMIT_S, TRIAL_LIMIT_S), lambda _text, _tokens: None)


def _facts(node: Node, model: Model) -> Callable[[Candidate], LeaseFacts]:
    facts = LeaseFacts(
        id=uuid4(),
        kind=model.kind,
        agent=_AGENT,
        run_id=None,
        tier=None,
        node=node.name,
        model=model.name,
        digest="",
        input_tokens=1,
        wait_us=0,
        price_usd_micro_per_hour=node.price_usd_micro_per_hour,
        started_at=datetime.now(UTC),
    )
    return lambda _candidate: facts
