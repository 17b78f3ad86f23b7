"""What a team's calls bring, and what it answers in the end."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from app.agents.evidence import Citation, SentenceSupport
from app.agents.run_failure import RunFailure
from app.agents.support_policy import AnsweredBy
from app.errors import AnswerEmpty, RunFailed
from app.inference.words.ends import FinishReason, is_blank
from app.retrieval.passages import Passage


class Found(msgspec.Struct, frozen=True):
    """The result of a search; `degraded` when there was nobody to ask, `refusal` why it was not made."""

    passages: tuple[Passage, ...]
    degraded: bool = False
    refusal: str | UnsetType = UNSET


class Said(msgspec.Struct, frozen=True):
    """The result of an answer: all of its text, why the model stopped, and what it thought before."""

    text: str
    finish_reason: FinishReason
    thinking: str = ""
    withheld: int = 0
    """How many sentences were kept back."""
    answered_by: AnsweredBy = AnsweredBy.MODEL


class Reply(msgspec.Struct, frozen=True):
    """What a team answers: state of its graph, so that it is there in every attempt.

    `finish_reason` and `thinking` are the model's, None and "" for words that no model said.
    """

    agent: str
    text: str
    citations: tuple[Citation, ...] = ()
    requires_clarification: bool = False
    finish_reason: FinishReason | None = None
    thinking: str = ""
    support: tuple[SentenceSupport, ...] = ()
    answered_by: AnsweredBy = AnsweredBy.MODEL
    withheld: int = 0
    details: dict[str, Any] = {}
    """What was found, in a form of the team's own: plain values, as JSON has them."""


def reply_of(state: dict[str, object]) -> Reply:
    """Return the reply that a graph ended with. Raises RunFailed, and AnswerEmpty: no turn without text is stored."""
    reply = state.get("reply")
    if not isinstance(reply, Reply):
        raise RunFailed("the team left no reply", reason=RunFailure.NO_REPLY)
    if is_blank(reply.text):
        raise AnswerEmpty("the team left a reply without text")
    return reply
