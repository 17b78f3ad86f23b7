"""How a worker asks the model that judges: as a call that nobody waits for, paid by the installation."""

from collections.abc import Mapping, Sequence

import msgspec

from app.agents.prompts import Prompt
from app.evaluation.judge import MOST_TOKENS, PROMPTS, SCHEMA, AskJudge, Criterion, Heard, Judge, Saying
from app.evaluation.judgement_rows import JudgementRows
from app.evaluation.judging import Judging
from app.evaluation.plan import Plan
from app.inference.calls.dispatcher import Dispatcher
from app.inference.calls.usage_book import UsageBook
from app.inference.opening import Inference
from app.inference.words.account import Account, Purpose
from app.inference.words.messages import Message
from app.inference.words.priority import Priority
from app.inference.words.records import ChatCall
from app.inference.words.route import Route
from app.postgres import Database
from app.settings import Settings, split_list
from app.telemetry.metrics import Metrics

AGENT = "judge"


def open_judging(
    settings: Settings, database: Database, inference: Inference, prompts: Mapping[str, Prompt], metrics: Metrics
) -> Judging:
    """Return what judges the runs of an installation."""
    ask = asks(inference.dispatcher, inference.book, prompts)
    judge = Judge({name: prompts[name].fill for name in PROMPTS}, ask)
    return Judging(JudgementRows(database), judge, plan_of(settings), metrics)


def plan_of(settings: Settings) -> Plan:
    """Return what the settings say of judging."""
    return Plan(
        share_percent=settings.judge_share,
        per_hour=settings.judge_per_hour,
        hours=settings.judge_hours,
        exempt=tuple(split_list(settings.judge_exempt or "")),
    )


def asks(dispatcher: Dispatcher, book: UsageBook, prompts: Mapping[str, Prompt]) -> AskJudge:
    """Return what asks the model of a prompt's tier.

    The tenant did not ask for a judgement, so its usage is without a tenant: the installation pays.
    """

    async def ask(criterion: Criterion, said: Sequence[Saying]) -> Heard:
        call = ChatCall(
            messages=tuple(map(_message, said)),
            question=criterion.value,
            agent=AGENT,
            account=Account(purpose=Purpose.JUDGE),
            max_tokens=MOST_TOKENS,
            temperature=0.0,
            tier=prompts[f"judge/{criterion}"].front.tier,
            priority=Priority.BATCH,
            think=False,
            response_schema=msgspec.Raw(SCHEMA),
        )
        answer = await dispatcher.chat(
            call, on_route=_ignore_route, on_delta=_ignore_text, on_restart=_ignore, on_usage=book.take
        )
        return Heard(answer.text, answer.usage.model, answer.usage.digest)

    return ask


def _message(one: Saying) -> Message:
    return Message("assistant" if one.role == "assistant" else "user", one.content)


def _ignore_route(_route: Route) -> None:
    """Take note of nothing."""


def _ignore_text(_text: str) -> None:
    """Take a piece of a verdict that is read when it is whole."""


def _ignore() -> None:
    """Take note of nothing."""
