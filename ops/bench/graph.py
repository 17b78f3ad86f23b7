"""A graph of two steps, each with one effect, that does nothing else."""

from dataclasses import dataclass
from typing import Any, TypeAlias, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from app.agents.effects import Done, Effects

QUESTION = "When may I return a lamp, and what do I have to bring along? " * 8
FOUND = "A lamp may be returned within thirty days in its box. " * 9
ANSWER = "You may return it within thirty days, in its box. " * 10
"""About half a kilobyte each, so that the state of a run is about 1.5 kB."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the steps may use; without effects they only bring their results."""

    effects: Effects | None


Graph: TypeAlias = "CompiledStateGraph[Any, Work, Any, Any]"


class State(TypedDict, total=False):
    """What is checkpointed."""

    question: str
    found: str
    answer: str


async def find(state: State, runtime: Runtime[Work]) -> State:
    """Bring what an effect found."""
    return {"found": await _once(runtime, "find/search", state.get("question", ""), FOUND, last=False)}


async def respond(state: State, runtime: Runtime[Work]) -> State:
    """Bring the answer."""
    return {"answer": await _once(runtime, "respond/answer", state.get("found", ""), ANSWER, last=True)}


async def _once(runtime: Runtime[Work], path: str, given: str, brought: str, *, last: bool) -> str:
    effects = runtime.context.effects
    if effects is None:
        return brought
    return await effects.keep(await effects.begin(path, given, str), Done(brought), last=last)


def build() -> "StateGraph[Any, Work, Any, Any]":
    """Return the graph, not yet compiled."""
    graph = StateGraph(State, context_schema=Work)
    graph.add_node("find", find)
    graph.add_node("respond", respond)
    graph.add_edge(START, "find")
    graph.add_edge("find", "respond")
    graph.add_edge("respond", END)
    return graph
