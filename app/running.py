"""Opens what runs are made with: the teams, their prompts, the rows and the runner."""

from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from app.agents.calling import CallLimits
from app.agents.event_log import EventLog
from app.agents.execution import Execution, Parts
from app.agents.leaving import Times
from app.agents.means import Doors
from app.agents.places import Places
from app.agents.prompt_sets import PromptSets
from app.agents.runner import Runner
from app.agents.runs import Runs
from app.agents.sessions import Sessions
from app.agents.support_policy import SupportPolicy, tiers_up_to
from app.agents.team import find_teams, load_teams, make_serializer
from app.agents.team_view import TeamView, view_of
from app.configuration import Configuration
from app.inference.opening import Inference
from app.retrieval.search import Search
from app.settings import Settings
from app.stores import Stores


@dataclass(frozen=True, slots=True)
class Running:
    """The doors of runs."""

    teams: tuple[TeamView, ...]
    runner: Runner
    runs: Runs
    places: Places


def open_runs(
    configuration: Configuration, stores: Stores, inference: Inference, sessions: Sessions, search: Search
) -> Running:
    """Return the doors of runs, for every team that there is."""
    settings, teams = configuration.settings, find_teams()
    prompts = PromptSets(stores.database, configuration.prompts, {team.name: team.prompts for team in teams})
    runs = _runs(settings, stores, prompts)
    event_log = EventLog(stores.coordination, ttl_s=settings.events_ttl_s)
    graphs, doors = load_teams(), _doors(configuration, stores, inference, search)
    parts = Parts(
        database=stores.database,
        doors=doors,
        runs=runs,
        sessions=sessions,
        book=inference.book,
        teams=graphs,
        prompts=prompts,
        metrics=stores.metrics,
        times=Times(settings.session_ttl_seconds, settings.waiting_limit_s),
        run_limit_s=settings.run_limit_s,
        attempts=settings.run_attempts,
        serializer=make_serializer(),
    )
    runner = Runner(
        runs=runs,
        event_log=event_log,
        dispatcher=doors.dispatcher,
        execute=partial(Execution, parts),
        teams=frozenset(graphs),
        metrics=stores.metrics,
        lease_s=settings.run_lease_s,
    )
    views = tuple(view_of(team, prompts.versions[team.name]) for team in sorted(teams, key=lambda team: team.name))
    return Running(views, runner, runs, Places(runs, event_log))


def _runs(settings: Settings, stores: Stores, prompts: PromptSets) -> Runs:
    return Runs(
        stores.database,
        # A process that starts again under its old name must not pass for the one that died.
        owner=f"{settings.replica}:{uuid4()}",
        lease_s=settings.run_lease_s,
        session_ttl_s=settings.session_ttl_seconds,
        prompts=prompts,
        max_open_tasks=settings.max_open_tasks,
    )


def _doors(configuration: Configuration, stores: Stores, inference: Inference, search: Search) -> Doors:
    settings = configuration.settings
    small = tiers_up_to(settings.extractive_up_to, configuration.catalogue.reading_poorly())
    policy = SupportPolicy(settings.support_policy)
    limits = CallLimits(settings.max_output_tokens, settings.temperature, policy, small)
    return Doors(stores.database, inference.dispatcher, search, limits, stores.metrics)
