"""The assistant: finds passages in the tenant's documents and answers from them."""

import re
from itertools import accumulate

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from app.agents.reference import as_reference
from app.agents.small_talk import is_small_talk
from app.agents.team import Graph, Team, TeamState
from app.agents.work import Work
from app.degradation import Degradation
from app.inference.words.tiers import Tier
from app.retrieval.chunks import CHUNK_TOKENS
from app.retrieval.packing import tokens_of
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


async def respond(state: TeamState, runtime: Runtime[Work]) -> TeamState:
    """Retrieve, then answer: one step, since the second always follows the first."""
    del state  # of an earlier turn; the question of this one is the run's
    work = runtime.context
    found, limit = (), PASSAGES[work.tier()]
    if not is_small_talk(work.question):
        found = await work.search(work.question, limit=limit + work.further)
    passages = shown(found, limit)
    if passages:
        prompt, values = WITH_PASSAGES, {"passages": number(passages)}
    else:
        is_away = Degradation.RETRIEVAL in work.degraded
        prompt, values = DOCUMENTS_AWAY if is_away else WITHOUT_PASSAGES, {}
    further = found[len(passages) :]
    return {"reply": await work.answer(AGENT, prompt, values, passages=passages, further=further)}


def shown(passages: tuple[Passage, ...], limit: int) -> tuple[Passage, ...]:
    """Return the first passages, that come to as much as `limit` chunks do at most, and one of any length."""
    tokens = list(accumulate(map(tokens_of, passages)))
    return tuple(
        passage
        for n, (passage, together) in enumerate(zip(passages, tokens, strict=True))
        if n < limit and (n == 0 or together <= limit * CHUNK_TOKENS)
    )


def number(passages: tuple[Passage, ...]) -> str:
    """Write passages for a prompt: numbered, each under the headings above it, else its document's name."""
    return "\n\n".join(
        f"[{n}] {one_line(as_reference(passage.heading or ', '.join((passage.document, *passage.also))))}\n"
        f"{as_reference(compact(passage.lead + passage.text))}"
        for n, passage in enumerate(passages, start=1)
    )


def one_line(text: str) -> str:
    """Return a text whose line ends are blanks."""
    return " ".join(text.split())


def compact(text: str) -> str:
    """Return a passage in fewer tokens: without the headings that open it, and with wrapped lines joined.

    Code stays as it is, and so do tables: without its rule a small model reads a table's rows wrongly.
    """
    body = _HEADINGS.sub("", text).strip() or text.strip()
    return body if _FENCE.search(body) else _WRAP.sub(" ", body)


def build() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(TeamState, context_schema=Work)
    graph.add_node("respond", respond)
    graph.add_edge(START, "respond")
    graph.add_edge("respond", END)
    return graph


TEAM = Team(
    "assistant",
    (AGENT,),
    build,
    {WITH_PASSAGES: ("passages",), WITHOUT_PASSAGES: (), DOCUMENTS_AWAY: ()},
    summary="Answers from the tenant's documents, and says which.",
)
