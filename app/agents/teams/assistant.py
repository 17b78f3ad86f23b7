"""The assistant: finds passages in the tenant's documents and answers from them."""

import re
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from app.agents.calls import Reply
from app.agents.citing import cite
from app.agents.small_talk import is_small_talk
from app.agents.team import Graph, Team, Work
from app.degradation import Degradation
from app.inference.words.tiers import Tier
from app.retrieval.passages import Passage

AGENT = "assistant"
WITH_PASSAGES = "assistant/with_passages"
WITHOUT_PASSAGES = "assistant/without_passages"
DOCUMENTS_AWAY = "assistant/documents_away"
"""Says that the documents cannot be reached: none were found because none could be looked for."""

PASSAGES: dict[Tier, int] = {Tier.SIMPLE: 2, Tier.MEDIUM: 3, Tier.COMPLEX: 4}
"""How many passages a question gets.

Reading them is most of the time until the first token, a plain fact stands in one, and what is beside the point
misleads small models.
"""

_HEADINGS = re.compile(r"\A(?:\s*#{1,6}[ \t][^\n]*(?:\n|\Z))+")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
# A line end that only wraps a paragraph: the next line is not blank, indented, a row, an item, a heading or a quote.
_WRAP = re.compile(r"(?<=[^\s|])\n(?!\s|\||#|>|[-+*][ \t]|\d{1,9}[.)][ \t])")


class State(TypedDict, total=False):
    """What the session's checkpoint keeps of a turn."""

    question: str
    answer: str


async def respond(state: State, runtime: Runtime[Work]) -> State:
    """Retrieve, then answer: one step, since the second always follows the first."""
    work = runtime.context
    question = state.get("question", "")
    limit = PASSAGES[work.calls.tier(work.turns)]
    passages = ()
    if not is_small_talk(question):
        passages = await work.calls.passages("respond/retrieve", question, limit=limit)
    if passages:
        prompt, values = work.prompts[WITH_PASSAGES], {"passages": number(passages)}
    else:
        is_away = Degradation.RETRIEVAL in work.calls.degraded
        prompt, values = work.prompts[DOCUMENTS_AWAY if is_away else WITHOUT_PASSAGES], {}
    answer = await work.calls.answer("respond/answer", AGENT, prompt, values, work.turns)
    work.outbox.reply = Reply(AGENT, answer, cite(passages, question, answer))
    return {"answer": answer}


def number(passages: tuple[Passage, ...]) -> str:
    """Write passages for a prompt: numbered, each under the headings above it, else its document's name."""
    return "\n\n".join(
        f"[{n}] {passage.heading or ', '.join((passage.document, *passage.also))}\n{compact(passage.text)}"
        for n, passage in enumerate(passages, start=1)
    )


def compact(text: str) -> str:
    """Return a passage in fewer tokens: without the headings that open it, and with wrapped lines joined.

    Code stays as it is, and so do tables: without its rule a small model reads a table's rows wrongly.
    """
    body = _HEADINGS.sub("", text).strip() or text.strip()
    return body if _FENCE.search(body) else _WRAP.sub(" ", body)


def build() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(State, context_schema=Work)
    graph.add_node("respond", respond)
    graph.add_edge(START, "respond")
    graph.add_edge("respond", END)
    return graph


TEAM = Team("assistant", (AGENT,), build, {WITH_PASSAGES: ("passages",), WITHOUT_PASSAGES: (), DOCUMENTS_AWAY: ()})
