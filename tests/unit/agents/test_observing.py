"""What is counted of a run that has ended."""

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.agents.evidence import SentenceSupport
from app.agents.life import RunState
from app.agents.observing import observe
from app.agents.values import RunResult
from app.inference.words.ends import FinishReason
from app.retrieval.support.verdicts import Supported
from app.telemetry.metrics import Metrics
from tests.fakes.runner import ROUTE
from tests.fakes.runs import CLAIM

ENDED = RunResult(
    run_id=CLAIM.run_id, session_id=CLAIM.session_id, state=RunState.FAILED, input_tokens=30, output_tokens=12
)


@pytest.mark.parametrize(
    ("state", "code", "outcome", "errors"),
    [
        (RunState.DONE, None, "done", None),
        (RunState.FAILED, "node_failed", "failed", 1.0),
        (RunState.DEAD, "run_failed", "dead", 1.0),
        # The caller's own deadline, and a caller who cancels, are no fault of an agent.
        (RunState.FAILED, "deadline_exceeded", "deadline_exceeded", None),
        (RunState.CANCELLED, "cancelled", "cancelled", None),
    ],
)
def test_an_end_is_counted_once_by_how_it_came(
    state: RunState, code: str | None, outcome: str, errors: float | None
) -> None:
    registry = CollectorRegistry()
    result = msgspec.structs.replace(ENDED, state=state, error_code=code)
    observe(Metrics(registry), CLAIM, result, ROUTE, took_s=1.5, reused=0)
    ended = [
        (sample.labels["outcome"], sample.value)
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "switchyard_runs_total"
    ]
    assert ended == [(outcome, 1.0)]
    labels = {"agent_name": "assistant", "error_type": code or ""}
    assert registry.get_sample_value("agent_errors_total", labels) == errors
    tokens = {"agent_name": "assistant", "model": ROUTE.model}
    assert registry.get_sample_value("agent_token_usage_sum", tokens) == 42


def test_each_sentence_that_was_checked_is_counted_by_what_was_found() -> None:
    registry = CollectorRegistry()
    found = tuple(SentenceSupport(0, 9, one) for one in (Supported.YES, Supported.NO, Supported.NO))
    observe(Metrics(registry), CLAIM, msgspec.structs.replace(ENDED, support=found), ROUTE, took_s=1.5, reused=0)
    counted = {
        word: registry.get_sample_value("switchyard_answer_sentences_total", {"supported": word})
        for word in ("yes", "no")
    }
    assert counted == {"yes": 1, "no": 2}


@pytest.mark.parametrize("reason", [FinishReason.STOP, FinishReason.LENGTH])
def test_the_line_of_an_end_says_why_the_model_stopped(reason: FinishReason) -> None:
    result = msgspec.structs.replace(ENDED, state=RunState.DONE, finish_reason=reason)
    with capture_logs() as lines:
        observe(Metrics(CollectorRegistry()), CLAIM, result, ROUTE, took_s=1.5, reused=0)
    assert [(line["event"], line["finish_reason"], line["reason"], line["took_ms"]) for line in lines] == [
        ("run.finished", reason, None, 1500)
    ]


def test_the_line_of_a_run_that_failed_by_itself_says_why() -> None:
    result = msgspec.structs.replace(ENDED, error_code="run_failed", error_facts={"reason": "run_diverged"})
    with capture_logs() as lines:
        observe(Metrics(CollectorRegistry()), CLAIM, result, None, took_s=1.5, reused=0)
    assert [(line["error_code"], line["reason"]) for line in lines] == [("run_failed", "run_diverged")]
