"""The answers of one run, streamed to its readers: each gone on with where an earlier attempt broke off."""

import asyncio
from collections.abc import Sequence

import msgspec

from app.agents.calling import Calling
from app.agents.effects import Done
from app.agents.prompts import FrontMatter
from app.agents.reply import Said
from app.agents.values import Turn
from app.errors import AnswerEmpty
from app.inference.calls.chat_attempt import Ears, ignore_thinking
from app.inference.words.ends import is_blank
from app.inference.words.records import Answer, ChatCall, Message, Vector
from app.inference.words.route import Route

CHARACTERS_PER_TOKEN = 4
"""A rough mean for English text, only used to count what is already answered against the answer's limit."""
MIN_TOKENS_LEFT = 16


class Answering:
    """How answers are made.

    What an earlier attempt already showed of one is continued where the model can, else said anew after a `restart`; so
    is what another answer of this run showed. What the prompt opens with stands before the model's first words, and is
    no words of the model's.
    """

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._claim, self._live, self._tally = calling.claim, calling.live, calling.tally
        self.speaking = asyncio.Lock()
        """Held by whoever answers: readers see one text."""
        self.said: list[str] = []
        """What was answered in this attempt, from the effects too."""

    def drop_others(self) -> None:
        """Drop what readers have of an answer before this one; the log of an attempt may lack the end of that."""
        if any(text.startswith(self._live.text) for text in self.said):
            self._live.restart()

    def call(
        self,
        agent: str,
        messages: tuple[Message, ...],
        front: FrontMatter,
        turns: Sequence[Turn],
        vector: Vector | None,
    ) -> ChatCall:
        """Return the call that answers the run's question; `vector` is that of the question, if it is known."""
        options, shown = self._claim.options, self._live.text.removeprefix(opening_of(front))
        limit = options.max_tokens or self._calling.limits.max_output_tokens
        spent = len(shown) // CHARACTERS_PER_TOKEN + (self._tally.thought_tokens if shown else 0)
        return msgspec.structs.replace(
            self._calling.call(messages, question=self._claim.question, agent=agent, front=front, turns=len(turns)),
            max_tokens=limit,
            session_tier=self._claim.session_tier,
            last_node=self._claim.session_node,
            prefix=shown,
            prefix_tokens=min(spent, max(0, limit - MIN_TOKENS_LEFT)),
            think=options.think,
            vector=vector,
        )

    def ears(self, front: FrontMatter) -> Ears:
        """Return who hears the answer: the run's readers."""
        opening, live = opening_of(front), self._live
        return Ears(
            on_route=self._routed,
            on_delta=lambda delta: live.append(delta if live.text else opening + delta),
            on_restart=live.restart,
            on_thinking=live.think if self._claim.options.think else ignore_thinking,
            on_usage=self._tally.usages.append,
            on_wait=self._tally.wait,
            on_queue=self._tally.stand,
        )

    def done(self, answer: Answer) -> Done[Said]:
        """Return what an answer brought. Raises AnswerEmpty rather than return nothing that anybody could see."""
        thinking = (answer.thinking or self._live.thought) if self._claim.options.think else ""
        said = Said(self._live.text, answer.finish_reason, thinking)
        if is_blank(said.text):
            raise AnswerEmpty("the model asks for tools, and was given none", node=answer.route.node)
        return Done(said, (answer.usage,), answer.degraded)

    def _routed(self, route: Route) -> None:
        self._tally.go_on()
        self._live.routed(route)


def opening_of(front: FrontMatter) -> str:
    """Return what stands before the model's first words."""
    return f"{front.opening}\n\n" if front.opening else ""
