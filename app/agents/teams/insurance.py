"""The insurance team: a supervisor sends a question to its specialists, and what their tools find is said."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import structlog
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from app.agents.insurance import tools
from app.agents.insurance.choosing import SURE, SURE_OF_PART, choose, ranked, texts_of
from app.agents.insurance.facts import Fact
from app.agents.insurance.keeping import OPENING, keeps
from app.agents.insurance.learned import Chances, shipped
from app.agents.insurance.looking import Finding, clarifies, look_up
from app.agents.insurance.records import FiledKind
from app.agents.insurance.subject import Subject, subject_of
from app.agents.insurance.topics import Choice, ChosenBy, Specialist, agrees, wants_call, wants_person
from app.agents.insurance.wording import spoken
from app.agents.keeping import by_rule
from app.agents.numbering import number, shown
from app.agents.reference import as_reference
from app.agents.reply import Reply
from app.agents.small_talk import is_small_talk
from app.agents.support_policy import SupportPolicy
from app.agents.team import Graph, Team, TeamState
from app.agents.values import Request, RequestKind, Turn
from app.agents.work import Work
from app.degradation import Degradation
from app.errors import StructureUnmet, ToolRefused
from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.passages import Passage

log = structlog.get_logger(__name__)

SUPERVISOR = "supervisor"
FINAL_ANSWER = "final_answer"
CHOOSE = "insurance/supervisor"
SAY = "insurance/final_answer"
WITH_PASSAGES = "insurance/with_passages"
WITHOUT_PASSAGES = "insurance/without_passages"
DOCUMENTS_AWAY = "insurance/documents_away"
FAQ = DocumentFilter(set_name=tools.FAQ_SET)
PASSAGES = 3
"""How many passages general help reads: small models lose the thread in more."""
PERSON_STEP = "person"
GENERAL_STEP = "general"
LOOK_UP_STEP = "look_up"
SAY_STEP = "say"
OFFER = "Shall a person take this over? Say yes, and one does; or ask me something else."
LIKELIEST = 3
"""Among so many a model chooses."""
WEIGHTS = "insurance/specialists"
"""What a question is weighed by, in whatever version."""
LEARNED = shipped()


class ModelChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a model would send a question to. To a person it sends nobody: a wait must not hang on a guess."""

    agent: Literal["policy_agent", "billing_agent", "claims_agent", "general_help_agent", "unsure"]


class InsuranceState(TeamState, total=False):
    """What the steps hand on. Each turn begins with what the supervisor writes; `known` goes on from turn to turn."""

    asked: str
    """The question, with the one that a clarification was about before it."""
    known: dict[str, str]
    """What the session was told beside its questions, in this turn and in earlier ones."""
    specialists: tuple[str, ...]
    chosen_by: str
    finding: Finding | None


def asked_of(question: str, turns: Sequence[Turn]) -> str:
    """Return what is asked: the question, after those that it answers a clarification of; unless it is a new one."""
    is_sure = wants_person(question) or max(LEARNED.chances(question).values()) >= SURE_OF_PART
    if is_sure and subject_of(question, (), {}) == Subject():
        return question
    said = [question]
    for earlier, clarified in zip(reversed(turns[:-1]), reversed(turns[1:]), strict=True):
        if clarified.role == "user":
            continue
        if not clarifies(clarified.content):
            break
        said.append(earlier.content)
    return "\n".join(reversed(said))


async def supervise(state: InsuranceState, runtime: Runtime[Work]) -> Command[str]:
    """Choose the specialists: by sure words, by what the question is like, and by a model only when neither tells."""
    work = runtime.context
    asked = asked_of(work.question, work.turns)
    known = {**state.get("known", {}), **work.context}
    if _is_offered(work.turns) and agrees(work.question):
        asked, choice = work.turns[-2].content, Choice((Specialist.PERSON,), ChosenBy.RULE)
    elif is_small_talk(work.question) and asked == work.question:
        choice = Choice()
    else:
        chances = await _weigh(work, asked)
        choice = choose(asked, chances)
        if not choice.specialists and chances[0][Specialist.PERSON] >= SURE:
            return work.hand_to(END, known=known, reply=_offer())
        choice = choice if choice.specialists else await _ask_model(work, asked, chances[0])
    specialists, by = choice.specialists or (Specialist.GENERAL,), choice.by
    log.info("agent_chosen", agents=[one.value for one in specialists], chosen_by=by.value)
    step = {Specialist.PERSON: PERSON_STEP, Specialist.GENERAL: GENERAL_STEP}.get(specialists[0], LOOK_UP_STEP)
    named = tuple(one.value for one in specialists)
    return work.hand_to(step, asked=asked, known=known, specialists=named, chosen_by=by.value, finding=None)


async def _weigh(work: Work, asked: str) -> list[Chances]:
    """Return whom the message and each of its parts are likely for."""
    texts = texts_of(asked)
    meanings = await work.weigh(WEIGHTS, asked, [spoken(text) for text in texts], LEARNED.weigh)
    return [LEARNED.chances(text, meanings.get(spoken(text), ())) for text in texts]


async def _ask_model(work: Work, asked: str, chances: Chances) -> Choice:
    """Have a model choose among the likeliest; the likeliest it is, where the model names none of them."""
    likely = [one for one in ranked(chances) if one is not Specialist.PERSON][:LIKELIEST]
    try:
        chosen = (await work.ask_for(SUPERVISOR, CHOOSE, {}, ModelChoice, question=asked)).agent
    except StructureUnmet:
        return Choice((likely[0],), ChosenBy.EXEMPLAR)
    if chosen == "unsure":
        return Choice()
    if (named := Specialist(chosen)) in likely:
        return Choice((named,), ChosenBy.MODEL)
    return Choice((likely[0],), ChosenBy.EXEMPLAR)


def _offer() -> Reply:
    """Ask whether a person is wanted: a wait must not hang on a guess."""
    agent = Specialist.PERSON.value
    details = {"agents": [agent], "chosen_by": ChosenBy.EXEMPLAR.value}
    return Reply(agent, OFFER, requires_clarification=True, details=details)


def _is_offered(turns: Sequence[Turn]) -> bool:
    return len(turns) > 1 and turns[-1].role == "assistant" and turns[-1].content == OFFER


def told(state: InsuranceState, reply: Reply) -> Reply:
    """Return the reply with whom its question went to, and what chose them."""
    details = {"agents": list(state.get("specialists", ())), "chosen_by": state.get("chosen_by", "")}
    return msgspec.structs.replace(reply, details=details)


async def look_up_rows(state: InsuranceState, runtime: Runtime[Work]) -> Command[str]:
    """Have each chosen specialist look into the rows, at the same time."""
    work, asked = runtime.context, state.get("asked", "")
    subject = subject_of(asked, work.turns, state.get("known", {}))
    specialists = [Specialist(one) for one in state.get("specialists", ())]
    findings = await work.together(*(look_up(work, one, asked, subject) for one in specialists))
    agent = specialists[0].value if len(specialists) == 1 else FINAL_ANSWER
    facts = tuple(fact for finding in findings for fact in finding.facts)
    lacks = next((finding.lacks for finding in findings if finding.lacks), "")
    if facts:
        return work.hand_to(SAY_STEP, finding=Finding(agent, facts, lacks))
    return work.hand_to(END, reply=told(state, Reply(agent, lacks, requires_clarification=True)))


async def say(state: InsuranceState, runtime: Runtime[Work]) -> InsuranceState:
    """Say the facts in a model's words, if those keep them; else say the facts."""
    work, finding = runtime.context, state.get("finding")
    if finding is None:
        return {}
    reply = await work.answer(finding.agent, SAY, {"facts": _listed(finding.facts)})
    if not keeps(reply.text, finding.facts, state.get("asked", "")):
        log.info("answer_by_rule", agent=finding.agent)
        reply = Reply(finding.agent, by_rule(OPENING, finding.facts))
    if finding.lacks:
        text = f"{reply.text}\n\n{finding.lacks}"
        reply = msgspec.structs.replace(reply, text=text, requires_clarification=True)
    return {"reply": told(state, reply)}


def _listed(facts: Sequence[Fact]) -> str:
    # Rows have what people wrote: it is read, and is no word of the prompt's.
    return "\n".join(f"- {as_reference(fact.text)}" for fact in facts)


async def help_generally(state: InsuranceState, runtime: Runtime[Work]) -> InsuranceState:
    """Answer from the tenant's FAQ, or from all of its documents where it has none."""
    work = runtime.context
    found, entries = ((), False) if is_small_talk(work.question) else await find_help(work)
    passages = shown(found, PASSAGES)
    if passages:
        prompt, values = WITH_PASSAGES, {"passages": number(passages)}
    else:
        prompt, values = DOCUMENTS_AWAY if Degradation.RETRIEVAL in work.degraded else WITHOUT_PASSAGES, {}
    agent = Specialist.GENERAL.value
    further = found[len(passages) :]
    if entries and not found and Degradation.RETRIEVAL not in work.degraded:
        further = await read_entries(work)
    answer = work.answer(
        agent,
        prompt,
        values,
        passages=passages,
        further=further,
        entries=entries,
        # What an insurer promises is no model's to add to.
        support_policy=SupportPolicy.SUPPORTED_ONLY,
    )
    return {"reply": told(state, await answer)}


async def find_help(work: Work) -> tuple[tuple[Passage, ...], bool]:
    """Return passages of the FAQ's set; of all documents only for a tenant without such a set. Are they entries?"""
    limit = PASSAGES + work.further
    stock = await work.use(tools.SET_STOCK, tools.SetAsked(tools.FAQ_SET), agent=Specialist.GENERAL.value)
    filters = FAQ if stock.has_documents else EVERYTHING
    return await work.search(work.question, limit=limit, filters=filters), stock.has_documents


async def read_entries(work: Work) -> tuple[Passage, ...]:
    """Return the FAQ's entries, for a question in other words than any; none for a tenant that is denied the tool."""
    asked = tools.SetAsked(tools.FAQ_SET)
    try:
        return (await work.use(tools.READ_ENTRIES, asked, agent=Specialist.GENERAL.value)).passages
    except ToolRefused:
        return ()


async def hand_to_person(state: InsuranceState, runtime: Runtime[Work]) -> InsuranceState:
    """File the matter; wait for a person's answer, unless a call is what was asked for."""
    work, agent = runtime.context, Specialist.PERSON.value
    asked = state.get("asked", work.question)
    subject = subject_of(asked, work.turns, state.get("known", {}))
    kind = FiledKind.CALLBACK if wants_call(asked) else FiledKind.ESCALATION
    filing = tools.Filing(kind, asked, subject.customer_id, subject.policy_number)
    filed = await work.use(tools.FILE_FOR_PERSON, filing, agent=agent)
    if kind is FiledKind.CALLBACK:
        text = f"I have filed that you want to be called back, under {filed.reference}. A person will call you."
        return {"reply": told(state, Reply(agent, text))}
    about = f" on {subject.policy_number}" if subject.policy_number else ""
    # Whoever waits reads it, and whoever is to answer.
    text = f"A person takes over this request{about}, under {filed.reference}: {asked}"
    request = Request(agent, text, kind=RequestKind.ESCALATION)
    answered = await work.interrupt(request)
    said = answered.text or answered.option or ""
    text = f"A person has taken this over, under {filed.reference}, and answers: {said}"
    return {"reply": told(state, Reply(agent, text))}


def build() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(InsuranceState, context_schema=Work)
    graph.add_node("supervise", supervise, destinations=(PERSON_STEP, GENERAL_STEP, LOOK_UP_STEP, END))
    graph.add_node(LOOK_UP_STEP, look_up_rows, destinations=(SAY_STEP, END))
    graph.add_node(SAY_STEP, say)
    graph.add_node(GENERAL_STEP, help_generally)
    graph.add_node(PERSON_STEP, hand_to_person)
    graph.add_edge(START, "supervise")
    for last in (SAY_STEP, GENERAL_STEP, PERSON_STEP):
        graph.add_edge(last, END)
    return graph


TEAM = Team(
    "insurance",
    (*(one.value for one in Specialist), FINAL_ANSWER),
    build,
    {CHOOSE: (), SAY: ("facts",), WITH_PASSAGES: ("passages",), WITHOUT_PASSAGES: (), DOCUMENTS_AWAY: ()},
    tools=(*tools.POLICY_TOOLS, *tools.BILLING_TOOLS, *tools.CLAIMS_TOOLS, *tools.HELP_TOOLS, *tools.PERSON_TOOLS),
    values=(Finding,),
    summary="Answers an insurer's customers: on policies, bills and claims by their rows, else by documents.",
    takes={
        "customer_id": "Whom the application vouches for: no policy or claim of another customer is found.",
        "policy_number": "The policy that the question is about, where it names none.",
        "claim_id": "The claim that the question is about, where it names none.",
    },
)
