"""Answers chat and embed calls: rates, places, waits, leases, streams, moves on failure, settles."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import uuid4

import structlog

from app.errors import ContractUnmet, ModelUnknown, NoNodeAvailable, NoSlotInTime
from app.ids import RouteId
from app.inference.calls.attempts import Attempts, Limits
from app.inference.calls.chat_attempt import ChatAttempt, End, OnThinking, Reader, ignore_thinking
from app.inference.calls.embedding import Asker, Embedder
from app.inference.calls.learnt import Learnt
from app.inference.calls.plan import Plan, plan_of
from app.inference.calls.progress import Progress, too_long
from app.inference.calls.settling import OnUsage
from app.inference.calls.tries import Tries, pause
from app.inference.estimates import US_PER_S, expected_output
from app.inference.fleet.catalogue import Catalogue, Model, full_name
from app.inference.fleet.nodes import Fleet
from app.inference.routing.complexity import Rating, rate
from app.inference.routing.placement import Need, place
from app.inference.routing.prefixes import marks_of
from app.inference.slots.admission import Admission, Asked, Held
from app.inference.slots.patience import OnQueue, OnWait, Patience, ignore_queue, ignore_wait, left_s, within
from app.inference.slots.queue import SlotQueue
from app.inference.wire.bodies import chat_body
from app.inference.wire.exchange import Target
from app.inference.wire.ollama import Ollama, Waits
from app.inference.words.account import Account
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.failures import CallBroke, Failure, RetryBudget
from app.inference.words.messages import Message
from app.inference.words.priority import Priority, priority_of
from app.inference.words.records import Answer, CallKind, ChatCall, Embedding, Vector
from app.inference.words.route import Asking, Reason, Route
from app.inference.words.tiers import TIERS, Tier, TierReason
from app.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)


class Dispatcher:
    """The door to the models."""

    def __init__(
        self,
        fleet: Fleet,
        queue: SlotQueue,
        ollama: Ollama,
        metrics: Metrics,
        learnt: Learnt,
        *,
        limits: Limits,
        embed_model: str,
        clock: Callable[[], float],
    ) -> None:
        self._fleet = fleet
        self._learnt = learnt
        self._ollama = ollama
        self._limits = limits
        self._clock = clock
        self._retries = RetryBudget()
        self._admission = Admission(fleet, queue, metrics, clock=clock)
        self._attempts = Attempts(fleet, queue.register, metrics, limits, clock=clock)
        self._embedder = Embedder(
            self._admission,
            self._attempts,
            ollama,
            limits=limits,
            model=embed_model,
            retries=self._retries,
            cache=learnt.vectors,
        )
        self.forget = self._embedder.forget

    @property
    def _catalogue(self) -> Catalogue:
        return self._fleet.catalogue

    async def ready(
        self,
        tier: Tier | None,
        account: Account,
        *,
        model: str | None = None,
        contract: Contract = NO_CONTRACT,
        priority: Priority = Priority.INTERACTIVE,
        deadline_s: float | None = None,
    ) -> None:
        """Return if something routable serves the model (else the tier or a substitute), and it may be waited for.

        Raises NoNodeAvailable, ContractUnmet and NoSlotInTime at once if not.
        """
        need = Need(CallKind.CHAT, tier or Tier.SIMPLE, prompt_tokens=0, max_tokens=0, model=model, contract=contract)
        asked = Asked(need, "", "", account, priority, deadline_s)
        await self._admission.check(asked, self._limits.slot_wait_s)

    def can_answer(self) -> bool:
        """Whether something routable serves chats now."""
        try:
            self._admission.place(Need(CallKind.CHAT, Tier.SIMPLE, prompt_tokens=0, max_tokens=0))
        except NoNodeAvailable:
            return False
        return True

    def rate(self, question: str, turns: int, session_tier: Tier | None, vector: Vector | None = None) -> Rating:
        """Rate a question that follows `turns` earlier ones in a session of `session_tier`, by its vector if known."""
        known = (None, None) if vector is None else (vector.numbers, vector.digest)
        return rate(question, turns=turns, session_tier=session_tier, embedding=known[0], embedder_digest=known[1])

    async def plan(self, call: ChatCall, /) -> Plan:
        """Return where a chat call would go now; nothing is asked or held. Raises ModelUnknown, ContextTooLong."""
        rating = self._rating(call)
        progress = self._begin(call, rating)
        progress.cached = await self._learnt.prefixes.find(marks_of(call.messages))
        need = progress.need()
        placement = place(need, self._fleet.views(), self._catalogue)
        return plan_of(need, progress.tier, rating, placement)

    async def chat(
        self,
        call: ChatCall,
        *,
        on_route: Callable[[Route], None],
        on_delta: Callable[[str], None],
        on_restart: Callable[[], None],
        on_usage: OnUsage,
        on_thinking: OnThinking = ignore_thinking,
        on_wait: OnWait = ignore_wait,
        on_queue: OnQueue = ignore_queue,
    ) -> Answer:
        """Answer a chat call.

        `on_route` is told the route once the lease is held, and again when the call moves; `on_delta` each piece of
        sanitised text; `on_restart` that all that was shown (`call.prefix` too) is dropped before the next delta;
        `on_thinking` each piece of thinking, asked for or not; `on_usage` the usage of each attempt, to be stored;
        `on_wait` that it begins to wait for a node, for up to `call.patience_s`; `on_queue` where it stands meanwhile.
        Raises NoNodeAvailable, NoSlotInTime, ContractUnmet, AbilityMissing, NodeFailed, AnswerEmpty, NodeRefused,
        DeadlineExceeded, ContextTooLong, ModelUnknown.
        """
        rating = self._rating(call)
        progress = self._begin(call, rating)
        self._retries.note_call()
        patience = Patience(call.patience_s, clock=self._clock, on_wait=on_wait, on_queue=on_queue)
        async with within(call.deadline_s) as limit:
            while True:
                held = await self._admit(progress, patience, limit)
                route = _route(held, rating, progress)
                reader = Reader(on_delta, on_restart, on_thinking)
                talk = ChatAttempt(progress, self._attempts.at(held, on_usage, route), route, reader)
                try:
                    async with talk.attempt:
                        on_route(route)
                        talk.begin()
                        end = talk.end(await self._ollama.chat(*self._request(talk), talk.on_heard))
                        limit.reschedule(None)
                    return self._answer(talk, end)
                except CallBroke as broke:
                    await self._after(broke, talk, patience)

    async def embed(
        self,
        texts: Sequence[str],
        *,
        agent: str,
        account: Account,
        on_usage: OnUsage,
        model: str | None = None,
        priority: Priority | None = None,
        patience: Patience | None = None,
    ) -> Embedding:
        """Return one vector a text (at least one text), by `model` or the platform's own.

        A text too long for the model gets the mean of its pieces.

        Waits for a node with `patience` (None: with none). Raises NoNodeAvailable, NoSlotInTime, NodeFailed,
        NodeRefused, ContextTooLong, ModelUnknown.
        """
        if model is not None:
            self._model(model, CallKind.EMBED)
        asker = Asker(agent, account, model, priority or priority_of(account.purpose))
        return await self._embedder.embed(texts, asker, patience or Patience(0.0, clock=self._clock), on_usage)

    def _rating(self, call: ChatCall) -> Rating:
        if call.model is not None:
            model = self._model(call.model, CallKind.CHAT)
            return Rating(call.tier or max(model.tiers, key=TIERS.index), 0.0, TierReason.ASKED_FOR)
        if call.tier is not None:
            return Rating(call.tier, 0.0, TierReason.ASKED_FOR)
        return self.rate(call.question, call.turns, call.session_tier, call.vector)

    def _model(self, name: str, kind: CallKind) -> Model:
        model = self._catalogue.find(name)
        if model is None or model.kind is not kind:
            raise ModelUnknown(f"no {kind.value} model {name!r} is configured", model=name)
        return model

    def _begin(self, call: ChatCall, rating: Rating) -> Progress:
        floor, learnt = call.contract.floor(rating.tier), self._learnt
        progress = Progress(call, floor, Tries(self._limits.attempts), learnt.calibration, learnt.continuations)
        self._check_size(progress)
        progress.output_tokens = learnt.lengths.expected(call.team, call.agent)
        return progress

    def _check_size(self, progress: Progress) -> None:
        """Refuse a prompt that fits nowhere before anything is loaded for it."""
        limit = max((model.num_ctx[-1] for model in self._catalogue.models if model.kind is CallKind.CHAT), default=0)
        least = progress.draft.fixed.least_tokens
        if least > limit:
            raise too_long(limit, least)

    async def _after(self, broke: CallBroke, talk: ChatAttempt, patience: Patience) -> None:
        """Wait for as long as the next attempt must. Raises what ends the call."""
        progress = talk.progress
        if talk.attempt.seen.life_us:
            patience.moved()
        if broke.failure is Failure.CANNOT_THINK:
            log.warning("call.model_cannot_think", node=broke.node, model=broke.model)
        at_once = progress.after(broke, talk.held, self._retries)
        await pause(broke, self._admission, progress.need(tried=progress.tries.nodes), patience, at_once=at_once)

    async def _admit(self, progress: Progress, patience: Patience, limit: asyncio.Timeout) -> Held:
        progress.cached = await self._learnt.prefixes.find(marks_of(progress.call.messages))
        while True:
            try:
                return await self._place(progress, patience, limit)
            except (NoNodeAvailable, NoSlotInTime) as trouble:
                await patience.wait(trouble)

    async def _place(self, progress: Progress, patience: Patience, limit: asyncio.Timeout) -> Held:
        nowhere: NoNodeAvailable | ContractUnmet | None = None
        call = progress.call
        for need in progress.needs():
            asked = Asked(need, progress.identity, call.agent, call.account, call.priority, left_s(limit))
            try:
                return await self._admission.admit(asked, self._limits.slot_wait_s, patience)
            except (NoNodeAvailable, ContractUnmet) as error:
                nowhere = nowhere or error
        raise nowhere or NoNodeAvailable("no node serves the call")

    def _request(self, talk: ChatAttempt) -> tuple[Target, bytes, Waits]:
        """Return what is asked of which node, and how long it may be silent. Raises CallBroke."""
        held, progress = talk.held, talk.progress
        body = chat_body(
            progress.fit(held),
            model=held.model.name,
            keep_alive=self._attempts.keep_alive(held),
            num_ctx=held.candidate.num_ctx,
            prefix=progress.shown,
            max_tokens=progress.tokens_left,
            think=progress.think(held),
        )
        return self._attempts.target(held), body, self._attempts.waits(held)

    def _answer(self, talk: ChatAttempt, end: End) -> Answer:
        progress = talk.progress
        progress.note_counted(talk.held, end.line.prompt_eval_count)
        self._learn(talk)
        return Answer(
            text=progress.text,
            thinking=progress.thinking,
            tool_calls=talk.tool_calls,
            route=talk.route,
            usage=talk.attempt.usage,
            continued=talk.route.reason is Reason.CONTINUED,
            finish_reason=end.finish_reason,
            degraded=talk.degraded(end.line),
        )

    def _learn(self, talk: ChatAttempt) -> None:
        """Keep what the answer tells of those to come: how long they are, and who has read the conversation."""
        progress, call, held = talk.progress, talk.progress.call, talk.held
        self._learnt.lengths.note(call.team, call.agent, talk.attempt.usage.output_tokens)
        said = (*progress.sent.messages, Message("assistant", progress.shown))
        self._learnt.prefixes.keep(held.candidate.node, full_name(held.model.name), marks_of(said))


def _route(held: Held, rating: Rating, progress: Progress) -> Route:
    return Route(
        id=RouteId(uuid4()),
        tier=held.candidate.tier or progress.tier,
        tier_reason=rating.reason,
        need=rating.need,
        reason=progress.reason(held),
        model=held.model.name,
        digest=held.candidate.digest,
        node=held.candidate.node,
        candidates=held.candidates,
        asking=Asking(
            floor=progress.tier,
            contract=progress.call.contract,
            abilities=tuple(sorted(progress.call.abilities)),
            prompt_tokens=held.prompt_tokens,
            output_tokens=round(expected_output(held.asked.need.output_tokens, held.asked.need.max_tokens)),
            waited_s=held.wait_us / US_PER_S,
        ),
    )
