"""The closed sets of words that headers, rows, logs and metrics carry."""

import ast
import inspect
from collections.abc import Mapping
from enum import StrEnum
from types import ModuleType

from app import breaker, causes, degradation, ids, loop_names, sqlstates, webhook_client
from app.agents import events, feedback, life, run_failure, support_policy, values
from app.agents.assistant import modes
from app.agents.finance import filings, judging, planning, sought
from app.agents.insurance import records as insurance
from app.agents.insurance import topics
from app.agents.scheduler import records as scheduler
from app.agents.scheduler import said as scheduler_said
from app.agents.scheduler import tools as scheduler_tools
from app.api import jobs, operations, task_shapes
from app.api.direct import dialects, fields
from app.evaluation import judge, marks
from app.evaluation import judging as run_judging
from app.inference import accuracy
from app.inference import operating as node_operating
from app.inference.calls import continuation, embedding_cache, usage_book
from app.inference.fleet import model_problems, node_rows, overlap, views
from app.inference.slots import lanes
from app.inference.warmth import advice, warming
from app.inference.words import (
    abilities,
    account,
    contract,
    ends,
    failures,
    overload,
    priority,
    records,
    route,
    thinking,
    tiers,
)
from app.jobs import states as job_states
from app.retrieval import cold, search, states
from app.retrieval.editions import edition
from app.retrieval.evaluation import measures
from app.retrieval.support import verdicts
from app.webhooks import rows as webhook_rows
from ops.docs.markdown import code, page, table

SETS: tuple[tuple[ModuleType, str], ...] = (
    (tiers, "Tier"),
    (tiers, "TierReason"),
    (route, "Reason"),
    (route, "Exclusion"),
    (route, "Withheld"),
    (accuracy, "Part"),
    (accuracy, "Loading"),
    (contract, "Term"),
    (abilities, "Ability"),
    (views, "NodeState"),
    (overlap, "SlotNotice"),
    (node_operating, "Wanted"),
    (node_rows, "Applied"),
    (model_problems, "ModelFault"),
    (advice, "Advice"),
    (advice, "Why"),
    (warming, "Warmed"),
    (causes, "Cause"),
    (breaker, "BreakerState"),
    (failures, "Failure"),
    (failures, "Blame"),
    (continuation, "Continuation"),
    (records, "CallKind"),
    (records, "Outcome"),
    (account, "Purpose"),
    (usage_book, "Loss"),
    (embedding_cache, "LookedUp"),
    (ends, "FinishReason"),
    (thinking, "ThinkLevel"),
    (life, "RunState"),
    (life, "Move"),
    (run_failure, "RunFailure"),
    (events, "EventKind"),
    (task_shapes, "TaskStatus"),
    (webhook_rows, "DeliveryState"),
    (webhook_client, "Lapse"),
    (values, "WaitReason"),
    (values, "RequestKind"),
    (feedback, "Rating"),
    (values, "OnDisconnect"),
    (topics, "Specialist"),
    (topics, "ChosenBy"),
    (modes, "Mode"),
    (modes, "ModeBy"),
    (planning, "PlannedBy"),
    (sought, "Aim"),
    (filings, "FilingForm"),
    (judging, "JudgedBy"),
    (insurance, "PolicyKind"),
    (insurance, "PolicyState"),
    (insurance, "Billed"),
    (insurance, "BillState"),
    (insurance, "ClaimState"),
    (insurance, "FiledKind"),
    (scheduler, "ResourceKind"),
    (scheduler, "ConstraintKind"),
    (scheduler, "ConflictKind"),
    (scheduler, "BookingState"),
    (scheduler_tools, "BookingOutcome"),
    (scheduler_said, "Lack"),
    (degradation, "Degradation"),
    (support_policy, "SupportPolicy"),
    (support_policy, "AnsweredBy"),
    (verdicts, "Supported"),
    (verdicts, "Lack"),
    (dialects, "Dialect"),
    (fields, "Treatment"),
    (priority, "Priority"),
    (lanes, "Lane"),
    (overload, "Overload"),
    (states, "DocumentState"),
    (edition, "EditionState"),
    (cold, "AgeFrom"),
    (search, "SearchOutcome"),
    (marks, "Mark"),
    (judge, "Criterion"),
    (judge, "Verdict"),
    (run_judging, "Quality"),
    (measures, "Among"),
    (measures, "Metric"),
    (states, "JobKind"),
    (job_states, "JobState"),
    (jobs, "JobEvent"),
    (ids, "KeyPermission"),
    (operations, "HealthStatus"),
    (loop_names, "Loop"),
    (sqlstates, "Fault"),
)


class MeaningMissing(Exception):
    """A word of a closed set has no meaning."""


def write_words() -> str:
    """Return the page. Raises MeaningMissing."""
    parts = [
        "A choice returns one of these words; the same word stands in the header, the log, the metric and the row."
    ]
    for module, name in SETS:
        kind: type[StrEnum] = getattr(module, name)
        rows = explained(kind, _meanings(module, name))
        parts += [f"## {name}", inspect.getdoc(kind) or "", table(("word", "meaning"), rows)]
    return page("Words", *parts)


def explained(kind: type[StrEnum], meanings: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each word with its meaning, which `meanings` has by the member's name. Raises MeaningMissing."""
    if without := [member.value for member in kind if not meanings.get(member.name)]:
        raise MeaningMissing(f"{kind.__name__}: write a docstring below {', '.join(without)}")
    return [(code(member.value), meanings[member.name]) for member in kind]


def meanings_of(kind: type[StrEnum]) -> dict[str, str]:
    """Return what each member of a closed set means, by its name."""
    module = inspect.getmodule(kind)
    return {} if module is None else _meanings(module, kind.__name__)


def _meanings(module: ModuleType, name: str) -> dict[str, str]:
    """Return what each member means: the docstring below it, or for faults the sentence that clients are told."""
    if name == sqlstates.Fault.__name__:
        texts = {fault.name: sqlstates.describe(fault) for fault in sqlstates.Fault}
        return {fault: f"{text[0].upper()}{text[1:]}." for fault, text in texts.items()}
    tree = ast.parse(inspect.getsource(module))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    meanings: dict[str, str] = {}
    for member, below in zip(found.body, found.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            meanings[ast.unparse(member.targets[0])] = " ".join(str(below.value.value).split())
    return meanings
