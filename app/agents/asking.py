"""Calls whose answer the team reads and no reader sees: for text, or for a structure."""

from collections.abc import Mapping, Sequence

import msgspec

from app.agents.calling import Calling, messages_of
from app.agents.prompts import Prompt
from app.agents.values import Turn
from app.inference.calls.chat_attempt import Ears, ignore_thinking
from app.inference.words.messages import Message
from app.inference.words.records import ChatCall
from app.inference.words.route import Route
from app.inference.words.tiers import Tier


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
    """How models are asked.

    A call waits in the queue as the run's answer does, with its account, priority and deadline. Its tier is the
    prompt's own, else its question's by itself: what the session needed before, and needs next, is the answer's matter.
    """

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._claim, self._live, self._tally = calling.claim, calling.live, calling.tally
        self.ears = Ears(
            on_route=self._routed,
            on_delta=_ignore_text,
            on_restart=_ignore,
            on_thinking=ignore_thinking,
            on_usage=self._tally.usages.append,
            on_wait=self._tally.wait,
            on_queue=self._tally.stand,
        )
        """Hear that a call goes on or waits, and nothing of what is said."""

    def call(self, asked: Question, messages: tuple[Message, ...], schema: msgspec.Raw | None = None) -> ChatCall:
        """Return the call that asks; a node holds its model to the `schema`."""
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
