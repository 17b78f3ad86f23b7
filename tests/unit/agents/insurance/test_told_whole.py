"""What a reply leaves out or has to correct is told: lists that were cut, and a kind that the policy is not of."""

from datetime import date, timedelta

import msgspec
import pytest

from app.agents.insurance.records import Bill, BillState
from app.agents.insurance.rows import MOST_POLICIES, NEWEST
from tests.fakes.insurance import BOOK, FakeWork, replied

FOUR = {"policy_number": "POL000004"}


def years_of_bills(count: int, *, unpaid_before: date | None = None) -> FakeWork:
    """Return work over so many bills of POL000004, one a month; those before a day are overdue."""
    work = FakeWork("Is a bill of mine unpaid?", context=FOUR)
    (sample, *_) = (one for one in BOOK.bills if one.policy_number == "POL000004" and one.paid_on)
    bills: list[Bill] = []
    for n in range(count):
        due = date(2026, 10, 7) - timedelta(days=30 * (count - n))
        overdue = unpaid_before is not None and due < unpaid_before
        state, paid = (BillState.OVERDUE, None) if overdue else (BillState.PAID, due)
        bills.append(msgspec.structs.replace(sample, bill_id=f"B-{n}", due_on=due, paid_on=paid, state=state))
    work.book = msgspec.structs.replace(BOOK, bills=tuple(bills))
    return work


async def test_an_unpaid_bill_is_told_however_many_were_paid_after_it() -> None:
    work = years_of_bills(NEWEST + 6, unpaid_before=date(2024, 6, 1))
    text = (await replied(work)).text
    assert "Bill B-0 of $197.88 is overdue" in text
    assert "No bill" not in text


async def test_of_too_many_unpaid_bills_the_newest_are_told_as_such() -> None:
    work = years_of_bills(NEWEST + 6, unpaid_before=date(2030, 1, 1))
    text = (await replied(work)).text
    assert f"There are {NEWEST + 6} unpaid bills; these are the newest {NEWEST}." in text


async def test_of_many_payments_the_newest_are_told_as_such() -> None:
    work = years_of_bills(17)
    work.question = "Show my payments."
    assert "There are 17 payments; these are the newest 3." in (await replied(work)).text
    few = years_of_bills(3)
    few.question = "Show my payments."
    assert "newest" not in (await replied(few)).text


async def test_of_many_claims_the_newest_are_told_as_such() -> None:
    work = FakeWork("Where do my claims stand?", context=FOUR)
    (claim, *_) = BOOK.claims
    many = [msgspec.structs.replace(claim, claim_id=f"CLM7-{n}", policy_number="POL000004") for n in range(5)]
    work.book = msgspec.structs.replace(BOOK, claims=tuple(many))
    assert "There are 5 claims; these are the newest 3." in (await replied(work)).text
    work.book = msgspec.structs.replace(BOOK, claims=tuple(many[:3]))
    assert "newest" not in (await replied(work)).text


def many_policies(question: str, count: int) -> FakeWork:
    """Return work of a customer with so many policies, the last of which is an auto policy and the others none."""
    work = FakeWork(question, context={"customer_id": "CUST00001"})
    held = [one for one in BOOK.policies if one.customer_id == "CUST00001"]
    auto = next(one for one in held if one.kind == "auto")
    home = next(one for one in held if one.kind == "home")
    numbered = [(home, n) for n in range(count - 2)] + [(auto, count - 2), (auto, count - 1)]
    policies = [msgspec.structs.replace(one, policy_number=f"POL9{n:03}") for one, n in numbered]
    work.book = msgspec.structs.replace(BOOK, policies=tuple(policies))
    return work


async def test_of_too_many_policies_the_first_are_told_as_such() -> None:
    count = MOST_POLICIES + 3
    text = (await replied(many_policies("Which policies do I have?", count))).text
    assert f"You have {count} policies; these are among the first {MOST_POLICIES} by number." in text
    assert "among" not in (await replied(many_policies("Which policies do I have?", MOST_POLICIES))).text


async def test_the_one_policy_of_a_kind_is_not_taken_where_others_were_not_looked_at() -> None:
    reply = await replied(many_policies("What is my auto insurance premium?", MOST_POLICIES + 1))
    assert reply.requires_clarification
    assert f"POL9{MOST_POLICIES - 1:03} (auto)" in reply.text


@pytest.mark.parametrize(
    "question",
    ["What is my home insurance premium?", "What is the deductible of my homeowners policy?", "Is my house insured?"],
)
async def test_a_kind_that_the_policy_is_not_of_is_told(question: str) -> None:
    text = (await replied(FakeWork(question, context=FOUR))).text
    assert "Policy POL000004 is an auto policy, not a home policy." in text


@pytest.mark.parametrize(
    "question",
    [
        "What is my auto insurance premium?",
        "What is my premium?",
        "Is my car covered while it is parked at home, and what is the deductible?",
        "Does my auto policy cover the things in my house?",
    ],
)
async def test_a_kind_that_the_policy_is_of_or_that_names_no_insurance_is_not_corrected(question: str) -> None:
    assert ", not a" not in (await replied(FakeWork(question, context=FOUR))).text
