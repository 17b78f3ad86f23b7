"""Two steps: one notes the question beside those of earlier turns, the other answers and says how many they are."""

import operator
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from app.agents.reply import Reply
from app.agents.team import Graph, Team, TeamState
from app.agents.work import Work

AGENT = "relay"
PROMPT = "assistant/without_passages"
AGAIN = "Again?"


class State(TeamState, total=False):
    """What the steps hand on, and one turn to the next."""

    noted: Annotated[list[str], operator.add]


async def note(state: State, runtime: Runtime[Work]) -> State:
    """Note the question, unless it asks for the same again."""
    del state
    question = runtime.context.question
    return {} if question == AGAIN else {"noted": [question]}


async def say(state: State, runtime: Runtime[Work]) -> State:
    """Answer."""
    reply = await runtime.context.answer(AGENT, PROMPT)
    return {"reply": Reply(AGENT, f"{reply.text} ({' '.join(state.get('noted', []))})")}


def build() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(State, context_schema=Work)
    graph.add_node("note", note)
    graph.add_node("say", say)
    graph.add_edge(START, "note")
    graph.add_edge("note", "say")
    graph.add_edge("say", END)
    return graph


TEAM = Team(AGENT, (AGENT,), build, {PROMPT: ()})
