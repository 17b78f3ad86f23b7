"""Calls whose answer the team reads and no reader sees: for text, or for a structure."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from app.agents.answering import CallLimits, messages_of
from app.agents.deadline import Deadline
from app.agents.effects import Done, Effects
from app.agents.live import LiveRun
from app.agents.prompts import Prompt
from app.agents.structures import read_structure, repair_of, schema_of
from app.agents.tally import Tally
from app.agents.values import Claim, Turn
from app.errors import StructureUnmet
from app.inference.calls.dispatcher import Dispatcher
from app.inference.words.account import Purpose
from app.inference.words.messages import Message
from app.inference.words.records import ChatCall
from app.inference.words.route import Route
from app.inference.words.tiers import Tier

T = TypeVar("T")


class Question(msgspec.Struct, frozen=True):
    """What an agent is asked: its prompt filled, the turns that it is shown, and the question itself."""

    agent: str
    prompt: Prompt
    values: Mapping[str, str]
    question: str
    turns: Sequence[Turn] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the call."""
        return messages_of(self.prompt.fill(self.values), self.turns, self.question)


class Asking:
    """Asks models. Each call is an effect; raises what the dispatcher and the effects raise.

    A call waits in the queue as the run's answer does, with its account, priority and deadline. Its tier is the
    prompt's own, else its question's by itself: what the session needed before, and needs next, is the answer's matter.
    """

    def __init__(
        self,
        *,
        claim: Claim,
        live: LiveRun,
        effects: Effects,
        dispatcher: Dispatcher,
        limits: CallLimits,
        deadline: Deadline,
        tally: Tally,
    ) -> None:
        self._claim = claim
        self._live = live
        self._effects = effects
        self._dispatcher = dispatcher
        self._limits = limits
        self._deadline = deadline
        self._tally = tally

    async def ask(self, path: str, asked: Question) -> str:
        """Return the text of one answer."""
        return await self._once(f"{path}/ask", asked, asked.messages, None)

    async def ask_for(self, path: str, asked: Question, result_type: type[T]) -> T:
        """Return one answer as a `result_type`, whose JSON schema the node holds the model to.

        An answer that is none all the same is asked for once more, with what was wrong. Raises StructureUnmet then.
        """
        schema, messages = schema_of(result_type), asked.messages
        text = await self._once(f"{path}/ask_for", asked, messages, schema)
        try:
            return read_structure(text, result_type)
        except msgspec.ValidationError as error:
            repair = repair_of(messages, text, str(error))
        text = await self._once(f"{path}/repair", asked, repair, schema)
        try:
            return read_structure(text, result_type)
        except msgspec.ValidationError as error:
            raise StructureUnmet(
                "the model gave no answer of the form that was asked for, also when it was told so",
                agent=asked.agent,
                structure=result_type.__name__,
                mistake=str(error),
            ) from error

    async def _once(self, path: str, asked: Question, messages: tuple[Message, ...], schema: msgspec.Raw | None) -> str:
        async def act() -> Done[str]:
            answer = await self._dispatcher.chat(
                self._call(asked, messages, schema),
                on_route=self._routed,
                on_delta=_ignore_text,
                on_restart=_ignore,
                on_usage=self._tally.usages.append,
                on_wait=self._tally.wait,
                on_queue=self._tally.stand,
            )
            return Done(answer.text, (answer.usage,), answer.degraded)

        return await self._effects.once(path, (messages, schema), act, str)

    def _call(self, asked: Question, messages: tuple[Message, ...], schema: msgspec.Raw | None) -> ChatCall:
        options, limits = self._claim.options, self._limits
        return ChatCall(
            messages=messages,
            question=asked.question,
            agent=asked.agent,
            max_tokens=limits.max_output_tokens,
            temperature=limits.temperature if options.temperature is None else options.temperature,
            tier=asked.prompt.front.tier,
            turns=len(asked.turns),
            history=len(asked.turns),
            seed=options.seed,
            think=False,
            account=self._claim.account(Purpose.CHAT),
            priority=options.priority,
            patience_s=self._deadline.left_s,
            contract=options.contract,
            team=self._claim.team,
            response_schema=schema,
        )

    def tier(self, turns: int) -> Tier:
        """Return the tier that the run's question will get after so many turns."""
        return self._dispatcher.rate(self._claim.question, turns, self._claim.session_tier).tier

    def _routed(self, _route: Route) -> None:
        # The session remembers, and the caller is shown, the route of the call that answers: `LiveRun.routed`.
        self._tally.go_on()
        self._live.begin()


def _ignore_text(_text: str) -> None:
    """Take a piece of text that nobody is shown."""


def _ignore() -> None:
    """Take note of nothing."""
