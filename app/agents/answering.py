"""The answers of one run, streamed to its readers: each an effect, gone on with where an earlier attempt broke off."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from app.agents.calling import Calling, messages_of
from app.agents.effects import Done
from app.agents.prompts import FrontMatter, Prompt
from app.agents.reply import Said
from app.agents.values import Turn
from app.errors import AnswerEmpty
from app.inference.calls.chat_attempt import ignore_thinking
from app.inference.words.ends import is_blank
from app.inference.words.records import Answer, Message, Vector
from app.inference.words.route import Route

CHARACTERS_PER_TOKEN = 4
"""A rough mean for English text, only used to count what is already answered against the answer's limit."""
MIN_TOKENS_LEFT = 16


class Answering:
    """Streams answers. Raises what the dispatcher and the effects raise."""

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._claim, self._live, self._tally = calling.claim, calling.live, calling.tally
        self._speaking = asyncio.Lock()
        self._said: list[str] = []

    async def answer(
        self,
        path: str,
        agent: str,
        prompt: Prompt,
        values: Mapping[str, str],
        turns: Sequence[Turn],
        vector: Vector | None,
    ) -> Said:
        """Stream the answer to the run's question and return all of it.

        Its commit waits for the next effect, or the end of the run.
        What an earlier attempt already showed of it is continued where the model can, else said anew after a `restart`;
        so is what another answer of this run showed. What the prompt opens with stands before the model's first words,
        and is no words of the model's. Raises AnswerEmpty rather than return nothing that anybody could see.
        """
        messages = messages_of(prompt.fill(values), turns, self._claim.question)

        async def act() -> Done[Said]:
            self._drop_others()
            answer = await self._chat(agent, messages, prompt.front, len(turns), vector)
            thinking = (answer.thinking or self._live.thought) if self._claim.options.think else ""
            said = Said(self._live.text, answer.finish_reason, thinking)
            if is_blank(said.text):
                raise AnswerEmpty("the model asks for tools, and was given none", node=answer.route.node)
            return Done(said, (answer.usage,), answer.degraded)

        async with self._speaking:
            said = await self._calling.effects.once(path, (messages, self._claim.options), act, Said, last=True)
        self._said.append(said.text)
        return said

    def _drop_others(self) -> None:
        """Drop what readers have of an answer before this one; the log of an attempt may lack the end of that."""
        if any(text.startswith(self._live.text) for text in self._said):
            self._live.restart()

    async def _chat(
        self, agent: str, messages: tuple[Message, ...], front: FrontMatter, turns: int, vector: Vector | None
    ) -> Answer:
        opening = f"{front.opening}\n\n" if front.opening else ""
        options, shown = self._claim.options, self._live.text.removeprefix(opening)
        limit = options.max_tokens or self._calling.limits.max_output_tokens
        spent = len(shown) // CHARACTERS_PER_TOKEN + (self._tally.thought_tokens if shown else 0)
        call = msgspec.structs.replace(
            self._calling.call(messages, question=self._claim.question, agent=agent, front=front, turns=turns),
            max_tokens=limit,
            session_tier=self._claim.session_tier,
            last_node=self._claim.session_node,
            prefix=shown,
            prefix_tokens=min(spent, max(0, limit - MIN_TOKENS_LEFT)),
            think=options.think,
            vector=vector,
        )
        return await self._calling.dispatcher.chat(
            call,
            on_route=self._routed,
            on_delta=lambda delta: self._live.append(delta if self._live.text else opening + delta),
            on_restart=self._live.restart,
            on_thinking=self._live.think if options.think else ignore_thinking,
            on_usage=self._tally.usages.append,
            on_wait=self._tally.wait,
            on_queue=self._tally.stand,
        )

    def _routed(self, route: Route) -> None:
        self._tally.go_on()
        self._live.routed(route)
