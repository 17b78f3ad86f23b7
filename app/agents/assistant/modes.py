"""In which mode a question is answered: by its words where they are sure, else nobody can tell so cheaply."""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from app.agents.questions import questions_of
from app.agents.small_talk import is_small_talk
from app.errors import BadInput


class Mode(StrEnum):
    """How the assistant answers."""

    GUIDE = "guide"
    """A question about the assistant itself: a section of the guide that it is shipped with."""
    DIRECT = "direct"
    """A model answers by itself: nothing was to be looked up, or nothing was found."""
    RAG = "rag"
    """From passages that a search found for the question."""
    CACHED_CONTEXT = "cached_context"
    """From the tenant's policies, all of them, which stand first in the prompt and stay read on a node."""
    HYBRID = "hybrid"
    """From the policies, and passages found for each part of the question."""

    @property
    def agent(self) -> str:
        """The name of the agent that answers in it."""
        return f"{self.value}_agent"


class ModeBy(StrEnum):
    """What chose the mode."""

    CALLER = "caller"
    """The request's `context` named it."""
    RULE = "rule"
    """The question's words."""
    EXEMPLAR = "exemplar"
    """A question that it is like."""
    PASSAGES = "passages"
    """What a search found first: it is of the policies."""
    DEFAULT = "default"
    """Nothing told: passages are searched for."""


class Way(msgspec.Struct, frozen=True):
    """How a question is to be answered; `may_read` says whether a passage of the policies may have them answer.

    With `else_guide` the guide answers where no passage does.
    """

    mode: Mode
    by: ModeBy
    may_read: bool = True
    else_guide: bool = False


FIELD = "mode"
"""The name in a request's context under which a caller says the mode."""
CHOSEN_BY = "chosen_by"
"""The name in an answer's details under which it says what chose the mode."""
MOST_GUIDE_WORDS = 14
"""A longer question is about something beside the assistant."""


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_ITSELF = r"(?:you|this (?:assistant|chat|chatbot|bot|tool|system|app|service|product|platform)|switchyard)"
_GUIDE = re.compile(
    rf"\b(?:what|which things) (?:all )?(?:can|do|could|will) {_ITSELF} (?:do|help(?: me)?(?: with)?"
    r"|offer|answer)\b(?! (?:for|if|when))"
    r"|\A\W*who are you\b(?! (?:talking|speaking|selling|working))"
    rf"|\b(?:who|what) (?:are you|is (?:this (?:assistant|chat|bot)|switchyard))(?: for)?\s*[?.!]*\s*\Z"
    rf"|\bhow (?:do|does|can|should) (?:i|we|one) (?:use|talk to|work with|ask) {_ITSELF}\b"
    rf"|\bhow (?:do|does) {_ITSELF} (?:work|answer)\b"
    r"|\b(?:what|which) (?:kinds? of |sorts? of )?questions (?:can|may|could) (?:i|we) ask(?: you| here| this)?"
    r"\s*[?.!]*\s*\Z"
    r"|\b(?:which|what) (?:kinds? of |types? of )?(?:files?|documents?|formats?|file types?) (?:can|do) you"
    r" (?:read|take|accept|understand|support)\b"
    r"|\b(?:where|how) do your answers come from\b|\bwhere do you (?:get|take) (?:your|the) (?:answers?|facts?)\b"
    r"|\A\s*(?:help|guide|instructions|usage)\s*[?.!]*\s*\Z",
    re.IGNORECASE,
)
_MAYBE_GUIDE = re.compile(
    rf"\b{_ITSELF}\b|\b(?:yours?|yourself|here|upload|conversations?|chats?|chatbot|assistant|language model"
    r"|(?:what|anything) I (?:say|said|write|wrote|type|ask)|the answers?|my (?:questions?|documents?|files?))\b",
    re.IGNORECASE,
)
_PLEASE = r"\A\W*(?:please |kindly |can you |could you )*"
_CREATE = re.compile(
    rf"{_PLEASE}(?:(?:write|compose|make up|tell|give|sing|invent)(?: me| us)? (?:a|an|another|some) (?:\w+ ){{0,2}}"
    r"(?:poem|haiku|limerick|joke|story|song|riddle|rhyme|slogan|tale)\b"
    r"|(?:translate|paraphrase|rephrase|proofread)\b)",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"\A\W*(?:what(?: is|'s)|calculate|compute|how much is)\s+[-+]?[\d.,]+"
    r"(?:\s*(?:[-+*/x\u00d7\u00f7%^]|plus|minus|times|divided by)\s*[-+]?[\d.,]+)+\s*[?=.]*\s*\Z",
    re.IGNORECASE,
)
_MAYBE_DIRECT = re.compile(
    rf"{_PLEASE}(?:write|compose|draft|rewrite|reword|imagine|brainstorm|invent|convert|suggest|recommend)\b",
    re.IGNORECASE,
)
_OF_DOCUMENTS = _words(
    r"documents?|files?|handbooks?|manuals?|reports?|contracts?|passages?|according to|pages?|policy|policies"
)
_POLICY = _words(
    r"polic(?:y|ies)|allowed to|permitted|forbidden|prohibited|against the rules|(?:house|company|our|your) rules?"
    r"|rules for|entitled to|code of conduct|terms (?:of|and)|guidelines?"
)
_COMPARES = _words(
    r"compare[ds]?|comparison|difference between|differences?|versus|vs|as well as|on the one hand|trade-?offs?"
    r"|pros and cons"
)


def is_complex(question: str) -> bool:
    """Whether a question asks for several things at once."""
    return bool(questions_of(question)) or _COMPARES.search(question) is not None


def by_caller(context: Mapping[str, str]) -> Mode | None:
    """Return the mode that a request names. Raises BadInput for one that there is not."""
    named = context.get(FIELD)
    if named is None:
        return None
    try:
        return Mode(named)
    except ValueError as error:
        modes = ", ".join(mode.value for mode in Mode)
        raise BadInput(f"there is no such mode; there are {modes}", field=f"context.{FIELD}") from error


def by_rule(question: str) -> Way | None:
    """Return the way that the question's words are sure of; None where they only hint at another than a search."""
    if is_small_talk(question):
        return Way(Mode.DIRECT, ModeBy.RULE)
    is_short = len(question.split()) <= MOST_GUIDE_WORDS
    if is_short and _GUIDE.search(question):
        return Way(Mode.GUIDE, ModeBy.RULE)
    of_documents = _OF_DOCUMENTS.search(question) is not None
    if _SUM.search(question) or (_CREATE.search(question) and not of_documents):
        return Way(Mode.DIRECT, ModeBy.RULE)
    if _POLICY.search(question):
        return about_policies(question, ModeBy.RULE)
    if is_complex(question):
        return Way(Mode.HYBRID, ModeBy.RULE)
    hints = (is_short and _MAYBE_GUIDE.search(question)) or (_MAYBE_DIRECT.search(question) and not of_documents)
    return None if hints else Way(Mode.RAG, ModeBy.RULE)


def about_policies(question: str, by: ModeBy) -> Way:
    """Return the way of a question about the tenant's rules."""
    return Way(Mode.HYBRID if is_complex(question) else Mode.CACHED_CONTEXT, by)
