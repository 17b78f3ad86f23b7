"""What rows say in sentences: as many as the question asks for, with the words that an answer must keep."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TypeAlias

import msgspec

from app.agents.insurance.money import dollars
from app.agents.insurance.records import BillState, ClaimState, Policy, PolicyKind, PolicyState, Premium
from app.agents.insurance.rows import MOST_POLICIES
from app.agents.insurance.tools import Billing, Claims

SHOWN = 3
"""So many payments or claims are told, the newest, with how many there are."""


class Fact(msgspec.Struct, frozen=True):
    """A sentence, and what of it stands word for word in every answer.

    What facts `about` one thing keep is told together; "" where a fact is the only one on its own.
    """

    text: str
    keeps: tuple[str, ...] = ()
    about: str = ""


Says: TypeAlias = Callable[[Policy], Iterable[Fact]]


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_PREMIUM = _words(r"premiums?|costs?|price|how much|rate")
_UNPAID = _words(r"due|owe|owed|balance|overdue|unpaid|outstanding|open|next bill|bills?|invoices?")
_LIST = _words(r"(?:which|what|my|list|all|how many)\b.{0,12} policies|my policies")
_LOSS = _words(r"loss(?:es)?|damages?|how (?:much|large|big|high)|amount|sum|worth")
_DAY = _words(r"when|dates?|which day|what day|since|how long")
_FILED = _words(r"filed?|reported?|sent|submitted|handed in|since|waiting")
_PAYMENTS = _words(r"paid|payments?|history|last (?:bill|payment)s?|settled|received?|arrived?|transfers?")
_UNSURE = _words(r"how much|how many|when|dates?|which day|what day|sum|worth|much|money|settled|received?")
"""May ask for any amount, or day, that there is."""


def day(on: date) -> str:
    """Return a day as people write it, such as `November 7, 2026`."""
    return f"{on:%B} {on.day}, {on.year}"


def asks_premium_alone(question: str) -> bool:
    """Return whether a question on bills asks for the premium and for nothing else."""
    return bool(_PREMIUM.search(question)) and not (_UNPAID.search(question) or _PAYMENTS.search(question))


def premium_facts(premium: Premium) -> tuple[Fact, ...]:
    """Return what a policy costs."""
    amount = dollars(premium.premium_usd_micro)
    return (
        Fact(f"Your {premium.kind} insurance premium is {amount}.", (amount,)),
        Fact(f"It is billed {premium.billed} under policy {premium.policy_number}."),
    )


def _cut(what: str, count: int, shown: int) -> Iterable[Fact]:
    """Tell that a list is not the whole."""
    if count > shown:
        yield Fact(f"There are {count} {what}; these are the newest {shown}.", (str(count),))


def billing_facts(question: str, billing: Billing, policy: Policy) -> tuple[Fact, ...]:
    """Return what a question on bills asks for; all where no word, or a vague one, tells what. See `policy_facts`."""
    parts: tuple[tuple[re.Pattern[str], tuple[Fact, ...]], ...] = (
        (_PREMIUM, premium_facts(policy.premium)),
        (_UNPAID, tuple(_unpaid(policy, billing))),
        (_PAYMENTS, tuple(_paid(policy, billing))),
    )
    told = tuple(fact for words, facts in parts if words.search(question) for fact in facts)
    if told and not _UNSURE.search(question):
        return told
    return (*told, *(fact for words, facts in parts if not words.search(question) for fact in facts))


def _unpaid(policy: Policy, billing: Billing) -> Iterable[Fact]:
    unpaid = [bill for bill in billing.bills if bill.is_unpaid]
    yield from _cut("unpaid bills", len(unpaid) + billing.further_unpaid, len(unpaid))
    if not unpaid:
        yield Fact(f"No bill of policy {policy.policy_number} is unpaid.", ("unpaid",))
    for bill in unpaid:
        amount, due = dollars(bill.amount_usd_micro), day(bill.due_on)
        tense = "was" if bill.state is BillState.OVERDUE else "is"
        yield Fact(f"Bill {bill.bill_id} of {amount} is {bill.state}; it {tense} due on {due}.", (amount, due))


def _paid(policy: Policy, billing: Billing) -> Iterable[Fact]:
    known = [(bill, bill.paid_on) for bill in billing.bills if bill.paid_on is not None]
    paid = known[:SHOWN]
    yield from _cut("payments", len(known) + billing.further_payments, len(paid))
    if not paid:
        yield Fact(f"No payment for policy {policy.policy_number} is on record.", ("payment",))
    for bill, paid_on in paid:
        amount, on = dollars(bill.amount_usd_micro), day(paid_on)
        yield Fact(f"You paid {amount} on {on}, for the bill that was due on {day(bill.due_on)}.", (amount, on))


def _covers(policy: Policy) -> Iterable[Fact]:
    amount = dollars(policy.coverage_usd_micro)
    yield Fact(f"Your {policy.kind} policy {policy.policy_number} covers up to {amount}.", (amount,))


def _deducts(policy: Policy) -> Iterable[Fact]:
    amount = dollars(policy.deductible_usd_micro)
    yield Fact(f"The deductible of policy {policy.policy_number} is {amount}.", (amount,))


def _insures(policy: Policy) -> Iterable[Fact]:
    yield Fact(f"Policy {policy.policy_number} insures {policy.insured}.", (policy.insured,))


def _runs(policy: Policy) -> Iterable[Fact]:
    starts, ends = day(policy.starts_on), day(policy.ends_on)
    yield Fact(f"Policy {policy.policy_number} runs from {starts} to {ends}.", (starts, ends))


def _stands(policy: Policy) -> Iterable[Fact]:
    yield Fact(f"Your {policy.kind} policy {policy.policy_number} is {policy.state}.", (policy.state.value,))


_ASPECTS: tuple[tuple[re.Pattern[str], Says], ...] = (
    (_words(r"active|lapsed?|cancel(?:l?ed)?|terminated|in force|status|state"), _stands),
    (_words(r"coverages?|covers?|covered|limit|up to|at most|maximum|what sum|sum insured"), _covers),
    (_words(r"deductibles?|excess|own share|out of (?:my|our)? ?pocket"), _deducts),
    (_words(r"insures?|vehicle|which (?:car|house|home|flat)|what car|address|whom|whose"), _insures),
    (_words(r"renew|renews|renewals?|expires?|expiry|expired|ends?|starts?|began|begins?|until|valid|runs?"), _runs),
    (_words(r"since when|since what|how long"), _runs),
)


def policy_facts(question: str, policy: Policy) -> tuple[Fact, ...]:
    """Return what a question on a policy asks for; all that it says where no word, or a vague one, tells what."""
    asked = dict.fromkeys(says for words, says in _ASPECTS if words.search(question))
    others = dict.fromkeys(says for _, says in _ASPECTS if says not in asked)
    told = tuple(fact for says in asked for fact in says(policy))
    if told and not _UNSURE.search(question):
        return told
    return (*told, *(fact for says in others for fact in says(policy)))


def asks_for_list(question: str) -> bool:
    """Return whether a question asks which policies there are."""
    return bool(_LIST.search(question))


def kind_facts(question_kinds: Sequence[PolicyKind], policy_number: str, kind: PolicyKind) -> tuple[Fact, ...]:
    """Return that a policy is of another kind than the insurance that a question names; nothing where it is of it."""
    if not question_kinds or kind in question_kinds:
        return ()
    others = " or ".join(_one(other) for other in question_kinds)
    return (Fact(f"Policy {policy_number} is {_one(kind)} policy, not {others} policy.", (f"{kind} policy",)),)


def _one(kind: PolicyKind) -> str:
    return f"an {kind}" if kind is PolicyKind.AUTO else f"a {kind}"


def list_facts(policies: Sequence[Policy], further: int = 0) -> tuple[Fact, ...]:
    """Return which policies a customer has; `further` ones were not read."""
    count = MOST_POLICIES + further
    said = f"You have {count} policies; these are among the first {MOST_POLICIES} by number."
    return (*((Fact(said, (str(count),)),) if further else ()), *_listed(policies))


def _listed(policies: Sequence[Policy]) -> tuple[Fact, ...]:
    return tuple(
        Fact(f"Policy {one.policy_number} is your {one.kind} policy; it is {one.state}.", _kept_of(one))
        for one in policies
    )


def _kept_of(policy: Policy) -> tuple[str, ...]:
    state = () if policy.state is PolicyState.ACTIVE else (policy.state.value,)
    return (policy.policy_number, policy.kind.value, *state)


def _asked_day(question: str, happened: str, filed: str) -> tuple[str, ...]:
    if not _DAY.search(question):
        return ()
    return (filed,) if _FILED.search(question) else (happened,)


def claim_facts(question: str, found: Claims, policy_number: str) -> tuple[Fact, ...]:
    """Return where the newest claims stand; what the question asks of them beside that is kept word for word."""
    told = list(_cut("claims", len(found.claims) + found.further, min(SHOWN, len(found.claims))))
    for claim in found.claims[:SHOWN]:
        state = claim.state.replace("_", " ")
        loss, happened, filed = dollars(claim.loss_usd_micro), day(claim.happened_on), day(claim.filed_on)
        said = f"Claim {claim.claim_id} for {claim.incident} is {state}."
        about = claim.claim_id
        told.append(Fact(said, (about, state), about))
        said = f"It happened on {happened}, was filed on {filed}, with a loss of {loss}."
        asked = (*_asked_day(question, happened, filed), *((loss,) if _LOSS.search(question) else ()))
        told.append(Fact(said, asked, about))
        if claim.state is ClaimState.PAID and claim.paid_usd_micro is not None:
            amount = dollars(claim.paid_usd_micro)
            told.append(Fact(f"It was paid with {amount}.", (amount,), about))
    return tuple(told) or (Fact(f"There is no claim on policy {policy_number}.", ("claim",)),)
