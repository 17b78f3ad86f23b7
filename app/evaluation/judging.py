"""Judges runs that ended, a sample of them, when nobody waits for the models."""

from enum import StrEnum

import structlog

from app.errors import Refused, Unavailable
from app.evaluation.judge import NOTHING_SAID, Case, Criterion, Judge, JudgeInterrupted, Judgement, JudgeUnclear
from app.evaluation.judgement_rows import Answered, Claimed, JudgementRows
from app.evaluation.plan import Plan
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

UNCLEAR = "judge_unclear"


class Quality(StrEnum):
    """What `response_quality_score` is of."""

    GROUNDEDNESS = "groundedness"
    """The share of an answer's sentences that its passages say, as it was found when it answered."""
    GROUNDEDNESS_JUDGED = "groundedness_judged"
    """The judge's view of the same."""
    RELEVANCE = "relevance"
    """Whether it is about what was asked, as the judge sees it."""
    COMPLETENESS = "completeness"
    """Whether it covers all that was asked, as the judge sees it."""


_OF = {
    Criterion.GROUNDEDNESS: Quality.GROUNDEDNESS_JUDGED,
    Criterion.RELEVANCE: Quality.RELEVANCE,
    Criterion.COMPLETENESS: Quality.COMPLETENESS,
}


class Judging:
    """What a worker does again and again: claims a run, has it judged, keeps and counts what is said.

    No connection is held meanwhile, and no text of a run is logged.
    """

    def __init__(self, rows: JudgementRows, judge: Judge, plan: Plan, metrics: Metrics) -> None:
        self._rows = rows
        self._judge = judge
        self._plan = plan
        self._metrics = metrics

    async def turn(self) -> bool:
        """Judge one run, as far as may be now; whether there was one.

        Raises StoreUnavailable, and Unavailable when no model answers.
        """
        if not self._plan.is_due():
            return False
        claimed = await self._rows.claim(self._plan)
        if claimed is None:
            return False
        found = await self._rows.read(claimed)
        if found is None:
            # Erased since: the claim has gone with it.
            return False
        try:
            await self._judged(claimed, *found)
        except Unavailable:
            await self._rows.give_back(claimed)
            raise
        except JudgeInterrupted:
            await self._rows.give_back(claimed)
            log.info("run.judged_later", run_id=str(claimed.run_id))
        return True

    async def _may_ask(self) -> bool:
        return self._plan.is_due() and await self._rows.is_free(self._plan)

    async def _judged(self, claimed: Claimed, question: str, answered: Answered) -> None:
        case = Case(
            question=question,
            answer=answered.message,
            passages=tuple(one.quote for one in answered.citations if one.quote),
        )
        said, error_code = None, None
        try:
            said = await self._judge.judge(case, self._may_ask)
        except JudgeUnclear:
            error_code = UNCLEAR
        except Refused as refused:
            # It will not be judged another time either: too long for the model, or no such model.
            error_code = refused.code
        grounded = answered.groundedness
        if not await self._rows.fill(claimed, grounded, said, self._judge.digest, error_code):
            return
        self._count(grounded, said)
        log.info("run.judged", run_id=str(claimed.run_id), model=None if said is None else said.model, error=error_code)

    def _count(self, grounded: float | None, said: Judgement | None) -> None:
        if grounded is not None:
            self._metrics.response_quality.labels(Quality.GROUNDEDNESS.value).observe(grounded)
        for criterion, score in (NOTHING_SAID if said is None else said.scores).items():
            self._metrics.response_quality.labels(_OF[criterion].value).observe(score)
