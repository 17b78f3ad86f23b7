"""A desk that looks something up, asks a person (two, if the question says so), and answers."""

import operator
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from app.agents.reply import Reply
from app.agents.team import Graph, Team
from app.agents.values import Request, RequestKind
from app.agents.work import Work

AGENT = "desk"
PROMPT = "assistant/without_passages"
CLERK = Request(AGENT, "May the claim be closed?", ("yes", "no"), RequestKind.APPROVAL)
AUDITOR = Request("auditor", "Which number has the file?")


class State(TypedDict, total=False):
    """What the steps hand on."""

    question: str
    said: Annotated[list[str], operator.add]
    reply: Reply | None


async def look(state: State, runtime: Runtime[Work]) -> State:
    """Search for the question: one effect."""
    del state
    await runtime.context.search(runtime.context.question, limit=1)
    return {"said": []}


async def clerk(state: State, runtime: Runtime[Work]) -> State:
    """Ask for leave."""
    del state
    answered = await runtime.context.interrupt(CLERK)
    return {"said": [f"clerk: {answered.option}"]}


async def auditor(state: State, runtime: Runtime[Work]) -> State:
    """Ask for a number, beside the clerk."""
    del state
    answered = await runtime.context.interrupt(AUDITOR)
    return {"said": [f"auditor: {answered.text}"]}


async def close(state: State, runtime: Runtime[Work]) -> State:
    """Answer, and say who said what."""
    reply = await runtime.context.answer(AGENT, PROMPT)
    said = ", ".join(state.get("said", []))
    return {"reply": Reply(AGENT, f"{reply.text} ({said})")}


def whom(state: State) -> list[str]:
    """Return the steps that ask."""
    return ["clerk", "auditor"] if "both" in state.get("question", "") else ["clerk"]


def build() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(State, context_schema=Work)
    graph.add_node("look", look)
    graph.add_node("clerk", clerk)
    graph.add_node("auditor", auditor)
    graph.add_node("close", close)
    graph.add_edge(START, "look")
    graph.add_conditional_edges("look", whom, ["clerk", "auditor"])
    graph.add_edge("clerk", "close")
    graph.add_edge("auditor", "close")
    graph.add_edge("close", END)
    return graph


TEAM = Team(AGENT, (AGENT, "auditor"), build, {"assistant/without_passages": ()})
