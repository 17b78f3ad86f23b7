"""One step that searches, asks a person, and answers."""

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from app.agents.reply import Reply
from app.agents.team import Graph, Team, TeamState
from app.agents.values import Request
from app.agents.work import Work

AGENT = "asker"
PROMPT = "assistant/without_passages"
WHICH = Request(AGENT, "Which number has the file?")


async def respond(state: TeamState, runtime: Runtime[Work]) -> TeamState:
    """Do all of it."""
    del state
    await runtime.context.search(runtime.context.question, limit=1)
    answered = await runtime.context.interrupt(WHICH)
    reply = await runtime.context.answer(AGENT, PROMPT)
    return {"reply": Reply(AGENT, f"{reply.text} (file {answered.text})")}


def build() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(TeamState, context_schema=Work)
    graph.add_node("respond", respond)
    graph.add_edge(START, "respond")
    graph.add_edge("respond", END)
    return graph


TEAM = Team(AGENT, (AGENT,), build, {PROMPT: ()})
