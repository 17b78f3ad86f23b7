"""Which specialist a question is for: by its words, by what it is like, or nobody can tell so cheaply."""

import re
from collections.abc import Collection
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


class ChosenBy(StrEnum):
    """What chose the specialist."""

    RULE = "rule"
    """The question's words."""
    EXEMPLAR = "exemplar"
    """A question that it is like."""
    MODEL = "model"
    """A model, since neither could."""
    DEFAULT = "default"
    """Nobody could: general help takes it."""


class Choice(msgspec.Struct, frozen=True):
    """Whom a question goes to, and why; nobody yet when neither words nor exemplars tell."""

    specialists: tuple[Specialist, ...] = ()
    by: ChosenBy = ChosenBy.DEFAULT


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_PERSON = _words(
    r"(?:speak|talk|connect(?: me)?|transfer(?: me)?|put me through|escalate)\b.{0,40}\b(?:human|person|someone"
    r"|somebody|agent|representative|manager|supervisor|colleague|adviser|advisor)|real person|human being|a human"
    r"|complain|complaint|lawyer|ombudsman|escalate"
)
CALLBACK = _words(r"(?:call|ring|phone) me|call[- ]?back|called back")
_HOW = _words(
    r"how (?:do|can|should|would|does|long does|is) (?:i|you|we|one|it|a|an|the)|what (?:is|are) (?:an?|the difference)"
    r"|what does .{1,40} mean|difference between|explain|what happens (?:if|when)|tips"
)
"""Asks how something is done or what a word means, also where it says `my`."""
_STRONG = {
    Specialist.CLAIMS: _words(r"claims?|clm\d+(?:-\d+)?"),
    Specialist.BILLING: _words(
        r"premiums?|bills?|billed|billing|invoices?|owe|owed|balance|overdue|unpaid|outstanding|instal?lments?"
    ),
    Specialist.POLICY: _words(
        r"coverages?|deductibles?|insured|renewals?|renew|renews|expires?|expiry|expired|lapsed|policy details"
        r"|which policies|what policies|my policies|list .{0,20}policies"
    ),
}
_WEAK = {
    Specialist.BILLING: _words(r"pay|pays|paid|paying|payments?|due|costs?|charged?|charges|how much|price"),
    Specialist.POLICY: _words(
        r"policy|policies|cover|covers|covered|active|cancelled|limit|end|ends|start|starts|began"
    ),
}
_EXEMPLARS = {
    Specialist.POLICY: (
        "is my windscreen included in the contract",
        "who is named on my contract as a driver",
        "does my insurance include theft of my bicycle",
        "until when does my insurance run",
    ),
    Specialist.BILLING: (
        "when does the money leave my account",
        "why did you take more money this month",
        "what do you take from my account every month",
        "did my last transfer arrive",
    ),
    Specialist.CLAIMS: (
        "has anybody looked at my accident report yet",
        "when do i get the money for my broken window",
        "what became of the damage that i reported",
        "is the damage to my car settled",
    ),
    Specialist.GENERAL: (
        "what are your opening hours",
        "where is your office",
        "what kinds of insurance do you offer",
        "what do i need for a quote",
        "thank you for your help",
    ),
}
_NOTHING_SAID = (
    "a an and are at be do does did for from has have i in is it my me of on or our so that the this to was what when"
    " where which who why will with you your"
)
LIKE = 0.5
"""From so much overlap on, a question is like an exemplar."""
AHEAD = 0.15
"""By so much it must be liker than one of another specialist."""


def choose(question: str) -> Choice:
    """Return the choice that words or exemplars make; of nobody when they make none."""
    if _PERSON.search(question) or CALLBACK.search(question):
        return Choice((Specialist.PERSON,), ChosenBy.RULE)
    named = [one for one, words in _STRONG.items() if words.search(question)]
    named = named or [one for one, words in _WEAK.items() if words.search(question)]
    if named:
        is_general = _HOW.search(question) is not None
        return Choice((Specialist.GENERAL,) if is_general else tuple(named), ChosenBy.RULE)
    return _likest(question)


def _likest(question: str) -> Choice:
    asked = _stems(question)
    scores = {one: max(_overlap(asked, _stems(text)) for text in texts) for one, texts in _EXEMPLARS.items()}
    best, second = sorted(scores, key=lambda one: scores[one], reverse=True)[:2]
    if scores[best] < LIKE or scores[best] - scores[second] < AHEAD:
        return Choice()
    return Choice((best,), ChosenBy.EXEMPLAR)


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:5] for word in re.findall(r"[a-z]+", text.lower()) if word not in _NOTHING_SAID.split())


def _overlap(one: Collection[str], other: Collection[str]) -> float:
    """Return Dice's coefficient: 1 for the same words, 0 for none in common."""
    return 2 * len(set(one) & set(other)) / (len(one) + len(other)) if one and other else 0.0
