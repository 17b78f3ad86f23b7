"""What the calls of one attempt at a run are made with."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.agents.answering import Answering
from app.agents.asking import Asking
from app.agents.calling import Calling, CallLimits
from app.agents.deadline import Deadline
from app.agents.effects import Effects
from app.agents.executions import Executions
from app.agents.interrupting import Interrupting
from app.agents.likening import ExemplarVectors, Likening
from app.agents.live import LiveRun
from app.agents.permissions import Permissions
from app.agents.searching import Searching
from app.agents.tally import Tally
from app.agents.using import Using
from app.inference.calls.dispatcher import Dispatcher
from app.postgres import Database
from app.retrieval.search import Search
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Doors:
    """What the calls of every run go through."""

    database: Database
    dispatcher: Dispatcher
    search: Search
    limits: CallLimits
    metrics: Metrics
    exemplars: ExemplarVectors = field(default_factory=ExemplarVectors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the calls of one attempt are made with; `path` names the step that makes them."""

    effects: Effects
    tally: Tally
    dispatcher: Dispatcher
    asking: Asking
    answering: Answering
    searching: Searching
    likening: Likening
    using: Using
    executions: Executions
    interrupting: Interrupting
    path: Callable[[], str]


def means_of(
    doors: Doors, live: LiveRun, effects: Effects, tally: Tally, deadline: Deadline, path: Callable[[], str]
) -> Means:
    """Return the means of an attempt."""
    dispatcher, interrupting = doors.dispatcher, Interrupting(effects)
    calling = _calling(doors, live, effects, tally, deadline)
    permissions = Permissions(doors.database, live.claim)
    searching = Searching(
        claim=live.claim,
        effects=effects,
        permissions=permissions,
        dispatcher=dispatcher,
        search=doors.search,
        deadline=deadline,
        tally=tally,
        metrics=doors.metrics,
    )
    using = Using(
        live=live,
        effects=effects,
        interrupting=interrupting,
        permissions=permissions,
        database=doors.database,
        deadline=deadline,
        metrics=doors.metrics,
    )
    asking = Asking(calling)
    return Means(
        effects=effects,
        tally=tally,
        dispatcher=dispatcher,
        asking=asking,
        answering=Answering(calling),
        searching=searching,
        likening=Likening(effects, searching.embed, doors.exemplars),
        using=using,
        executions=Executions(doors.metrics, lambda: asking.tier(0), deadline.clock),
        interrupting=interrupting,
        path=path,
    )


def _calling(doors: Doors, live: LiveRun, effects: Effects, tally: Tally, deadline: Deadline) -> Calling:
    return Calling(
        claim=live.claim,
        live=live,
        effects=effects,
        dispatcher=doors.dispatcher,
        limits=doors.limits,
        deadline=deadline,
        tally=tally,
    )
