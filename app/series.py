"""Begins every series that a process may ever count, at 0, before its first event.

A counter that is born with its first event hides that event: `rate` and `increase` see only what comes after the first
sample. So each series of each counter and histogram that alerts and panels read is here, with every value of its closed
labels, for each node, model, team and agent that is declared. HTTP's are beside its routes, in `api/counted.py`.
"""

from collections.abc import Iterable, Iterator

from app import errors
from app.agents.assistant.modes import Mode, ModeBy
from app.agents.feedback import Rating
from app.agents.observing import OUTCOMES
from app.agents.searching import SEARCH
from app.agents.support_policy import AnsweredBy
from app.agents.team import Team
from app.agents.tools import Writing
from app.degradation import Degradation
from app.evaluation.judging import Quality
from app.inference.accuracy import Loading, Part
from app.inference.calls.embedding_cache import LookedUp
from app.inference.calls.settling import OWN
from app.inference.calls.usage_book import Loss
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.slots.lanes import LANES_OF, Lane
from app.inference.warmth.warming import Warmed
from app.inference.words.account import Purpose
from app.inference.words.ends import FinishReason
from app.inference.words.failures import Failure
from app.inference.words.overload import Overload
from app.inference.words.records import CallKind, Outcome
from app.inference.words.route import Reason
from app.inference.words.tiers import TIERS
from app.jobs.states import JobState
from app.retrieval.states import JobKind
from app.retrieval.support.verdicts import Supported
from app.telemetry import operations
from app.telemetry.metrics import Metrics, begin
from app.webhook_client import Lapse
from app.webhooks.deliveries import DELIVERED

ENDED_JOBS = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
# A call whose process died is stored by another one, and counted by none.
COUNTED = tuple(outcome for outcome in Outcome if outcome is not Outcome.LOST)
NO_TIER = "none"
"""The tier of a run that ended before its first call was placed."""


def begin_all(metrics: Metrics, catalogue: Catalogue, teams: Iterable[Team]) -> None:
    """Begin what the stores, nodes, models and teams of a process count."""
    _begin_stores(metrics)
    for node in catalogue.nodes:
        begin_node(metrics, catalogue, node)
    begin(metrics.purpose_gpu_seconds, purpose=Purpose)
    begin(metrics.usage_lost, reason=Loss)
    begin(metrics.estimate_ratio, part=Part, tier=TIERS)
    for queue, lanes in LANES_OF.items():
        begin(metrics.slot_wait, tier=[queue], lane=lanes)
    begin(metrics.queue_promotions, lane=Lane)
    begin(metrics.queue_refused, tier=[*TIERS, CallKind.EMBED], reason=Overload)
    for model in catalogue.models:
        if model.kind is CallKind.CHAT:
            begin(metrics.first_token, tier=model.tiers, model=[model.name])
    begin(metrics.degraded, reason=Degradation)
    begin(metrics.answer_sentences, supported=Supported)
    begin(metrics.response_quality, metric_type=Quality)
    begin(metrics.answers_said, answered_by=AnsweredBy)
    begin(metrics.answers_by_mode, mode=Mode, chosen_by=ModeBy)
    _begin_tool(metrics, SEARCH)
    for team in teams:
        _begin_team(metrics, catalogue, team)


def begin_node(metrics: Metrics, catalogue: Catalogue, node: Node) -> None:
    """Begin what is counted of one node, and of each model that it is declared to hold."""
    begin(metrics.call_failures, node=[node.name], failure=Failure)
    begin(metrics.placements, node=[node.name], reason=Reason)
    for model in _held(catalogue, node):
        where = {"tier": model.tiers or (model.kind,), "node": [node.name], "model": [model.name]}
        for counter in (metrics.input_tokens, metrics.output_tokens):
            begin(counter, **where)
        for counter in (metrics.gpu_seconds, metrics.cost_usd):
            begin(counter, **(where | {"tier": (*where["tier"], OWN)}))
        if model.kind is CallKind.CHAT:
            begin(metrics.thinking_tokens, **where)
            begin(metrics.answers, **where, finish_reason=FinishReason)
        begin(metrics.model_calls, **where, outcome=COUNTED)
        begin(metrics.loads, node=[node.name], model=[model.name], loading=Loading)
        begin(metrics.warm_loads, node=[node.name], model=[model.name], outcome=Warmed)


def _held(catalogue: Catalogue, node: Node) -> Iterator[Model]:
    for name in node.models:
        model = catalogue.find(name)
        if model is not None:
            yield model


def _begin_stores(metrics: Metrics) -> None:
    begin(metrics.db_query_duration, operation=operations.DATABASE)
    begin(metrics.redis_duration, store=["cache"], operation=operations.CACHE)
    begin(metrics.redis_duration, store=["coordination"], operation=operations.COORDINATION)
    begin(metrics.qdrant_duration, operation=operations.QDRANT)
    begin(metrics.jobs, kind=JobKind, outcome=ENDED_JOBS)
    begin(metrics.vectors_looked_up, outcome=LookedUp)
    begin(metrics.webhooks, outcome=[DELIVERED, *Lapse])


def _begin_team(metrics: Metrics, catalogue: Catalogue, team: Team) -> None:
    # What ended without a reply counts for the team itself.
    agents = {team.name, *team.agents}
    chats = [model.name for model in catalogue.models if model.kind is CallKind.CHAT]
    begin(metrics.runs, team=[team.name], outcome=OUTCOMES)
    begin(metrics.feedback, rating=Rating, team=[team.name])
    begin(metrics.agent_invocations, agent_name=agents)
    begin(metrics.agent_execution_duration, agent_name=agents, query_type=[*TIERS, NO_TIER])
    begin(metrics.agent_token_usage, agent_name=agents, model=chats)
    begin(metrics.agent_errors, agent_name=agents, error_type=error_codes())
    for tool in team.tools:
        _begin_tool(metrics, tool.name)
        if isinstance(tool, Writing) and tool.outcomes:
            begin(metrics.tool_outcomes, tool_name=[tool.name], outcome=tool.outcomes)


def _begin_tool(metrics: Metrics, name: str) -> None:
    begin(metrics.tool_calls, tool_name=[name], success=["true", "false"])
    begin(metrics.tool_duration, tool_name=[name])


def error_codes() -> frozenset[str]:
    """Return the code of every fact that can end a run."""
    found, left = set[str](), [errors.SwitchyardError]
    while left:
        kind = left.pop()
        found.add(kind.code)
        left.extend(kind.__subclasses__())
    return frozenset(found)
