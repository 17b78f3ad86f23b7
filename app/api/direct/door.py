"""The door of direct calls: what clients of OpenAI's and Ollama's interfaces ask goes to a model, or to a team.

`Direct.begin(caller, asks)` is an asynchronous context. When its block begins, the first call has a slot (a team has
its run); whatever keeps it from one is raised before, so that a refusal has its status. `Talk.pieces()` yields what
comes, and `Talk.ends()` how each ended. Leaving the block ends what still goes on: the node is told at once.
`direct_reply.DirectReply` makes a response of it, in the words of a dialect's `Teller`.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import assert_never

from app.api.direct.talk import Ask, Talk, Told, Voice
from app.api.direct.team import ask_team
from app.api.direct.wanted import OfModel, OfTeam, OfTier, Rated, read_wanted
from app.api.doors import Runner
from app.api.model_doors import Book, Models
from app.api.queue_headers import waited_header
from app.api.replies import cost_header, route_headers
from app.errors import BadInput
from app.ids import Caller
from app.inference.estimates import US_PER_S
from app.inference.words.account import Account, Purpose
from app.inference.words.contract import under_key
from app.inference.words.messages import Message
from app.inference.words.priority import capped
from app.inference.words.records import Answer, ChatCall, Embedding
from app.inference.words.route import Route
from app.inference.words.tiers import Tier


class Direct:
    """Makes direct calls; see the module."""

    def __init__(self, models: Models, runner: Runner, book: Book, *, max_tokens: int, limit_s: float) -> None:
        """`max_tokens` is for those who do not say; no call takes longer than `limit_s`."""
        self._models = models
        self._runner = runner
        self._book = book
        self._max_tokens = max_tokens
        self._limit_s = limit_s

    @asynccontextmanager
    async def begin(self, caller: Caller, asks: Sequence[Ask]) -> AsyncGenerator[Talk]:
        """Have the calls under way for as long as the block lasts.

        Raises what refuses them: BadInput, ModelUnknown, ContextTooLong, ContractUnmet, NodeRefused, NoNodeAvailable,
        NoSlotInTime, NodeFailed, AnswerEmpty, DeadlineExceeded, Draining.
        """
        talk, tasks = Talk(len(asks), tells_queue=asks[0].stream and asks[0].tells_queue), list[asyncio.Task[Told]]()
        try:
            for number, ask in enumerate(asks):
                call = self._ask(caller, ask, Voice(talk, number, stream=ask.stream))
                tasks.append(asyncio.create_task(call, name=f"direct call {ask.request_id}"))
                tasks[-1].add_done_callback(partial(talk.ended, number))
            await talk.begin()
            yield talk
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def embed(self, caller: Caller, texts: Sequence[str], *, model: str | None, agent: str) -> Embedding:
        """Return one vector a text, all of them by one embedding model (None: the platform's own).

        Raises ModelUnknown, ContextTooLong, NodeRefused, NoNodeAvailable, NoSlotInTime, NodeFailed.
        """
        return await self._models.embed(
            texts,
            agent=agent,
            account=Account(purpose=Purpose.EMBED, tenant_id=caller.tenant_id, key_id=caller.key_id),
            on_usage=self._book.take,
            model=model,
        )

    async def _ask(self, caller: Caller, ask: Ask, voice: Voice) -> Told:
        wanted = read_wanted(ask.model)
        if isinstance(wanted, OfTeam):
            return await ask_team(self._runner, caller, wanted.team, ask, voice, limit_s=self._limit_s)

        def think(_offset: int, text: str) -> None:
            if ask.think is not False:
                voice.say(text, is_thinking=True)

        answer = await self._models.chat(
            self._call(caller, ask, wanted),
            on_route=lambda route: voice.begun(route_headers(route) | waited_header(route.asking.waited_s)),
            on_delta=voice.say,
            on_restart=voice.drop,
            on_usage=self._book.take,
            on_thinking=think,
            on_queue=lambda outlook: voice.queued(outlook.position, outlook.eta_us / US_PER_S),
        )
        return told_of(answer)

    def _call(self, caller: Caller, ask: Ask, wanted: Rated | OfTier | OfModel) -> ChatCall:
        earlier, (tier, model) = _earlier(ask.messages), asked_for(wanted)
        return ChatCall(
            messages=ask.messages,
            question=question_of(ask.messages),
            agent=ask.agent,
            account=Account(purpose=Purpose.CHAT, tenant_id=caller.tenant_id, key_id=caller.key_id),
            max_tokens=ask.max_tokens or self._max_tokens,
            temperature=ask.temperature,
            tier=tier,
            model=model,
            turns=earlier,
            priority=capped(ask.priority, batch_only=caller.batch_only),
            history=earlier if ask.cuts else 0,
            seed=ask.seed,
            think=ask.think,
            response_schema=ask.response_schema,
            tools=ask.tools,
            sampling=ask.sampling,
            takes_back=not ask.stream,
            contract=under_key(caller.contract, ask.contract),
            deadline_s=min(ask.deadline_s or self._limit_s, self._limit_s),
        )


def asked_for(wanted: Rated | OfTier | OfModel) -> tuple[Tier | None, str | None]:
    """Return the tier, or the model, that is to answer."""
    match wanted:
        case Rated():
            return None, None
        case OfTier(tier):
            return tier, None
        case OfModel(name):
            return None, name
        case _:
            assert_never(wanted)


def question_of(messages: Sequence[Message]) -> str:
    """Return what the model is asked: the last message of the user, else the last of all. Raises BadInput for none."""
    if not messages:
        raise BadInput("there is no message", field="messages")
    return next((message.content for message in reversed(messages) if message.role == "user"), messages[-1].content)


def told_of(answer: Answer) -> Told:
    """Return how a call ended."""
    usage = answer.usage
    total_s = (usage.ended_at - usage.started_at).total_seconds()
    return Told(
        text=answer.text,
        finish_reason=answer.finish_reason,
        model=answer.route.model,
        thinking=answer.thinking,
        tool_calls=answer.tool_calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        thinking_tokens=usage.thinking_tokens,
        wait_us=usage.wait_us,
        load_us=usage.load_us,
        prefill_us=usage.prefill_us,
        decode_us=usage.decode_us,
        total_us=round(total_s * 1_000_000) + usage.wait_us,
        cost_usd_micro=usage.cost_usd_micro,
        degraded=answer.degraded,
        headers=_headers(answer.route, usage.cost_usd_micro) | waited_header(usage.wait_us / US_PER_S),
    )


def _headers(route: Route, cost_usd_micro: int) -> dict[str, str]:
    return route_headers(route) | cost_header(cost_usd_micro / 1_000_000)


def _earlier(messages: Sequence[Message]) -> int:
    """Return how many messages stand between the instructions at the beginning and the last."""
    first = next((index for index, message in enumerate(messages) if message.role != "system"), len(messages))
    return max(0, len(messages) - 1 - first)
