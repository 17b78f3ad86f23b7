"""Whom a question may go to, what chooses, and the few words that choose by themselves."""

import re
from enum import StrEnum

import msgspec


class Specialist(StrEnum):
    """An agent of the insurance team that a question may go to."""

    POLICY = "policy_agent"
    """What a policy covers, whom, and until when."""
    BILLING = "billing_agent"
    """Premiums, bills and payments."""
    CLAIMS = "claims_agent"
    """Where a claim for a loss stands."""
    GENERAL = "general_help_agent"
    """How insurance works, from the tenant's documents."""
    PERSON = "human_escalation"
    """A person decides, or calls."""


ROW_READERS = (Specialist.CLAIMS, Specialist.BILLING, Specialist.POLICY)
"""Those who look into rows: several of them can answer one message."""


class ChosenBy(StrEnum):
    """What chose the specialist."""

    RULE = "rule"
    """The question's words."""
    EXEMPLAR = "exemplar"
    """The questions that it is like."""
    MODEL = "model"
    """A model, since neither could."""
    DEFAULT = "default"
    """Nobody could: general help takes it."""


class Choice(msgspec.Struct, frozen=True):
    """Whom a question goes to, and why; nobody yet when that is not sure."""

    specialists: tuple[Specialist, ...] = ()
    by: ChosenBy = ChosenBy.DEFAULT


_ONE = r"(?:a|an|the|some|your|my)? ?(?:real |live |actual |human )*"
_WHO = (
    r"(?:human(?: being| agent)?|person|people|someone|somebody|agent|representative|manager|supervisor|adviser|advisor"
    r"|colleague|boss|operator)"
)
_TALK = r"(?:speak|talk)(?: (?:to|with))"
_WANTS = re.compile(
    rf"\b(?:(?:let|lemme|want|need|like|prefer|wish|demand|insist|can|could|may|please)\b[^.?!]{{0,25}}\b{_TALK} {_ONE}"
    rf"{_WHO}\b|(?:get|give|bring|find|gimme)(?: me)? {_ONE}{_WHO}\b"
    rf"|(?:connect|transfer|put|patch|pass)(?: me)?(?: (?:through|over|on))? (?:to|with) {_ONE}{_WHO}\b)",
    re.IGNORECASE,
)
_CALL_ME = re.compile(
    r"\b(?:(?:call|ring|phone) (?:me|us) back|(?:somebody|someone)\b[^.?!]{0,20}\b(?:call|ring|phone) (?:me|us)\b"
    r"|be called back)",
    re.IGNORECASE,
)
_COMPLAINS = re.compile(
    r"\b(?:want|wish|need|like|going) to (?:make|file|lodge|register|raise) (?:a|my) (?:formal )?complaint\b",
    re.IGNORECASE,
)
_ASKS_HOW = re.compile(r"\b(?:how|when|what|which|where|why|if)\b", re.IGNORECASE)
_CALLS = re.compile(
    r"\b(?:(?:call|ring|phone|telephone)(?:s|ing)? (?:to )?(?:me|us|her|him|my)|(?:a|phone|quick) (?:call|ring|bell)"
    r"|call ?backs?|(?:called|rung|phoned) back|call)\b",
    re.IGNORECASE,
)
_AGREES = re.compile(r"\s*(?:yes|yeah|yep|sure|ok|okay|please|do so|go ahead)\b[^?]{0,40}$", re.IGNORECASE)


def wants_person(question: str) -> bool:
    """Whether the words ask for a person, a call, or to have a complaint taken, and can mean nothing else.

    Who asks how, when or what about people is told that.
    """
    found = _WANTS.search(question) or _CALL_ME.search(question)
    if found is None and _COMPLAINS.search(question):
        return not _ASKS_HOW.search(question)
    return found is not None and not _ASKS_HOW.search(question[: found.end()])


def wants_call(question: str) -> bool:
    """Whether what is asked of a person is a call: nobody waits for that."""
    return bool(_CALLS.search(question))


def agrees(text: str) -> bool:
    """Whether a text says yes to what was asked before it."""
    return bool(_AGREES.match(text))
