"""Which graphs keep their state."""

import operator
from typing import Annotated

import pytest
from langgraph.graph import END, START, StateGraph

from app.agents.team import Graph, TeamState, compiled, keeps_state
from app.agents.teams import assistant, insurance
from app.agents.work import Work


class Noting(TeamState, total=False):
    """A state with more than a question and its reply."""

    noted: Annotated[list[str], operator.add]


async def step(state: TeamState) -> TeamState:
    """Do nothing."""
    return state


def of_one(state: type[TeamState] = TeamState, *, leads_to: tuple[str, ...] = ()) -> Graph:
    """Return a graph of one step."""
    graph = StateGraph(state, context_schema=Work)
    graph.add_node("only", step, destinations=leads_to)
    graph.add_edge(START, "only")
    return graph


def again(_state: TeamState) -> str:
    """Say where to go on."""
    return "only"


def with_a_branch() -> Graph:
    """Return a graph of one step that chooses what follows."""
    graph = of_one()
    graph.add_conditional_edges("only", again, ["only", END])
    return graph


def with_an_edge_back() -> Graph:
    """Return a graph of one step that follows itself."""
    graph = of_one()
    graph.add_edge("only", "only")
    return graph


def test_one_step_over_a_question_and_its_reply_keeps_nothing() -> None:
    assert not keeps_state(of_one())
    assert compiled(assistant.build(), "assistant").checkpointer is False


@pytest.mark.parametrize(
    "graph",
    [of_one(Noting), of_one(leads_to=("only",)), with_a_branch(), with_an_edge_back(), insurance.build()],
    ids=["more state", "a step that is handed to", "a branch", "an edge back", "several steps"],
)
def test_all_other_graphs_keep_their_state(graph: Graph) -> None:
    assert keeps_state(graph)
    assert compiled(graph, "team").checkpointer is None
