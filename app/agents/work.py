"""All that a step of a team may do: ask models, call tools, search, answer, wait for a person, fan out, hand over."""

from collections.abc import Coroutine, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, overload

import msgspec
from langgraph.types import Command

from app.agents.answering import FURTHER
from app.agents.asking import Question
from app.agents.calling import done_of, messages_of
from app.agents.citing import back, cite_extracts
from app.agents.likening import Likeness, Numbers, Weigh
from app.agents.means import Means
from app.agents.prompts import Prompt
from app.agents.quoting import Quoted
from app.agents.reply import Reply, Said
from app.agents.searching import DOCUMENT_SEARCH, SearchTool
from app.agents.structures import read_structure, repair_of, schema_of, unmet
from app.agents.support_policy import AnsweredBy, SupportPolicy
from app.agents.together import together
from app.agents.tools import Tool
from app.agents.values import Answered, Claim, Request, Turn
from app.degradation import Degradation
from app.inference.words.tiers import Tier
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.passages import Passage

A = TypeVar("A")
R = TypeVar("R")
T = TypeVar("T")

NO_VALUES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt at a run, as LangGraph hands it to each step (`runtime.context`).

    All that it does is an effect: done once in the run, however often the run is tried. A step that is run again is
    given the results of what it did before, so it must ask for the same again: a step depends on its state and on what
    it is given here, on no clock, no chance and no other store.
    """

    claim: Claim
    turns: tuple[Turn, ...]
    """The conversation so far, oldest first."""
    prompts: Mapping[str, Prompt]
    means: Means
    summary: str = ""
    """What stands for the conversation before `turns`."""

    @property
    def question(self) -> str:
        """What the run was asked."""
        return self.claim.question

    @property
    def context(self) -> Mapping[str, str]:
        """What came beside the question: `customer_id`, `policy_number`, ..."""
        return self.claim.context

    @property
    def asked_at(self) -> datetime:
        """When the run was accepted: the one clock that a step may read."""
        return self.claim.asked_at

    @property
    def degraded(self) -> Set[Degradation]:
        """What the run has had to do without so far."""
        return self.means.tally.lacked

    def tier(self) -> Tier:
        """Return the tier that the answer to the question will get, where its prompt says none."""
        return self.means.asking.tier(len(self.turns))

    async def ask(
        self,
        agent: str,
        prompt: str,
        values: Mapping[str, str] = NO_VALUES,
        *,
        question: str | None = None,
        turns: Sequence[Turn] = (),
    ) -> str:
        """Return a model's answer to `question` (None: the run's own), which no reader sees."""
        asked, means = self._asked(agent, prompt, values, question, turns), self.means
        messages = asked.messages
        effect = await means.effects.begin(f"{self._path()}/ask", (messages, None), str)
        if effect.result is not None:
            return effect.result
        answer = await means.dispatcher.chat(means.asking.call(asked, messages), **means.asking.ears)
        return await means.effects.keep(effect, done_of(answer))

    async def ask_for(
        self,
        agent: str,
        prompt: str,
        values: Mapping[str, str],
        result_type: type[T],
        *,
        question: str | None = None,
        turns: Sequence[Turn] = (),
    ) -> T:
        """Return a model's answer as a `result_type` (a `msgspec.Struct`), which no reader sees.

        The node holds the model to its JSON schema. What does not fit all the same is asked for once more. Raises
        StructureUnmet then.
        """
        asked, means = self._asked(agent, prompt, values, question, turns), self.means
        path, messages, schema = self._path(), asked.messages, schema_of(result_type)
        mistake: msgspec.ValidationError | None = None
        for what in ("ask_for", "repair"):
            effect = await means.effects.begin(f"{path}/{what}", (messages, schema), str)
            text = effect.result
            if text is None:
                answer = await means.dispatcher.chat(means.asking.call(asked, messages, schema), **means.asking.ears)
                text = await means.effects.keep(effect, done_of(answer))
            try:
                return read_structure(text, result_type)
            except msgspec.ValidationError as error:
                messages, mistake = repair_of(messages, text, str(error)), error
        raise unmet(agent, result_type, mistake) from mistake

    async def use(self, tool: Tool[A, R], arguments: A, *, agent: str) -> R:
        """Return what a tool brings to an agent. Raises ToolRefused, and ToolFailed where it takes too long."""
        return await self.means.using.use(f"{self._path()}/use", agent, tool, arguments)

    @property
    def further(self) -> int:
        """How many passages more than a model is shown are worth searching for."""
        return FURTHER if self.means.answering.is_small(self.tier()) else 0

    async def search(
        self,
        question: str,
        *,
        limit: int,
        filters: DocumentFilter = EVERYTHING,
        tool: SearchTool = DOCUMENT_SEARCH,
    ) -> tuple[Passage, ...]:
        """Return up to `limit` passages of the tenant's documents that `filters` mean.

        None, and `degraded`, where a part is away, also in the tries that the `tool` makes further. Raises ToolRefused
        where the tenant's runs may not use a team's own `tool`.
        """
        path = f"{self._path()}/retrieve"
        return await self.means.searching.passages(path, question, limit=limit, filters=filters, tool=tool)

    async def likest(self, exemplars: Mapping[str, Sequence[str]], *, question: str | None = None) -> Likeness:
        """Return which group of exemplars `question` (None: the run's own) is likest to, by the meaning of the words.

        Whoever asks decides from which score on that is enough. Nothing is likest where no embedding is to be had.
        """
        asked = self.question if question is None else question
        return await self.means.likening.likest(f"{self._path()}/likest", asked, exemplars)

    async def weigh(self, name: str, question: str, texts: Sequence[str], weigh: Weigh) -> Mapping[str, Numbers]:
        """Return what the learned weights called `name` say of the meaning of each of a question's texts.

        A run keeps what they said first, also when others of that name are shipped. Of none where nobody embeds.
        """
        return await self.means.likening.weigh(f"{self._path()}/weigh", name, question, texts, weigh)

    def acting(self, agent: str) -> AbstractAsyncContextManager[None]:
        """Return a block in which an agent is at work beside the one that replies: it is measured, and told of."""
        return self.means.executions.of(agent)

    async def answer(
        self,
        agent: str,
        prompt: str,
        values: Mapping[str, str] = NO_VALUES,
        *,
        passages: Sequence[Passage] = (),
        further: Sequence[Passage] = (),
        entries: bool = False,
        support_policy: SupportPolicy | None = None,
        before: str = "",
    ) -> Reply:
        """Stream the answer to the run's question to its readers, and return it with the passages that it rests on.

        The prompt shows the `passages`; `further` ones are read only for words that answer by themselves, and `before`
        is what the question leans on. Of `entries`, each written as an answer, one that plainly answers does so alone.
        What becomes of sentences without support is what the caller says, else `support_policy`, else the settings.
        A second answer replaces the first. Its commit waits for the next effect or the run's end. Raises AnswerEmpty.
        """
        means, front, text = self.means, self.prompts[prompt].front, self.prompts[prompt].fill(values)
        messages, vector = messages_of(text, self.turns, self.question, self.summary), means.searching.vector
        every = (*passages, *further)
        is_asked = (every and entries) or (passages and means.answering.has_small_tiers)
        tier = (front.tier or self.tier()) if is_asked else None
        plain = await means.answering.extract(self._path(), every, tier, entries=entries, before=before)
        if plain is not None:
            async with means.answering.speaking:
                means.answering.say(plain.text)
            return _quoted(agent, every, plain)
        gate = means.answering.gate(passages, tier, support_policy)
        async with means.answering.speaking:
            effect = await means.effects.begin(f"{self._path()}/answer", (messages, self.claim.options), Said)
            said = effect.result
            if said is None:
                means.answering.drop_others()
                call = means.answering.call(agent, messages, front, self.turns, vector)
                answer = await means.dispatcher.chat(call, **means.answering.ears(front, gate))
                said = await means.effects.keep(effect, means.answering.finish(answer, gate, passages, tier), last=True)
            means.answering.said.append(said.text)
        return self._replied(agent, said, passages)

    async def interrupt(self, request: Request) -> Answered:
        """Return a person's answer. The run waits for it, in no process, for days if need be.

        The step is run again from its beginning then; what it did before is not done again.
        """
        return self.means.interrupting.ask(f"{self._path()}/interrupt", request)

    @overload
    async def together(self, first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, R], /) -> tuple[A, R]: ...

    @overload
    async def together(self, *branches: Coroutine[Any, Any, T]) -> tuple[T, ...]: ...

    async def together(self, *branches: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
        """Do several things at the same time and return what they bring, in their order.

        The first that fails ends the others. Not for two that answer: readers see one text.
        """
        path = self.means.effects.number(f"{self._path()}/together")
        return await together(path, branches)

    @staticmethod
    def hand_to(step: str, **update: object) -> Command[str]:
        """Return what a step returns to hand the run to another one, with an update of the state."""
        return Command(goto=step, update=update)

    def _replied(self, agent: str, said: Said, passages: Sequence[Passage]) -> Reply:
        citations, support = back(passages, self.question, said.text)
        return Reply(
            agent,
            said.text,
            citations,
            finish_reason=said.finish_reason,
            thinking=said.thinking,
            support=support,
            answered_by=said.answered_by,
            withheld=said.withheld,
        )

    def _path(self) -> str:
        return self.means.path()

    def _asked(
        self, agent: str, prompt: str, values: Mapping[str, str], question: str | None, turns: Sequence[Turn]
    ) -> Question:
        return Question(agent, self.prompts[prompt], values, self.question if question is None else question, turns)


def _quoted(agent: str, passages: Sequence[Passage], quoted: Quoted) -> Reply:
    citations, support = cite_extracts(passages, quoted)
    return Reply(agent, quoted.text, citations, support=support, answered_by=AnsweredBy.EXTRACT)
