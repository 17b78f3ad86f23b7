"""What a team is, and how the teams are found."""

import importlib
import pkgutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from langgraph.graph.state import CompiledStateGraph, StateGraph

from app.agents import teams
from app.agents.calls import Reply, RunCalls
from app.agents.prompts import Prompt
from app.agents.run_failure import RunFailure
from app.agents.values import Claim, Turn
from app.errors import AnswerEmpty, RunFailed
from app.inference.words.ends import is_blank

Graph: TypeAlias = "StateGraph[Any, Work, Any, Any]"
CompiledGraph: TypeAlias = "CompiledStateGraph[Any, Work, Any, Any]"


class Outbox:
    """Where a team leaves its reply."""

    def __init__(self) -> None:
        self.reply: Reply | None = None

    def take(self) -> Reply:
        """Return what the team left. Raises RunFailed, and AnswerEmpty: a turn without text is never stored."""
        if self.reply is None:
            raise RunFailed("the team left no reply", reason=RunFailure.NO_REPLY)
        if is_blank(self.reply.text):
            raise AnswerEmpty("the team left a reply without text")
        return self.reply


@dataclass(frozen=True, slots=True)
class Work:
    """All that a step may use; LangGraph hands it to each step as `runtime.context`."""

    claim: Claim
    turns: tuple[Turn, ...]
    calls: RunCalls
    prompts: Mapping[str, Prompt]
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class Team:
    """A graph of agents that answers a request. `build` returns the graph, whose state starts with `question`.

    `prompts` are those that its agents fill, with the variables that they fill in.
    """

    name: str
    agents: tuple[str, ...]
    """The names under which it may reply."""
    build: Callable[[], Graph]
    prompts: Mapping[str, Collection[str]]


LOADED_LATE = (
    "langchain_core.tracers.context",
    "langchain_core.tracers.run_collector",
    "langchain_core.tracers.stdout",
)
"""LangGraph imports these when a graph runs first, which would block the loop for as long as the disk takes."""


def find_teams() -> tuple[Team, ...]:
    """Return every team that there is."""
    names = (f"{teams.__name__}.{module.name}" for module in pkgutil.iter_modules(teams.__path__))
    return tuple(importlib.import_module(name).TEAM for name in names)


def load_teams() -> dict[str, CompiledGraph]:
    """Return every team's compiled graph by name."""
    for name in LOADED_LATE:
        importlib.import_module(name)
    return {team.name: team.build().compile(name=team.name) for team in find_teams()}


def needed_prompts() -> dict[str, Collection[str]]:
    """Return the prompts that the teams fill, each with its variables."""
    return {name: variables for team in find_teams() for name, variables in team.prompts.items()}
