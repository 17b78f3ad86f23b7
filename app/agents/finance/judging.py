"""How good an answer is: grounded as far as its sentences are supported, relevant and complete as a rating says."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

import msgspec

from app.agents.finance.planning import Plan
from app.agents.finance.researching import Finding
from app.agents.reply import Reply
from app.retrieval.support.verdicts import Supported

STEPS = 4
"""A model rates from 0 to so many."""


class JudgedBy(StrEnum):
    """What rated relevance and completeness."""

    RULE = "rule"
    """What was asked for was counted, and what was found."""
    MODEL = "model"
    """A model read question and answer."""
    NOBODY = "nobody"
    """A model was asked and gave no rating."""


class Rating(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model says: how far an answer answers the question, and all of it."""

    relevance: Literal[0, 1, 2, 3, 4]
    completeness: Literal[0, 1, 2, 3, 4]


class Quality(msgspec.Struct, frozen=True):
    """From 0 to 1 each; None for what nobody could rate."""

    groundedness: float | None
    relevance: float | None
    completeness: float | None
    judged_by: JudgedBy


def groundedness(reply: Reply) -> float | None:
    """Return which share of the sentences that claim something is supported; None where none claims anything."""
    if not reply.support:
        return None
    supported = sum(one.supported is Supported.YES for one in reply.support)
    return round(supported / len(reply.support), 4)


def by_rule(reply: Reply, plan: Plan, findings: Sequence[Finding]) -> Quality | None:
    """Return the quality of an answer made of figures: what was asked for is told, as far as it was found.

    None where words are the answer.
    """
    if not plan.sought.has_figures or not any(finding.facts for finding in findings):
        return None
    asked = [*plan.sought.lines, *plan.sought.measures]
    wanted = sum(len(finding.part.periods) * len(asked) for finding in findings)
    found = sum(_found(finding, plan) for finding in findings)
    return Quality(groundedness(reply), 1.0, round(min(1.0, found / max(1, wanted)), 4), JudgedBy.RULE)


def _found(finding: Finding, plan: Plan) -> int:
    told = sum(figure.line in plan.sought.lines for figure in finding.figures)
    return told + len({(one.name, one.periods) for one, _ in finding.sums if len(one.periods) == 1})


def by_model(reply: Reply, rating: Rating | None) -> Quality:
    """Return the quality of an answer in words, as a model rated it, if it did."""
    if rating is None:
        return Quality(groundedness(reply), None, None, JudgedBy.NOBODY)
    return Quality(groundedness(reply), rating.relevance / STEPS, rating.completeness / STEPS, JudgedBy.MODEL)
