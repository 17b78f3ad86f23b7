"""The assistant: chooses how a question is answered, and answers it so: mostly from the tenant's documents."""

from itertools import zip_longest
from typing import assert_never

import msgspec
import structlog
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from app.agents.assistant.exemplars import EXEMPLARS, by_exemplar
from app.agents.assistant.guide import section_for, sections_of
from app.agents.assistant.modes import CHOSEN_BY, FIELD, Mode, ModeBy, Way, by_caller, by_rule
from app.agents.assistant.policies import READ_POLICIES, SET_NAME, Policies, PoliciesAsked
from app.agents.leaning import leans_on
from app.agents.numbering import number, shown
from app.agents.questions import questions_of
from app.agents.reply import Reply
from app.agents.small_talk import is_small_talk
from app.agents.support_policy import AnsweredBy
from app.agents.team import Graph, Team, TeamState
from app.agents.work import Work
from app.degradation import Degradation
from app.errors import ToolRefused
from app.inference.words.tiers import Tier
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.passages import Passage

log = structlog.get_logger(__name__)

GUIDE = "assistant/guide"
WITH_POLICIES = "assistant/with_policies"
"""Begins with the policies, as `WITH_BOTH` does: a node that has read them for one answers the other sooner."""
WITH_BOTH = "assistant/with_both"
WITH_PASSAGES = "assistant/with_passages"
WITHOUT_PASSAGES = "assistant/without_passages"
DOCUMENTS_AWAY = "assistant/documents_away"
"""Says that the documents cannot be reached: none were found because none could be looked for."""

POLICIES_ALONE = DocumentFilter(set_name=SET_NAME)
FAINT = 0.01
"""A passage that is less likely to hold the answer says nothing about what a question is about."""
MOST_PARTS = 3
"""So many questions of one message are searched for by themselves."""
PASSAGES: dict[Tier, int] = {Tier.SIMPLE: 2, Tier.MEDIUM: 3, Tier.COMPLEX: 4}
"""How many passages a question gets.

Reading them is most of the time until the first token, a plain fact stands in one, and what is beside the point
misleads small models.
"""


async def respond(state: TeamState, runtime: Runtime[Work]) -> TeamState:
    """Choose the mode, then answer in it: one step, since the second always follows the first."""
    del state  # of an earlier turn; the question of this one is the run's
    work = runtime.context
    way = await choose(work)
    match way.mode:
        case Mode.GUIDE:
            return {"reply": from_guide(work, way)}
        case Mode.DIRECT:
            return {"reply": told(await work.answer(Mode.DIRECT.agent, WITHOUT_PASSAGES), way)}
        case Mode.RAG:
            return {"reply": await from_search(work, way)}
        case Mode.CACHED_CONTEXT | Mode.HYBRID:
            return {"reply": await from_policies(work, way)}
        case _:
            assert_never(way.mode)


async def choose(work: Work) -> Way:
    """Return how the question is answered: as the caller says, as its words do, or as what it is like."""
    if GUIDE not in work.prompts:
        # A run of the version before goes on as it began.
        return Way(Mode.DIRECT if is_small_talk(work.question) else Mode.RAG, ModeBy.RULE)
    named = by_caller(work.context)
    if named is not None:
        way = Way(named, ModeBy.CALLER, may_read=False)
    else:
        way = by_rule(work.question) or by_exemplar(work.question, await work.likest(EXEMPLARS))
    log.info("mode_chosen", mode=way.mode.value, chosen_by=way.by.value)
    return way


def from_guide(work: Work, way: Way) -> Reply:
    """Answer with a section of the guide."""
    section = section_for(work.question, sections_of(work.prompts[GUIDE].text))
    return told(Reply(Mode.GUIDE.agent, section.text, answered_by=AnsweredBy.EXTRACT), way)


async def from_search(work: Work, way: Way) -> Reply:
    """Answer from the passages that a search finds; by the model alone where it finds none.

    Where the first of them is of the policies, all of those answer, which a node may have read already.
    """
    found = await find(work, way)
    if not found:
        is_away = Degradation.RETRIEVAL in work.degraded
        if way.else_guide and not is_away:
            return from_guide(work, Way(Mode.GUIDE, ModeBy.EXEMPLAR))
        reply = await work.answer(Mode.DIRECT.agent, DOCUMENTS_AWAY if is_away else WITHOUT_PASSAGES)
        return told(reply, way, Mode.DIRECT)
    is_policy = found[0].set_name == SET_NAME and found[0].score >= FAINT
    if is_policy and way.may_read and WITH_POLICIES in work.prompts:
        return await from_policies(work, Way(Mode.CACHED_CONTEXT, ModeBy.PASSAGES), found)
    return await from_passages(work, way, found)


async def from_passages(work: Work, way: Way, found: tuple[Passage, ...]) -> Reply:
    """Answer from passages alone."""
    passages = shown(found, PASSAGES[work.tier()])
    mode = Mode.HYBRID if way.mode is Mode.HYBRID and questions_of(work.question) else Mode.RAG
    values, further = {"passages": number(passages)}, found[len(passages) :]
    before = leans_on(work.question, work.turns)
    answer = work.answer(mode.agent, WITH_PASSAGES, values, passages=passages, further=further, before=before)
    return told(await answer, way, mode)


async def from_policies(work: Work, way: Way, found: tuple[Passage, ...] | None = None) -> Reply:
    """Answer from the policies, and from passages where those are not enough.

    Where a prompt has no room for all policies, a search brings what else of them fits the question. `found` is what
    one brought already. Without policies passages answer.
    """
    policies = await read_policies(work, way)
    if not policies.passages:
        passages_way = msgspec.structs.replace(way, may_read=False)
        return await from_search(work, passages_way) if found is None else await from_passages(work, way, found)
    mode, passages = way.mode, ()
    if mode is Mode.HYBRID or not policies.is_whole:
        filters = POLICIES_ALONE if mode is Mode.CACHED_CONTEXT else EVERYTHING
        found = await find(work, way, filters) if found is None else found
        known = {one.chunk_id for one in policies.passages}
        passages = tuple(one for one in found if one.chunk_id not in known and _is_of(mode, one))
    if not passages:
        mode = Mode.CACHED_CONTEXT
    more = shown(passages, PASSAGES[work.tier()])
    values = {"policies": number(policies.passages)}
    if more:
        values |= {"passages": number(more, first=len(policies.passages) + 1)}
    answer = work.answer(
        mode.agent,
        WITH_BOTH if more else WITH_POLICIES,
        values,
        passages=(*policies.passages, *more),
        further=passages[len(more) :],
        before=leans_on(work.question, work.turns),
    )
    return told(await answer, way, mode)


def _is_of(mode: Mode, passage: Passage) -> bool:
    """Whether a passage is of what a mode answers from."""
    return mode is not Mode.CACHED_CONTEXT or passage.set_name == SET_NAME


async def read_policies(work: Work, way: Way) -> Policies:
    """Return the tenant's policies; none for a tenant without, or whose operator denies the tool."""
    try:
        return await work.use(READ_POLICIES, PoliciesAsked(), agent=way.mode.agent)
    except ToolRefused:
        return Policies()


async def find(work: Work, way: Way, filters: DocumentFilter = EVERYTHING) -> tuple[Passage, ...]:
    """Return passages for the question and what it leans on; where it is several, for all of it and each in turn."""
    limit, asked = (
        PASSAGES[work.tier()] + work.further,
        f"{leans_on(work.question, work.turns)} {work.question}".strip(),
    )
    parts = questions_of(work.question)[:MOST_PARTS] if way.mode is Mode.HYBRID else ()
    if not parts:
        return await work.search(asked, limit=limit, filters=filters)
    found = await work.together(*(work.search(part, limit=limit) for part in (asked, *parts)))
    in_turn = (one for row in zip_longest(*found) for one in row if one is not None)
    return tuple({one.chunk_id: one for one in in_turn}.values())[: max(limit, len(found))]


def told(reply: Reply, way: Way, mode: Mode | None = None) -> Reply:
    """Return the reply with the mode that it was made in (None: the way's), and which was meant where that differs."""
    details = {FIELD: (mode or way.mode).value, CHOSEN_BY: way.by.value}
    if mode not in {None, way.mode}:
        details["instead_of"] = way.mode.value
    return msgspec.structs.replace(reply, details=details)


def build() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(TeamState, context_schema=Work)
    graph.add_node("respond", respond)
    graph.add_edge(START, "respond")
    graph.add_edge("respond", END)
    return graph


PROMPTS = {
    WITH_PASSAGES: ("passages",),
    WITHOUT_PASSAGES: (),
    DOCUMENTS_AWAY: (),
    GUIDE: (),
    WITH_POLICIES: ("policies",),
    WITH_BOTH: ("policies", "passages"),
}
TEAM = Team(
    "assistant",
    tuple(mode.agent for mode in Mode),
    build,
    PROMPTS,
    tools=(READ_POLICIES,),
    summary="Answers from the tenant's documents, and says which; from its policies; or without documents.",
    takes={FIELD: "How it answers: guide, direct, rag, cached_context or hybrid; it chooses where this is absent."},
)
