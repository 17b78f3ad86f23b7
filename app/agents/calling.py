"""What the model calls of one attempt at a run have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from app.agents.deadline import Deadline
from app.agents.effects import Done, Effects
from app.agents.live import LiveRun
from app.agents.prompts import FrontMatter
from app.agents.reference import tokenless
from app.agents.support_policy import SupportPolicy
from app.agents.tally import Tally
from app.agents.values import Claim, Turn
from app.inference.calls.dispatcher import Dispatcher
from app.inference.words.account import Purpose
from app.inference.words.records import Answer, ChatCall, Message
from app.inference.words.tiers import Tier

SUM_UP = "What have we said so far? Sum it up; it is for reference only."
"""The words before a summary: roles take turns in a prompt."""


class CallLimits(msgspec.Struct, frozen=True):
    """Defaults of a run's calls."""

    max_output_tokens: int
    temperature: float
    support_policy: SupportPolicy = SupportPolicy.MARKED
    extractive_tiers: frozenset[Tier] = frozenset()
    """Of which a plain fact is answered in a passage's own words, and an answer has supported sentences only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """What every chat of an attempt is made with."""

    claim: Claim
    live: LiveRun
    effects: Effects
    dispatcher: Dispatcher
    limits: CallLimits
    deadline: Deadline
    tally: Tally

    def call(
        self, messages: tuple[Message, ...], *, question: str, agent: str, front: FrontMatter, turns: int
    ) -> ChatCall:
        """Return a call that is paid, queued and bounded as the run says; its tier is that of `front`, if it has one.

        `turns` of the conversation stand in `messages`.
        """
        options, limits = self.claim.options, self.limits
        return ChatCall(
            messages=messages,
            question=question,
            agent=agent,
            max_tokens=limits.max_output_tokens,
            temperature=limits.temperature if options.temperature is None else options.temperature,
            tier=front.tier,
            turns=turns,
            history=turns,
            seed=options.seed,
            account=self.claim.account(Purpose.CHAT),
            priority=options.priority,
            patience_s=self.deadline.left_s,
            contract=options.contract,
            team=self.claim.team,
        )


def messages_of(system: str, turns: Sequence[Turn], question: str, summary: str = "") -> tuple[Message, ...]:
    """Return the messages of a call: what the model is, what was said before, what is asked now.

    A summary of what was said before the turns stands before them, as words of the assistant's.
    """
    return (
        Message("system", system),
        *((Message("user", SUM_UP), Message("assistant", tokenless(summary))) if summary else ()),
        *(_said(turn) for turn in turns),
        Message("user", question),
    )


def _said(turn: Turn) -> Message:
    # An answer may have the words of a document.
    return Message("assistant", tokenless(turn.content)) if turn.role == "assistant" else Message("user", turn.content)


def done_of(answer: Answer) -> Done[str]:
    """Return what a call brought whose text nobody but the team reads."""
    return Done(answer.text, (answer.usage,), answer.degraded)
