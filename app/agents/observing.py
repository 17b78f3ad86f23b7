"""What the log and the metrics are told of a run that has ended."""

import structlog

from app.agents.assistant.modes import CHOSEN_BY, FIELD, Mode, ModeBy
from app.agents.life import FINAL_STATES, RunState
from app.agents.support_policy import AnsweredBy
from app.agents.values import Claim, RunResult
from app.errors import DeadlineExceeded
from app.inference.words.route import Route
from app.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

MODES, MODES_BY = frozenset(Mode), frozenset(ModeBy)
OUTCOMES: tuple[str, ...] = (*sorted(state.value for state in FINAL_STATES), DeadlineExceeded.code)
"""How `switchyard_runs_total` tells ends apart: the final states, and the caller's own deadline, where none failed."""


def outcome_of(result: RunResult) -> str:
    """Return the outcome that a run counts as."""
    return DeadlineExceeded.code if result.error_code == DeadlineExceeded.code else result.state.value


def observe(
    metrics: Metrics, claim: Claim, result: RunResult, route: Route | None, *, took_s: float, reused: int
) -> None:
    """Count and log an end; `reused` effects were there from earlier attempts."""
    tier = "none" if route is None else route.tier.value
    agent = result.agent_used or claim.team
    metrics.agent_invocations.labels(agent).inc()
    metrics.agent_execution_duration.labels(agent, tier).observe(took_s)
    metrics.runs.labels(claim.team, outcome_of(result)).inc()
    _observe_mode(metrics, result)
    for reason in result.degraded:
        metrics.degraded.labels(reason.value).inc()
    if result.support or result.answered_by is not AnsweredBy.MODEL:
        metrics.answers_said.labels(result.answered_by.value).inc()
    if result.withheld:
        metrics.answer_sentences_withheld.inc(result.withheld)
    for sentence in result.support:
        metrics.answer_sentences.labels(sentence.supported.value).inc()
    if route is not None:
        metrics.agent_token_usage.labels(agent, route.model).observe(result.input_tokens + result.output_tokens)
    # A caller who cancels, or whose deadline passes, is no fault of an agent.
    if result.error_code not in {None, DeadlineExceeded.code} and result.state is not RunState.CANCELLED:
        metrics.agent_errors.labels(agent, result.error_code).inc()
    log.info(
        "run.finished",
        outcome=result.state,
        error_code=result.error_code,
        reason=result.error_facts.get("reason"),
        finish_reason=result.finish_reason,
        tier=tier,
        node=None if route is None else route.node,
        model=None if route is None else route.model,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        gpu_seconds=result.gpu_seconds,
        cost_usd=result.cost_usd,
        effects_reused=reused,
        took_ms=round(took_s * 1000),
    )


def _observe_mode(metrics: Metrics, result: RunResult) -> None:
    mode, by = result.details.get(FIELD), result.details.get(CHOSEN_BY)
    if mode in MODES and by in MODES_BY:
        metrics.answers_by_mode.labels(mode, by).inc()
