"""The answers of one run, streamed to its readers: each gone on with where an earlier attempt broke off."""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec

from app.agents.calling import Calling
from app.agents.comparing import Comparing
from app.agents.effects import Done
from app.agents.gate import Gate
from app.agents.leaning import points_back
from app.agents.prompts import FrontMatter
from app.agents.quoting import Quoted, compose, parts_of
from app.agents.reply import Said
from app.agents.support_policy import ADMITTED, AnsweredBy, SupportPolicy
from app.agents.values import Turn
from app.errors import AnswerEmpty
from app.inference.calls.chat_attempt import Ears, ignore_thinking
from app.inference.words.ends import is_blank
from app.inference.words.records import Answer, ChatCall, Message, Vector
from app.inference.words.route import Route
from app.inference.words.tiers import Tier
from app.retrieval.passages import Passage
from app.retrieval.support.asked import read_question
from app.retrieval.support.checking import Checker
from app.retrieval.support.entries import Entries
from app.retrieval.support.extracting import Extract, Extracting, extract, speaks_to

CHARACTERS_PER_TOKEN = 4
"""A rough mean for English text, only used to count what is already answered against the answer's limit."""
MIN_TOKENS_LEFT = 16
FURTHER = 6
"""So many passages more than a model is shown are read for words that answer by themselves."""


class Answering:
    """How answers are made.

    What an earlier attempt already showed of one is continued where the model can, else said anew after a `restart`; so
    is what another answer of this run showed. What the prompt opens with stands before the model's first words, and is
    no words of the model's.
    """

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._claim, self._live, self._tally = calling.claim, calling.live, calling.tally
        self._comparing = Comparing(calling)
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

    def ears(self, front: FrontMatter, gate: Gate | None = None) -> Ears:
        """Return who hears the answer: the run's readers, through the gate if there is one."""
        opening, live = opening_of(front), self._live
        return Ears(
            on_route=self._routed,
            on_delta=gate.hear if gate else lambda delta: live.append(delta if live.text else opening + delta),
            on_restart=gate.restart if gate else live.restart,
            on_thinking=live.think if self._claim.options.think else ignore_thinking,
            on_usage=self._tally.usages.append,
            on_wait=self._tally.wait,
            on_queue=self._tally.stand,
        )

    @property
    def has_small_tiers(self) -> bool:
        """Whether the tier of a question matters to how it is answered."""
        return bool(self._calling.limits.extractive_tiers)

    def is_small(self, tier: Tier | None) -> bool:
        """Whether the models of a tier read so badly that a passage's own words answer before them.

        A request that wants sentences only marked wants the model's own words.
        """
        is_marked = self._claim.options.support_policy is SupportPolicy.MARKED
        return not is_marked and tier in self._calling.limits.extractive_tiers

    def gate(self, passages: Sequence[Passage], tier: Tier | None, least: SupportPolicy | None = None) -> Gate | None:
        """Return what keeps back the sentences that passages do not support; None where they are only marked.

        The caller says which it is, else the team (`least`), else the settings.
        """
        policy = self._claim.options.support_policy or least or self._calling.limits.support_policy
        if not passages or (policy is not SupportPolicy.SUPPORTED_ONLY and not self.is_small(tier)):
            return None
        examine = Checker(passages, self._claim.question).sentence
        if not self.is_small(tier):
            return Gate(self._live, examine)
        return Gate(self._live, examine, partial(speaks_to, read_question(self._claim.question)))

    async def extract(
        self,
        path: str,
        passages: Sequence[Passage],
        tier: Tier | None,
        *,
        entries: bool = False,
        before: str = "",
    ) -> Quoted | None:
        """Return the words of passages that answer by themselves, in a tier whose models need that.

        Of `entries` one that plainly is the answer comes first, whatever the tier. `before` is what was asked before,
        which the question leans on. One call for each question of the message embeds what may answer. Raises what the
        effects raise.
        """
        is_small = self.is_small(tier)
        if not passages or not (entries or is_small):
            return None
        if entries:
            whole = Entries(self._claim.question, passages)
            near = await self._comparing.near(path, self._claim.question, whole.worth_comparing())
            entry = whole.extract(near, is_read_well=tier is Tier.COMPLEX and not is_small)
            if entry is not None or not is_small:
                return None if entry is None else Quoted(entry.text, ((0, entry),))
        parts, found = parts_of(self._claim.question), list[Sequence[Extract]]()
        for part in parts:
            about = f"{before} {part.about}".strip()
            extracts = await self._extracts(path, passages, part.question, about)
            if not extracts and about and not points_back(part.question):
                extracts = await self._extracts(path, passages, part.question)
            found.append(extracts)
        return compose(parts, found)

    async def _extracts(
        self, path: str, passages: Sequence[Passage], question: str, about: str = ""
    ) -> Sequence[Extract]:
        reading = Extracting(question, passages, about)
        near = await self._comparing.near(path, f"{about} {question}".strip(), reading.worth_comparing())
        return reading.extracts(near)

    def say(self, text: str) -> None:
        """Show an answer that no model says, in place of what was shown of another."""
        self._live.begin()
        if not text.startswith(self._live.text):
            self._live.restart()
        self._live.append(text[len(self._live.text) :])

    def finish(self, answer: Answer, gate: Gate | None, passages: Sequence[Passage], tier: Tier | None) -> Done[Said]:
        """Return what an answer brought that went through a gate, if any; where nothing did, other words answer."""
        if gate is None:
            return self.done(answer)
        gate.close()
        if gate.is_open:
            return _with(self.done(answer), withheld=gate.withheld)
        # In a small tier no words of the passages did before the model was asked.
        found = None if self.is_small(tier) else extract(self._claim.question, passages)
        self.say(ADMITTED if found is None else found.text)
        by = AnsweredBy.ADMISSION if found is None else AnsweredBy.EXTRACT
        return _with(self.done(answer), withheld=gate.withheld, answered_by=by)

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


def _with(done: Done[Said], *, withheld: int, answered_by: AnsweredBy = AnsweredBy.MODEL) -> Done[Said]:
    said = msgspec.structs.replace(done.result, withheld=withheld, answered_by=answered_by)
    return msgspec.structs.replace(done, result=said)


def opening_of(front: FrontMatter) -> str:
    """Return what stands before the model's first words."""
    return f"{front.opening}\n\n" if front.opening else ""
