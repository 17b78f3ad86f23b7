"""What each specialist finds through its own tools, or what it lacks to find anything."""

import re
from typing import assert_never

import msgspec

from app.agents.insurance import tools
from app.agents.insurance.facts import (
    Fact,
    asks_for_list,
    asks_premium_alone,
    billing_facts,
    claim_facts,
    kind_facts,
    list_facts,
    policy_facts,
    premium_facts,
)
from app.agents.insurance.records import Policy, Premium
from app.agents.insurance.subject import Subject
from app.agents.insurance.tools import ClaimsAsked, CustomerAsked, Held, PolicyAsked
from app.agents.insurance.topics import Specialist
from app.agents.work import Work

CLARIFIES = "Please tell me the policy number, such as POL000004."
"""How every question to the user ends; what comes next is taken for the answer to it."""
LONGEST_CLARIFICATION = 300
"""Characters: a longer text answers, whatever it mentions."""
_ASKS_NUMBER = re.compile(
    r"\b(?:which (?:policy|claim|one)|(?:policy|claim|customer|its|the) number|number of (?:the|your) (?:policy"
    r"|claim))\b",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\?|\b(?:please|tell me|give me|need)\b", re.IGNORECASE)


class Finding(msgspec.Struct, frozen=True):
    """What was found; `lacks` asks the user for what was missing."""

    agent: str
    facts: tuple[Fact, ...] = ()
    lacks: str = ""


def clarifies(text: str) -> bool:
    """Whether an answer asks for a number: in our words, or in those of whoever led the conversation before."""
    if text.endswith(CLARIFIES):
        return True
    return len(text) <= LONGEST_CLARIFICATION and bool(_ASKS_NUMBER.search(text) and _ASKS.search(text))


async def look_up(work: Work, specialist: Specialist, asked: str, subject: Subject) -> Finding:
    """Return what a specialist finds for a question."""
    match specialist:
        case Specialist.POLICY:
            return await _policy(work, asked, subject)
        case Specialist.BILLING:
            return await _billing(work, asked, subject)
        case Specialist.CLAIMS:
            return await _claims(work, asked, subject)
        case Specialist.GENERAL | Specialist.PERSON:
            return Finding(specialist.value)
        case _:
            assert_never(specialist)


async def _policy(work: Work, asked: str, subject: Subject) -> Finding:
    agent = Specialist.POLICY.value
    if subject.policy_number is None:
        held = await _held(work, agent, subject)
        if held.policies and asks_for_list(asked):
            return Finding(agent, list_facts(held.policies, held.further))
        only = _only(held)
        return _lacking(agent, held) if only is None else Finding(agent, policy_facts(asked, only))
    found = await work.use(tools.POLICY_DETAILS, PolicyAsked(subject.policy_number, subject.customer_id), agent=agent)
    if not found.policies:
        return _unknown(agent, subject.policy_number)
    policy = found.policies[0]
    return Finding(agent, (*_kind_told(subject, policy.premium), *policy_facts(asked, policy)))


async def _billing(work: Work, asked: str, subject: Subject) -> Finding:
    agent = Specialist.BILLING.value
    policy_number = subject.policy_number
    if policy_number is None:
        held = await _held(work, agent, subject)
        only = _only(held)
        if only is None:
            return _lacking(agent, held)
        policy_number = only.policy_number
    wanted = PolicyAsked(policy_number, subject.customer_id)
    if asks_premium_alone(asked):
        found = await work.use(tools.PREMIUM, wanted, agent=agent)
        if not found.premiums:
            return _unknown(agent, policy_number)
        premium = found.premiums[0]
        return Finding(agent, (*_kind_told(subject, premium), *premium_facts(premium)))
    billing = await work.use(tools.BILLING, wanted, agent=agent)
    if billing.policy is None:
        return _unknown(agent, policy_number)
    facts = billing_facts(asked, billing, billing.policy)
    return Finding(agent, (*_kind_told(subject, billing.policy.premium), *facts))


async def _claims(work: Work, asked: str, subject: Subject) -> Finding:
    agent = Specialist.CLAIMS.value
    policy_number = subject.policy_number
    if subject.claim_id is None and policy_number is None:
        held = await _held(work, agent, subject)
        only = _only(held)
        if only is None:
            return _lacking(agent, held)
        policy_number = only.policy_number
    wanted = ClaimsAsked(subject.claim_id, policy_number, subject.customer_id)
    found = await work.use(tools.CLAIM_STATUS, wanted, agent=agent)
    if not found.is_policy_known:
        return _unknown(agent, subject.claim_id or policy_number or "")
    return Finding(agent, claim_facts(asked, found, policy_number or ""))


def _kind_told(subject: Subject, of: Premium) -> tuple[Fact, ...]:
    return kind_facts(subject.insurance, of.policy_number, of.kind)


async def _held(work: Work, agent: str, subject: Subject) -> Held:
    """Return the customer's policies of the kinds that the question names; none without a customer."""
    if subject.customer_id is None:
        return Held(())
    found = await work.use(tools.CUSTOMER_POLICIES, CustomerAsked(subject.customer_id), agent=agent)
    return Held(tuple(one for one in found.policies if not subject.kinds or one.kind in subject.kinds), found.further)


def _only(held: Held) -> Policy | None:
    """Return the one policy that it can be; None where others were not read, and may be it too."""
    return held.policies[0] if len(held.policies) == 1 and not held.further else None


def _lacking(agent: str, held: Held) -> Finding:
    listed = ", ".join(f"{one.policy_number} ({one.kind})" for one in held.policies)
    return Finding(agent, lacks=f"Which policy is it about{f': {listed}' if listed else ''}? {CLARIFIES}")


def _unknown(agent: str, named: str) -> Finding:
    return Finding(agent, lacks=f"I find no {named} among your records. {CLARIFIES}")
