"""Which policy, customer and claim a conversation is about, as far as it says."""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from app.agents.insurance.records import PolicyKind
from app.agents.values import Turn

LONGEST = 20
"""Characters of a number, as the tables keep it."""

_POLICY = re.compile(r"\bPOL[-#\s]?(\d{3,17})\b", re.IGNORECASE)
_NAMED = re.compile(r"\bpolicy\s+(?:number|no\.?|#)\s*(?:is|:)?\s*([A-Z0-9][A-Z0-9-]{3,19})\b", re.IGNORECASE)
"""A number of another form than the seed's, where it is called one."""
_CLAIM = re.compile(r"\bCLM[-#\s]?(\d{3,15}(?:-\d{1,3})?)\b", re.IGNORECASE)
_CUSTOMER = re.compile(r"\bCUST[-#\s]?(\d{3,16})\b", re.IGNORECASE)
_KINDS = {
    PolicyKind.AUTO: re.compile(r"\b(?:auto|automobile|car|vehicle|truck)s?\b", re.IGNORECASE),
    PolicyKind.HOME: re.compile(r"\b(?:home|homeowners?|house)\b", re.IGNORECASE),
    PolicyKind.RENTERS: re.compile(r"\b(?:renters?|renter's|flat|apartment|contents)\b", re.IGNORECASE),
    PolicyKind.LIFE: re.compile(r"\blife\b", re.IGNORECASE),
}
_INSURED = re.compile(
    r"(?:'s|owners?|owner's)?[\s-]+(?:(?:is|are)\s+)?"
    r"(?:insurances?|insured|polic(?:y|ies)|premiums?|coverage|cover|deductible|plan)\b",
    re.IGNORECASE,
)
_INSURES = re.compile(r"\b(?:insurance|policy|premium|deductible)\s+(?:for|of|on)\s+(?:my|our|the)\s+\Z", re.IGNORECASE)


class Subject(msgspec.Struct, frozen=True):
    """What is known; None for what nobody said."""

    policy_number: str | None = None
    customer_id: str | None = None
    claim_id: str | None = None
    kinds: tuple[PolicyKind, ...] = ()
    """The kinds of policy that the question names."""
    insurance: tuple[PolicyKind, ...] = ()
    """Those of them that it calls an insurance: "my home policy", not "the car that stands at home"."""


def subject_of(question: str, turns: Sequence[Turn], context: Mapping[str, str]) -> Subject:
    """Return what the question says, else what its asker said last, else what came with it.

    The customer is the other way round: whom the application vouches for is nobody else, whatever is typed.
    """
    said = (question, *(turn.content for turn in reversed(turns) if turn.role == "user"))
    policies = (_policy_number(text) for text in said)
    # A policy that is named now is not asked about for the sake of a claim that was named before.
    is_new = _policy_number(question) is not None
    claims = (_prefixed("CLM", _CLAIM, text) for text in said[: 1 if is_new else None])
    customers = (_prefixed("CUST", _CUSTOMER, text) for text in said)
    # An application that vouches for nobody lets nobody be somebody by typing a number.
    vouches = "customer_id" in context
    return Subject(
        policy_number=_first(policies) or _given(context, "policy_number"),
        customer_id=(_given(context, "customer_id") or "") if vouches else _first(customers),
        claim_id=_first(claims) or (None if is_new else _given(context, "claim_id")),
        kinds=tuple(kind for kind, words in _KINDS.items() if words.search(question)),
        insurance=tuple(kind for kind, words in _KINDS.items() if _is_insurance(words, question)),
    )


def _is_insurance(words: re.Pattern[str], question: str) -> bool:
    return any(
        _INSURED.match(question, found.end()) or _INSURES.search(question[: found.start()])
        for found in words.finditer(question)
    )


def _policy_number(text: str) -> str | None:
    named = _NAMED.search(text)
    if (found := _prefixed("POL", _POLICY, text)) is not None or named is None:
        return found
    return named.group(1).upper() if any(letter.isdigit() for letter in named.group(1)) else None


def _prefixed(prefix: str, pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return None if found is None else f"{prefix}{found.group(1)}"


def _first(found: Iterator[str | None]) -> str | None:
    return next((one for one in found if one is not None), None)


def _given(context: Mapping[str, str], name: str) -> str | None:
    return context.get(name, "").strip()[:LONGEST] or None
