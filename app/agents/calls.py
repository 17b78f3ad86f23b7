"""The model calls and searches of one run: each an effect, each counted."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from app.agents.deadline import Deadline
from app.agents.effects import Done, Effects
from app.agents.live import LiveRun
from app.agents.prompts import FrontMatter, Prompt
from app.agents.values import Citation, Claim, Turn, WaitReason
from app.degradation import Degradation
from app.errors import AnswerEmpty, NodeFailed, NodeRefused, NoNodeAvailable, Unavailable
from app.inference.calls.chat_attempt import ignore_thinking
from app.inference.calls.dispatcher import Dispatcher
from app.inference.estimates import US_PER_S
from app.inference.slots.outlook import Outlook
from app.inference.slots.patience import Patience
from app.inference.words.account import Purpose
from app.inference.words.ends import FinishReason, is_blank
from app.inference.words.records import Answer, ChatCall, Embedding, Message, Usage, Vector
from app.inference.words.route import Route
from app.inference.words.tiers import Tier
from app.retrieval.passages import Passage
from app.retrieval.search import Search
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

SEARCH = "document_search"
CHARACTERS_PER_TOKEN = 4
"""A rough mean for English text, only used to count what is already answered against the answer's limit."""
MIN_TOKENS_LEFT = 16
RETRIEVAL_WAIT_S = 2.0
"""How long a question waits for a node that embeds while others could answer it: about a probe's interval."""


class CallLimits(msgspec.Struct, frozen=True):
    """Defaults of a run's calls."""

    max_output_tokens: int
    temperature: float


class Found(msgspec.Struct, frozen=True):
    """The result of a search; `degraded` when there was nobody to ask."""

    passages: tuple[Passage, ...]
    degraded: bool = False


class Said(msgspec.Struct, frozen=True):
    """The result of an answer: all of its text, why the model stopped, and what it thought before."""

    text: str
    finish_reason: FinishReason
    thinking: str = ""


class Reply(msgspec.Struct, frozen=True):
    """What a team answers."""

    agent: str
    text: str
    citations: tuple[Citation, ...] = ()
    requires_clarification: bool = False


class RunCalls:
    """What a team may do in one run. Raises what the dispatcher and the effects raise."""

    def __init__(
        self,
        *,
        claim: Claim,
        live: LiveRun,
        effects: Effects,
        dispatcher: Dispatcher,
        search: Search,
        limits: CallLimits,
        deadline: Deadline,
        metrics: Metrics,
    ) -> None:
        self.claim = claim
        self.degraded: set[Degradation] = set()
        self.usages: list[Usage] = []
        """What every call of this attempt took, stored or not."""
        self.trouble: Unavailable | None = None
        """Why the run waits for a node now, if it does."""
        self.said: Said | None = None
        """The answer that a model gave last."""
        self.thought_tokens = 0
        """How many tokens were thought before the text that an earlier attempt has shown."""
        self._vector: Vector | None = None
        self._live = live
        self._effects = effects
        self._dispatcher = dispatcher
        self._search = search
        self._limits = limits
        self._deadline = deadline
        self._metrics = metrics

    def tier(self, turns: Sequence[Turn]) -> Tier:
        """Return the tier that the question will get."""
        return self._dispatcher.rate(self.claim.question, len(turns), self.claim.session_tier).tier

    async def passages(self, path: str, question: str, *, limit: int) -> tuple[Passage, ...]:
        """Return up to `limit` passages of the tenant's documents; none, and `degraded`, when a part is away.

        A node that embeds is waited for as long as no question could be answered either, and RETRIEVAL_WAIT_S more.
        """

        async def act() -> Done[Found]:
            usages: list[Usage] = []
            try:
                found = Found(tuple(await self._find(question, limit, usages)))
            except (Unavailable, NodeRefused) as error:
                if error.facts.get("store") == "postgres":
                    raise
                log.warning("tool_execution_failed", tool=SEARCH, error=error.code, detail=error.detail, retry_count=0)
                found = Found((), degraded=True)
            return Done(found, tuple(usages))

        found = await self._effects.once(path, (question, limit), act, Found)
        if found.degraded:
            self.degraded.add(Degradation.RETRIEVAL)
        return found.passages

    async def answer(
        self, path: str, agent: str, prompt: Prompt, values: Mapping[str, str], turns: Sequence[Turn]
    ) -> str:
        """Stream the answer to the run's question and return all of it; the run's last effect.

        What an earlier attempt already showed is continued where the model can, else said anew after a `restart`. What
        the prompt opens with stands before the model's first words, and is no words of the model's. Raises AnswerEmpty
        rather than return nothing that anybody could see.
        """
        messages = (
            Message("system", prompt.fill(values)),
            *(Message("assistant" if turn.role == "assistant" else "user", turn.content) for turn in turns),
            Message("user", self.claim.question),
        )

        async def act() -> Done[Said]:
            answer = await self._chat(agent, messages, prompt.front, len(turns))
            self.degraded.update(answer.degraded)
            thinking = (answer.thinking or self._live.thought) if self.claim.options.think else ""
            said = Said(self._live.text, answer.finish_reason, thinking)
            if is_blank(said.text):
                raise AnswerEmpty("the model asks for tools, and was given none", node=answer.route.node)
            return Done(said, (answer.usage,))

        said = self.said = await self._effects.once(path, (messages, self.claim.options), act, Said, last=True)
        if said.text != self._live.text:
            self._live.restart()
            self._live.append(said.text)
        return said.text

    async def _chat(self, agent: str, messages: tuple[Message, ...], front: FrontMatter, turns: int) -> Answer:
        opening = f"{front.opening}\n\n" if front.opening else ""
        options, shown = self.claim.options, self._live.text.removeprefix(opening)
        limit = options.max_tokens or self._limits.max_output_tokens
        spent = len(shown) // CHARACTERS_PER_TOKEN + (self.thought_tokens if shown else 0)
        temperature = self._limits.temperature if options.temperature is None else options.temperature
        call = ChatCall(
            messages=messages,
            question=self.claim.question,
            agent=agent,
            max_tokens=max(min(MIN_TOKENS_LEFT, limit), limit - spent),
            temperature=temperature,
            tier=front.tier,
            session_tier=self.claim.session_tier,
            turns=turns,
            history=turns,
            last_node=self.claim.session_node,
            prefix=shown,
            seed=options.seed,
            think=options.think,
            account=self.claim.account(Purpose.CHAT),
            priority=options.priority,
            patience_s=self._deadline.left_s,
            contract=options.contract,
            team=self.claim.team,
            vector=self._vector,
        )
        return await self._dispatcher.chat(
            call,
            on_route=self._routed,
            on_delta=lambda delta: self._live.append(delta if self._live.text else opening + delta),
            on_restart=self._live.restart,
            on_thinking=self._live.think if options.think else ignore_thinking,
            on_usage=self.usages.append,
            on_wait=self._wait,
            on_queue=self._stands,
        )

    async def _find(self, question: str, limit: int, usages: list[Usage]) -> Sequence[Passage]:
        async def embed(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            embedding = await self._embed(texts)
            usages.append(embedding.usage)
            if list(texts) == [self.claim.question]:
                self._vector = Vector(embedding.vectors[0], embedding.usage.digest)
            return embedding.vectors

        started, success = self._deadline.clock(), "false"
        try:
            passages = await self._search.passages(self.claim.tenant_id, question, embed=embed, limit=limit)
            success = "true"
        finally:
            self._metrics.tool_calls.labels(SEARCH, success).inc()
            self._metrics.tool_duration.labels(SEARCH).observe(self._deadline.clock() - started)
        return passages

    async def _embed(self, texts: Sequence[str]) -> Embedding:
        while True:
            try:
                embedding = await self._dispatcher.embed(
                    texts,
                    agent="retrieval",
                    account=self.claim.account(Purpose.SEARCH),
                    on_usage=self.usages.append,
                    priority=self.claim.options.priority,
                    patience=Patience(
                        min(RETRIEVAL_WAIT_S, self._deadline.left_s),
                        clock=self._deadline.clock,
                        on_wait=self._wait,
                        on_queue=self._stands,
                    ),
                )
            except (NoNodeAvailable, NodeFailed):
                if self._deadline.left_s <= 0 or self._dispatcher.can_answer():
                    raise
            else:
                self.trouble = None
                return embedding

    def _wait(self, trouble: Unavailable, since: datetime) -> None:
        self.trouble = trouble
        log.warning("run.waits_for_node", reason=trouble.code, detail=trouble.detail)
        self._live.waits(WaitReason(trouble.code), since)

    def _stands(self, outlook: Outlook) -> None:
        self._live.stands(outlook.position, round(outlook.eta_us / US_PER_S, 1))

    def _routed(self, route: Route) -> None:
        self.trouble = None
        self._live.routed(route)
