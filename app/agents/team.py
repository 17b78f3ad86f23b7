"""What a team is, and how the teams are found."""

import importlib
import pkgutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypedDict

import msgspec
from langgraph.graph import END, START
from langgraph.graph.state import CompiledStateGraph, StateGraph

from app.agents import teams
from app.agents.reply import Reply
from app.agents.serializing import StrictSerializer
from app.agents.tools import AnyTool
from app.agents.work import Work

Graph: TypeAlias = "StateGraph[Any, Work, Any, Any]"
CompiledGraph: TypeAlias = "CompiledStateGraph[Any, Work, Any, Any]"


class TeamState(TypedDict, total=False):
    """What every team's state holds; a team's own adds to it."""

    question: str
    reply: Reply | None
    """What the run answers; None until a step says."""


@dataclass(frozen=True, slots=True)
class Team:
    """A graph of agents that answers a request: one of its steps leaves a `reply` in the state.

    `build` returns the graph, whose state starts with `question`; it is one graph, and none of its steps is another.
    `prompts` are those that its agents fill, with the variables that they fill in; `values` are the structs that its
    state may hold beside plain values.
    """

    name: str
    agents: tuple[str, ...]
    """The names under which it may reply."""
    build: Callable[[], Graph]
    prompts: Mapping[str, Collection[str]]
    tools: tuple[AnyTool, ...] = ()
    values: tuple[type[msgspec.Struct], ...] = ()
    summary: str = ""
    """What it is for, in a sentence."""
    takes: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it reads of the context that comes with a question: each name, and what it says, in a sentence."""


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
    return {team.name: compiled(team.build(), team.name) for team in find_teams()}


def compiled(graph: Graph, name: str) -> CompiledGraph:
    """Return a team's graph, ready to run; its `checkpointer` is False if no state of it is ever kept."""
    return graph.compile(checkpointer=None if keeps_state(graph) else False, name=name)


def keeps_state(graph: Graph) -> bool:
    """Whether runs of a graph begin from more than their question, or go on from more.

    One step that is the first and the last, over a question and its reply: both are rows already, and begun again it
    finds its effects.
    """
    if len(graph.nodes) > 1 or graph.branches or graph.channels.keys() - TeamState.__annotations__.keys():
        return True
    ((name, step),) = graph.nodes.items()
    return bool(step.ends) or not graph.edges <= {(START, name), (name, END)}


def needed_prompts() -> dict[str, Collection[str]]:
    """Return the prompts that the teams fill, each with its variables."""
    return {name: variables for team in find_teams() for name, variables in team.prompts.items()}


def make_serializer() -> StrictSerializer:
    """Return what reads and writes the states of all teams."""
    return StrictSerializer((Reply, *(kind for team in find_teams() for kind in team.values)))
