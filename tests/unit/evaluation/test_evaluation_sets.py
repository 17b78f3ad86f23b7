"""The evaluation sets are what their README says, and their answers are those of the rows and documents."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.agents.insurance.records import Book
from app.agents.insurance.seed import make_book
from tests.unit.evaluation.questions import (
    AssistantQuestion,
    Fact,
    FinanceQuestion,
    InsuranceQuestion,
    Question,
    SchedulerRequest,
    read_set,
)

REPOSITORY = Path(__file__).parents[3]
EVALUATION = REPOSITORY / "evaluation"
FAQ = REPOSITORY / "samples" / "insurance_faq"
HANDBOOK = REPOSITORY / "samples" / "handbook"
LEAST = {
    "insurance.jsonl": 60,
    "insurance.paraphrases.jsonl": 60,
    "insurance.unseen.jsonl": 100,
    "scheduler.jsonl": 60,
    "scheduler.paraphrases.jsonl": 40,
    "scheduler.unseen.jsonl": 50,
    "assistant.jsonl": 40,
    "assistant.paraphrases.jsonl": 25,
    "assistant.unseen.jsonl": 40,
    "finance.jsonl": 24,
    "finance.further.jsonl": 24,
}
TICKERS = {
    "AMCOR": "AMCR",
    "AMERICANEXPRESS": "AXP",
    "BESTBUY": "BBY",
    "BOEING": "BA",
    "MGMRESORTS": "MGM",
    "PFIZER": "PFE",
    "ULTABEAUTY": "ULTA",
}
POLICY_NUMBER = re.compile(r"\bPOL\d+", re.IGNORECASE)
NOBODYS_POLICY = "POL999999"


def stands(fact: Fact, text: str) -> bool:
    """Tell whether one of its alternatives stands in `text`, as README.md defines it."""
    folded = " ".join(text.split())
    return any(re.search(rf"(?<!\w){re.escape(a)}(?!\w|[.,]\d)", folded, re.IGNORECASE) for a in fact)


def all_questions() -> Iterator[tuple[str, Question]]:
    for path in sorted(EVALUATION.glob("*.jsonl")):
        for question in read_set(path):
            yield path.name, question


def questions_of(team: str) -> list[Question]:
    return [question for name, question in all_questions() if name.startswith(f"{team}.")]


def words(question: Question) -> str:
    """Return what is asked, without regard to case, marks and the instant at which it is asked."""
    text = question.request if isinstance(question, SchedulerRequest) else question.text
    return " ".join(re.findall(r"\w+", text.casefold()))


def folded_text(folder: Path, *names: str) -> str:
    return " ".join(path.read_text() for path in sorted(folder.glob("*.md")) if path.name in names or not names)


def amount(usd_micro: int | None) -> str:
    return "" if usd_micro is None else f"${usd_micro / 1_000_000:,.2f}"


def spoken(day: date | None) -> str:
    return "" if day is None else f"{day:%B} {day.day}, {day.year}"


def answer(question: Question) -> dict[str, Any]:
    """Return what is right for it, whichever words it has."""
    fields: dict[str, Any] = msgspec.to_builtins(question)
    return {name: fields[name] for name in fields if name not in {"id", "of", "question", "request", "titles"}}


@cache
def book() -> Book:
    return make_book()


@cache
def rows_of(policy_number: str) -> str:
    """Return what the book has on a policy, as text."""
    policies = [each for each in book().policies if each.policy_number == policy_number]
    bills = [each for each in book().bills if each.policy_number == policy_number]
    claims = [each for each in book().claims if each.policy_number == policy_number]
    cells = chain(
        *(
            (p.state, p.insured, p.billed, spoken(p.starts_on), spoken(p.ends_on), amount(p.premium_usd_micro),
             amount(p.coverage_usd_micro), amount(p.deductible_usd_micro))
            for p in policies
        ),
        *((b.state, amount(b.amount_usd_micro), spoken(b.due_on), spoken(b.paid_on)) for b in bills[-2:]),
        *(
            (c.state, c.incident, spoken(c.happened_on), spoken(c.filed_on), amount(c.loss_usd_micro),
             amount(c.paid_usd_micro))
            for c in claims
        ),
    )  # fmt: skip
    return " | ".join(cells)


def policies_meant(question: InsuranceQuestion) -> set[str]:
    """Return the policies that the question, the turns before it or its context name, or else its customer's."""
    said = [question.question, *(turn.content for turn in question.earlier)]
    named = {number.upper() for text in said for number in POLICY_NUMBER.findall(text)}
    claimed = {f"POL{number}" for text in said for number in re.findall(r"CLM(\d+)-\d", text)}
    given = {question.context["policy_number"]} if "policy_number" in question.context else set[str]()
    customer = question.context.get("customer_id")
    held = {each.policy_number for each in book().policies if each.customer_id == customer}
    return named | claimed | given or held


def test_every_set_has_enough_questions_and_no_name_twice() -> None:
    ids = [question.id for _, question in all_questions()]

    assert len(ids) == len(set(ids))
    for name, least in LEAST.items():
        assert len([set_name for set_name, _ in all_questions() if set_name == name]) >= least, name


def test_a_paraphrase_has_the_answer_of_its_question() -> None:
    mains = {question.id: question for name, question in all_questions() if ".paraphrases." not in name}
    for question in [question for _, question in all_questions() if question.of is not None]:
        assert answer(question) == answer(mains[question.of or ""]), question.id


def test_a_paraphrase_says_what_a_question_of_the_main_set_says_in_other_words() -> None:
    texts = {question.id: question.text for name, question in all_questions() if ".paraphrases." not in name}
    for name, question in all_questions():
        assert (question.of is not None) == (".paraphrases." in name), question.id
        assert question.of is None or texts[question.of].casefold() != question.text.casefold(), question.id


def test_an_unseen_question_is_asked_nowhere_else() -> None:
    asked = Counter(words(question) for _, question in all_questions())
    for question in [question for name, question in all_questions() if ".unseen." in name]:
        assert asked[words(question)] == 1, question.id


def test_unseen_questions_are_about_other_policies_than_the_other_sets() -> None:
    meant: dict[bool, set[str]] = {True: set(), False: set()}
    for name, question in all_questions():
        if isinstance(question, InsuranceQuestion):
            meant[".unseen." in name] |= policies_meant(question) - {NOBODYS_POLICY}

    assert meant[True]
    assert not meant[True] & meant[False]


def test_facts_about_a_policy_stand_in_its_rows_and_those_of_general_help_in_the_faq() -> None:
    for question in questions_of("insurance"):
        assert isinstance(question, InsuranceQuestion)
        if question.agent == "general_help_agent":
            text = folded_text(FAQ)
        else:
            text = " | ".join(rows_of(number) for number in policies_meant(question))
        for fact in question.facts:
            assert stands(fact, text.replace("in_review", "in review")), (question.id, fact)


def test_policies_and_customers_of_the_questions_exist() -> None:
    known = {each.policy_number for each in book().policies} | {NOBODYS_POLICY}
    customers = {each.customer_id for each in book().customers}
    for question in questions_of("insurance"):
        assert isinstance(question, InsuranceQuestion)
        assert policies_meant(question) <= known, question.id
        assert question.context.get("customer_id", "CUST00001") in customers, question.id


def test_every_agent_of_the_insurance_team_is_asked_for() -> None:
    agents = {each.agent for each in questions_of("insurance") if isinstance(each, InsuranceQuestion)}

    assert agents == {
        "billing_agent", "policy_agent", "claims_agent", "general_help_agent", "human_escalation", "final_answer",
    }  # fmt: skip


def test_events_begin_after_now_at_times_that_their_zone_has() -> None:
    for request in questions_of("scheduler"):
        assert isinstance(request, SchedulerRequest)
        assert (request.event is None) == bool(request.lacks), request.id
        if request.event is None:
            assert request.lacks == sorted(set(request.lacks) & {"date", "time"}), request.id
            continue
        zone = ZoneInfo(request.time_zone)
        local = datetime.fromisoformat(request.event.starts_at).replace(tzinfo=zone)
        assert request.event.starts_at == f"{local:%Y-%m-%dT%H:%M}", request.id
        assert local.astimezone(UTC).astimezone(zone) == local, request.id
        assert local.astimezone(UTC) > request.now, request.id
        assert 0 < request.event.duration_minutes <= 24 * 60, request.id


def test_places_and_attendees_of_an_event_were_said() -> None:
    for request in questions_of("scheduler"):
        assert isinstance(request, SchedulerRequest)
        if request.event is not None:
            for name in (*request.event.attendees, *filter(None, [request.event.place])):
                assert name.casefold() in request.request.casefold(), request.id


def test_facts_of_the_assistant_stand_in_the_pages_that_are_named() -> None:
    for question in questions_of("assistant"):
        assert isinstance(question, AssistantQuestion)
        for name in question.documents:
            assert (HANDBOOK / name).is_file(), question.id
        for fact in question.facts:
            assert stands(fact, folded_text(HANDBOOK, *question.documents)), (question.id, fact)


def test_questions_about_filings_name_their_companies_and_pages() -> None:
    for question in questions_of("finance"):
        assert isinstance(question, FinanceQuestion)
        assert question.facts, question.id
        assert len(question.pages) == len(question.documents), question.id
        assert min(question.pages) >= 1, question.id
        assert question.tickers == list({TICKERS[name.partition("_")[0]]: 1 for name in question.documents}), (
            question.id
        )
        assert question.kind != "compare" or len(question.tickers) == 2, question.id


@pytest.mark.parametrize(
    ("fact", "text", "does"),
    [
        (["2"], "It takes 2 hours.", True),
        (["2"], "It takes 2.5 hours.", False),
        (["paid"], "It is unpaid.", False),
        (["$70,000", "$70,000.00"], "Up to\n$70,000.00.", True),
        (["November 7, 2026"], "due on NOVEMBER 7,\n 2026.", True),
    ],
)
def test_a_fact_stands_alone_in_a_text(fact: Fact, text: str, *, does: bool) -> None:
    assert stands(fact, text) is does
