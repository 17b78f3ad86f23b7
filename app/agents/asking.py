"""Calls whose answer the team reads and no reader sees: for text, or for a structure."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from app.agents.calling import Calling, messages_of
from app.agents.effects import Done
from app.agents.prompts import Prompt
from app.agents.structures import read_structure, repair_of, schema_of
from app.agents.values import Turn
from app.errors import StructureUnmet
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

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._claim, self._live, self._tally = calling.claim, calling.live, calling.tally

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
            answer = await self._calling.dispatcher.chat(
                self._call(asked, messages, schema),
                on_route=self._routed,
                on_delta=_ignore_text,
                on_restart=_ignore,
                on_usage=self._tally.usages.append,
                on_wait=self._tally.wait,
                on_queue=self._tally.stand,
            )
            return Done(answer.text, (answer.usage,), answer.degraded)

        return await self._calling.effects.once(path, (messages, schema), act, str)

    def _call(self, asked: Question, messages: tuple[Message, ...], schema: msgspec.Raw | None) -> ChatCall:
        call = self._calling.call(
            messages,
            question=asked.question,
            agent=asked.agent,
            front=asked.prompt.front,
            turns=len(asked.turns),
        )
        return msgspec.structs.replace(call, think=False, response_schema=schema)

    def tier(self, turns: int) -> Tier:
        """Return the tier that the run's question will get after so many turns."""
        return self._calling.dispatcher.rate(self._claim.question, turns, self._claim.session_tier).tier

    def _routed(self, _route: Route) -> None:
        # The session remembers, and the caller is shown, the route of the call that answers: `LiveRun.routed`.
        self._tally.go_on()
        self._live.begin()


def _ignore_text(_text: str) -> None:
    """Take a piece of text that nobody is shown."""


def _ignore() -> None:
    """Take note of nothing."""
