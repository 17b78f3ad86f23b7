"""Which specialist a question is for, by its words; or nobody can tell so cheaply."""

import re
from difflib import get_close_matches
from enum import StrEnum

import msgspec

from app.agents.questions import clauses


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
    r"|(?:get|give|want|need|bring|find)(?: me)? (?:a|an|some|the) (?:real |live |actual )?(?:human|person|agent"
    r"|representative|manager|supervisor|adviser|advisor)"
    r"|complain|complaint|lawyer|ombudsman|escalate"
)
CALLBACK = _words(r"(?:call|ring|phone) me|call[- ]?back|called back")
_HOW = _words(
    r"how (?:do|can|should|would|does|long does|is) (?:i|you|we|one|it|a|an|the)|what (?:is|are) (?:an?|the difference)"
    r"|what does .{1,40} mean|difference between|explain|what happens (?:if|when)|tips"
)
"""Asks how something is done or what a word means, also where it says `my`."""
_IN_GENERAL = _words(
    r"do you (?:accept|take|offer|sell|insure|provide|give|have an?|charge a|allow)|(?:something"
    r"|anything) (?:that )?you"
    r" (?:insure|cover|offer)|which (?:cards?|means|methods?|papers|documents|forms?)|(?:is|are) there (?:a |an |any )?"
    r"(?:fees?|penalt(?:y|ies)|discounts?|charges?|deadlines?|limits?)|grace period|at any time|(?:what"
    r"|which) (?:\w+ )?"
    r"(?:do|would) you need|what (?:can|must|should|do) (?:i|we) (?:do|need|bring|send)|whom (?:do|should) (?:i|we)"
    r"|when (?:should|must|do) (?:i|we) (?:tell|inform|report|notify|let you)|where (?:do|can|should) (?:i"
    r"|we) (?:find|get"
    r"|send|download|print|see|go)|(?:am|are|'re|'m) moving|new address|(?:add|put|include) (?:\w+ ){1,3}(?:to|on|onto)"
    r" (?:my|our|the)|appeal|object to|disagree|(?:don't|do not) agree|dispute|discounts?|opening hours|usually"
    r"|normally"
    r"|typically|in general|if (?:i|we|somebody|someone|you|one)\b.{0,40}\b(?:late|behind|miss(?:ed)?|forget|forgot"
    r"|don't pay|do not pay|stop paying)"
)
"""Asks about insurance, not about rows of one's own."""
_STRONG = {
    Specialist.CLAIMS: _words(r"claims?|clm\d+(?:-\d+)?"),
    Specialist.BILLING: _words(
        r"premiums?|bills?|billed|billing|invoices?|owe|owed|balance|overdue|unpaid|outstanding|instal?lments?|arrears"
        r"|behind (?:on|with)|(?:set|sets|setting) (?:me|us) back|payments?"
        r"|what (?:do|did|does|will) (?:\S+ ){1,4}(?:pay|cost)"
    ),
    Specialist.POLICY: _words(
        r"coverages?|cover|covers|covered|deductibles?|excess|insured|insures?|renewals?|renew|renews|expires?|expiry"
        r"|expired|lapsed?|dropped|terminated|in force|policy details|which policies|what policies|my policies"
        r"|list .{0,20}policies|on file|own share|(?:carry|bear|pay) (?:it |that |this )?(?:my|our)sel(?:f|ves)"
        r"|(?:my|our) own pocket|runs? out|which (?:car|vehicle|house|home|flat|address|thing)s? (?:is|are|do|does"
        r"|did)|(?:did|has|have|was|were|is|been) (?:\w+ ){0,3}cancel(?:l?ed)?|until when"
    ),
}
_EVENTS = (
    r"(?:damaged?|damages|hail|storms?|thefts?|stolen|stole|burglar(?:y|ies|ed)|burgled|broke into|broken into"
    r"|break-?in"
    r"|robbed|robbery|fires?|burnt|burned|flood(?:ed|ing)?|accidents?|crash(?:ed)?|collisions?|collided|hit"
    r"|injur(?:y|ed|ies)"
    r"|hospital|operation|surgery|ill|illness|sick|broken|broke|leak(?:ed|ing)?|came off|came down|fell|loss(?:es)?)"
)
_EVENT = _words(_EVENTS)
_OUTCOME = _words(
    r"looked at|decid(?:e|ed|ing)|decision|approv(?:e|ed)|accept(?:ed)?|den(?:y|ied)|refus(?:e|ed)|reject(?:ed)?"
    r"|settl(?:e|ed)|paid|pay|pays|paying|pay(?:ed)? out|pay-?out|money|cent|cheque|check|reimburs\w*|refund\w*"
    r"|what became|heard|happening|happened|status|sent (?:you|it|in)|told you|reported|report|asked you|working on"
    r"|records?"
    r"|case|progress|how far|waiting|which day|what (?:day|date)|get (?:any|it|something) back|compensat\w*"
)
_WHAT_ABOUT = _words(rf"(?:what|how) about (?:the|my|our) (?:\w+ )?{_EVENTS}")
_SUPPOSED = _words(r"if|would|in case|suppose|were to|should (?:my|i|we|our)")
"""Of a loss that has not come about."""
_MONEY_MOVES = _words(
    r"(?:get|got|receive|received|have|want|need) (?:my|our) money|(?:my|our|the) money (?:\w+ ){0,2}(?:reach|arrive"
    r"|come|leave|get)"
)
"""A payment, where nothing has happened that money would be for."""
_WEAK = {
    Specialist.BILLING: _words(r"pay|pays|paid|paying|due|costs?|charged?|charges|how much|price|money"),
    Specialist.POLICY: _words(
        r"policy|policies|active|cancelled|limit|sum|end|ends|start|starts|began|whose|which (?:car|vehicle|house|home"
        r"|flat|address)"
    ),
}
_WORD = re.compile(r"[a-z]{4,}", re.IGNORECASE)
_OFTEN_MISTYPED = ("claim", "claims", "deductible", "premium", "coverage", "invoice", "renewal")
MISTYPED = 0.88
"""From so much of `difflib`'s ratio on, a word is taken for a known one: a letter that is missing, doubled or wrong."""


def choose(question: str) -> Choice:
    """Return the choice that the question's sure words make; of nobody when they make none."""
    if _PERSON.search(question) or CALLBACK.search(question):
        return Choice((Specialist.PERSON,), ChosenBy.RULE)
    question = corrected(question)
    named = named_in(question)
    if _IN_GENERAL.search(question) or (_HOW.search(question) and (named or weak(question))):
        return Choice((Specialist.GENERAL,), ChosenBy.RULE)
    return Choice(named, ChosenBy.RULE) if named else Choice()


def named_in(question: str) -> tuple[Specialist, ...]:
    """Return those whose own words stand in the question: each of its parts may have another's."""
    found = {one for part in clauses(question) for one in strong(part)}
    if not found and is_of_loss(question):
        found = {Specialist.CLAIMS}
    elif not found and _MONEY_MOVES.search(question):
        found = {Specialist.BILLING}
    return tuple(one for one in _STRONG if one in found)


def strong(part: str) -> tuple[Specialist, ...]:
    """Return those whose own words stand in one part of a question."""
    if is_of_loss(part) or _WHAT_ABOUT.search(part):
        # What was paid, insured or looked at is then the loss.
        return (Specialist.CLAIMS,)
    return tuple(one for one, words in _STRONG.items() if words.search(part))


def is_of_loss(text: str) -> bool:
    """Whether a text says that something happened, and asks what came of it."""
    return bool(_EVENT.search(text) and _OUTCOME.search(text)) and not _SUPPOSED.search(text)


def weak(question: str) -> tuple[Specialist, ...]:
    """Return those whose words may be meant."""
    return tuple(one for one, words in _WEAK.items() if words.search(question))


def corrected(question: str) -> str:
    """Return the question with mistyped words of insurance as they are spelt."""

    def correct(word: re.Match[str]) -> str:
        near = get_close_matches(word.group().lower(), _OFTEN_MISTYPED, n=1, cutoff=MISTYPED)
        return near[0] if near else word.group()

    return _WORD.sub(correct, question)
