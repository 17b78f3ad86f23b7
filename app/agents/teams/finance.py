"""The finance team: a lead agent takes a question apart, researchers search filings and compute, a judge rates."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import structlog
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from app.agents.finance import judging
from app.agents.finance.computing import highest, measure_changes
from app.agents.finance.facts import OPENING, Fact, keeps
from app.agents.finance.filings import Filing, forms_of, tickers_of
from app.agents.finance.judging import Quality, Rating
from app.agents.finance.periods import periods_of
from app.agents.finance.planning import Limits, Plan, PlannedBy, allowed, owners_of, plan, unknown_names
from app.agents.finance.researching import RESEARCHER, Finding, lacking, research, told_of
from app.agents.finance.sought import Sought, sought_of
from app.agents.finance.telling import is_unsupported, quoted, rested
from app.agents.finance.tools import FILINGS, TOOLS, FilingsAsked
from app.agents.keeping import by_rule
from app.agents.numbering import number, shown
from app.agents.reference import as_reference
from app.agents.reply import Reply
from app.agents.small_talk import is_small_talk
from app.agents.support_policy import AnsweredBy
from app.agents.team import Graph, Team, TeamState
from app.agents.values import Turn
from app.agents.work import Work
from app.degradation import Degradation
from app.errors import BadInput, NodeFailed, NodeRefused, NoNodeAvailable, NoSlotInTime, StructureUnmet
from app.retrieval.passages import Passage

log = structlog.get_logger(__name__)

LEAD = "lead_agent"
JUDGE = "judge"
CHOOSE = "finance/lead_agent"
SAY = "finance/facts"
WITH_PASSAGES = "finance/with_passages"
WITHOUT_PASSAGES = "finance/without_passages"
DOCUMENTS_AWAY = "finance/documents_away"
RATE = "finance/judge"
PASSAGES = 4
"""How many passages are shown where words are the answer."""
JUDGED_CHARACTERS = 2_000
"""So much of an answer a judge reads."""
COMPANIES = 50
"""So many are offered to a model."""
NO_FILINGS = (
    "None of your documents is a filing that I know of. Upload filings into the set `sec_filings`, or under names such "
    "as ACME_2023_10K.pdf, and ask again."
)
NONE_WITHIN = "None of your filings is of these companies and forms. Which others shall I look into?"
NOT_SEARCHED = "I may not look into your filings: the tool `sec_search` refuses, {why}. An operator can permit it."
PLAN_STEP, ANSWER_STEP = "plan", "answer"


class ChosenCompany(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which company of a list a question is about; 0 for none of them."""

    number: Annotated[int, msgspec.Meta(ge=0, le=COMPANIES)]


class FinanceState(TeamState, total=False):
    """What the steps hand on, and a turn to the next one."""

    plan: Plan | None
    owners: tuple[str, ...]
    """The companies that the session was last about."""


async def make_plan(state: FinanceState, runtime: Runtime[Work]) -> Command[str]:
    """Take the question apart: by its words, and by a model only where they hold a name that no rule knows."""
    work = runtime.context
    if is_small_talk(work.question):
        return work.hand_to(ANSWER_STEP, plan=None)
    filings = (await work.use(FILINGS, FilingsAsked(), agent=LEAD)).filings
    if not filings:
        return work.hand_to(END, reply=Reply(LEAD, NO_FILINGS), plan=None)
    try:
        limits = _limits(work.context)
    except BadInput as error:
        return work.hand_to(END, reply=Reply(LEAD, f"{error.detail}.", requires_clarification=True), plan=None)
    within, asked = allowed(filings, limits), asked_of(work.question, work.turns)
    if not within:
        return work.hand_to(END, reply=Reply(LEAD, NONE_WITHIN, requires_clarification=True), plan=None)
    owners, by = await _owners(work, within, limits, state.get("owners", ()))
    if not owners and len(within) < len(filings):
        owners = tuple(dict.fromkeys(filing.owner for filing in within))
    sought = sought_of(asked, companies=len(owners))
    made = plan(work.question, filings, owners, sought, by, limits)
    log.info("plan_made", parts=len(made.parts), planned_by=by.value, figures=len(sought.needed), aim=sought.aim.value)
    return work.hand_to(ANSWER_STEP, plan=made, owners=made.owners or state.get("owners", ()))


async def _owners(
    work: Work, filings: Sequence[Filing], limits: Limits, before: Sequence[str]
) -> tuple[tuple[str, ...], PlannedBy]:
    owners, by = owners_of(work.question, filings, limits, before)
    if owners or not unknown_names(work.question):
        return owners, by
    companies = list({filing.owner: filing.company for filing in filings}.items())[:COMPANIES]
    listed = "\n".join(f"{n}. {as_reference(company)}" for n, (_, company) in enumerate(companies, start=1))
    try:
        chosen = await work.ask_for(LEAD, CHOOSE, {"companies": listed}, ChosenCompany)
    except StructureUnmet:
        return (), PlannedBy.DEFAULT
    found = companies[chosen.number - 1 : chosen.number] if chosen.number else []
    return tuple(owner for owner, _ in found), PlannedBy.MODEL if found else PlannedBy.DEFAULT


def asked_of(question: str, turns: Sequence[Turn]) -> str:
    """Return what is asked: the question, after the one before it if it goes on from that ("And in 2021?")."""
    earlier = [turn.content for turn in turns if turn.role == "user"]
    goes_on = question.lower().startswith(("and ", "what about", "how about", "same "))
    return f"{earlier[-1]} {question}" if goes_on and earlier and not sought_of(question).has_figures else question


def _limits(context: Mapping[str, str]) -> Limits:
    """Return what the caller says beside the question. Raises BadInput for what is no ticker or form."""
    return Limits(
        tickers_of(context.get("tickers", "")),
        forms_of(context.get("forms", "")),
        periods_of(context.get("periods", "").replace(",", " ")),
    )


async def answer(state: FinanceState, runtime: Runtime[Work]) -> FinanceState:
    """Have each part researched, at the same time; make one answer of what was found, and have it judged."""
    work, made = runtime.context, state.get("plan")
    if made is None:
        return {"reply": await work.answer(LEAD, WITHOUT_PASSAGES)}
    findings = await work.together(*(research(work, part, made.sought) for part in made.parts))
    facts = facts_of(findings)
    reply = await _tell(work, findings, facts) if facts else await _say(work, findings)
    quality = await _judged(work, reply, made, findings)
    return {"reply": msgspec.structs.replace(reply, details=details_of(work, made, findings, quality))}


def facts_of(findings: Sequence[Finding]) -> tuple[Fact, ...]:
    """Return what all researchers found in figures, and how these compare."""
    worked = [one for finding in findings for one in finding.sums]
    told = [
        figure for finding in findings for fact in finding.facts for figure in fact.figures if len(fact.figures) == 1
    ]
    names = {
        finding.part.filing.document: finding.part.filing.company
        for finding in findings
        if finding.part.filing is not None
    }
    single = tuple(dict.fromkeys(told))
    facts = tuple(fact for finding in findings for fact in (finding.facts or lacking(finding)))
    if not any(finding.facts for finding in findings):
        return ()
    return (*facts, *measure_changes(worked), *highest(worked, single, names))


async def _tell(work: Work, findings: Sequence[Finding], facts: Sequence[Fact]) -> Reply:
    """Say the facts in a model's words, if those keep them; else say the facts."""
    # Of several companies a model may give one the number of another, and every number would stand there.
    is_one = len({finding.part.owner for finding in findings}) == 1
    reply = Reply(LEAD, "")
    if is_one:
        reply = await work.answer(LEAD, SAY, {"facts": "\n".join(f"- {as_reference(fact.text)}" for fact in facts)})
    if not is_one or not keeps(reply.text, facts, work.question):
        log.info("answer_by_rule", agent=LEAD)
        reply = Reply(LEAD, by_rule(OPENING, facts), answered_by=AnsweredBy.EXTRACT)
    return rested(reply, findings, facts, work.question)


async def _say(work: Work, findings: Sequence[Finding]) -> Reply:
    """Answer from the passages of all parts; in their own words where they support none of a model's."""
    if refusals := [finding.refusal for finding in findings if finding.refusal is not None]:
        return Reply(LEAD, NOT_SEARCHED.format(why=refusals[0]))
    found = mixed([finding.passages for finding in findings])
    passages = shown(found, PASSAGES)
    if passages:
        prompt, values = WITH_PASSAGES, {"passages": number(passages)}
    else:
        prompt, values = DOCUMENTS_AWAY if Degradation.RETRIEVAL in work.degraded else WITHOUT_PASSAGES, {}
    further = found[len(passages) : len(passages) + work.further]
    reply = await work.answer(LEAD, prompt, values, passages=passages, further=further)
    return quoted(LEAD, passages, work.question) if passages and is_unsupported(reply) else reply


def mixed(found: Sequence[Sequence[Passage]]) -> tuple[Passage, ...]:
    """Return the passages of several parts in turn: the best of each, then the second best of each."""
    longest = max((len(passages) for passages in found), default=0)
    turned = (passages[n] for n in range(longest) for passages in found if n < len(passages))
    return tuple({passage.chunk_id: passage for passage in turned}.values())


async def _judged(work: Work, reply: Reply, made: Plan, findings: Sequence[Finding]) -> Quality:
    """Return how good the answer is. No answer fails because nobody could judge it."""
    ruled = judging.by_rule(reply, made, findings)
    if ruled is not None:
        return ruled
    async with work.acting(JUDGE):
        try:
            rating = await work.ask_for(JUDGE, RATE, {"answer": as_reference(reply.text[:JUDGED_CHARACTERS])}, Rating)
        except (StructureUnmet, NoNodeAvailable, NoSlotInTime, NodeFailed, NodeRefused) as error:
            log.info("answer_not_judged", code=error.code)
            rating = None
    return judging.by_model(reply, rating)


def details_of(work: Work, made: Plan, findings: Sequence[Finding], quality: Quality) -> dict[str, Any]:
    """Return what was done, as plain values."""
    searched = [{"name": RESEARCHER, "did": told_of(finding.part)} for finding in findings]
    parts = [
        {
            "company": None if part.filing is None else part.filing.company,
            "ticker": None if part.filing is None else part.filing.ticker,
            "form": None if part.filing is None or part.filing.form is None else part.filing.form.value,
            "document": None if part.filing is None else part.filing.document,
            "periods": [str(period) for period in part.periods],
        }
        for part in made.parts
    ]
    planned = f"planned {len(parts)} part{'s' if len(parts) > 1 else ''} by {made.by.value}, and answered"
    rated = {"name": JUDGE, "did": f"rated the answer by {quality.judged_by.value}"}
    return {
        "query_type": work.tier().value,
        "plan": {"by": made.by.value, "parts": parts, "sought": _sought(made.sought)},
        "agents": [{"name": LEAD, "did": planned}, *searched, rated],
        "calculations": [
            {"name": one.name, "expression": one.expression, "steps": list(worked.steps), "result": worked.told}
            for finding in findings
            for one, worked in finding.sums
        ],
        "quality": msgspec.to_builtins(quality),
    }


def _sought(sought: Sought) -> dict[str, Any]:
    return {"lines": list(sought.lines), "measures": list(sought.measures), "aim": sought.aim.value}


def build() -> Graph:
    """Return the team's graph."""
    graph = StateGraph(FinanceState, context_schema=Work)
    graph.add_node(PLAN_STEP, make_plan, destinations=(ANSWER_STEP, END))
    graph.add_node(ANSWER_STEP, answer)
    graph.add_edge(START, PLAN_STEP)
    graph.add_edge(ANSWER_STEP, END)
    return graph


TEAM = Team(
    "finance",
    (LEAD, RESEARCHER, JUDGE),
    build,
    {
        CHOOSE: ("companies",),
        SAY: ("facts",),
        WITH_PASSAGES: ("passages",),
        WITHOUT_PASSAGES: (),
        DOCUMENTS_AWAY: (),
        RATE: ("answer",),
    },
    tools=TOOLS,
    values=(Plan,),
    summary="Answers questions about the tenant's filings: figures with their computation, and words with citations.",
    takes={
        "tickers": "Tickers with commas: only filings of these companies are searched.",
        "forms": "Forms with commas, such as `10-K,10-Q`: only filings of these forms are searched.",
        "periods": "Fiscal periods with commas, such as `FY2023,FY2022`, where the question names none.",
    },
)
