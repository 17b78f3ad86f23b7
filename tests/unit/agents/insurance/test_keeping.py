"""An answer is taken when it keeps the facts, says each of what it is of, and adds no number."""

from collections.abc import Sequence
from datetime import date

import msgspec
import pytest

from app.agents.insurance.facts import Fact, billing_facts, claim_facts, kind_facts, list_facts, policy_facts
from app.agents.insurance.keeping import OPENING, keeps
from app.agents.insurance.records import Bill, Billed, BillState, ClaimState, LossClaim, Policy, PolicyKind, PolicyState
from app.agents.insurance.tools import Billing, Claims
from app.agents.keeping import by_rule

FACTS = (Fact("Your auto insurance premium is $197.88.", ("$197.88",)), Fact("It is billed monthly under POL000004."))
QUESTION = "What do I pay in 2026?"
POLICY = Policy(
    policy_number="POL000004",
    customer_id="CUST00001",
    kind=PolicyKind.AUTO,
    state=PolicyState.ACTIVE,
    insured="a red Skoda of 2019",
    starts_on=date(2024, 3, 3),
    ends_on=date(2027, 4, 13),
    billed=Billed.MONTHLY,
    premium_usd_micro=197_880_000,
    coverage_usd_micro=50_000_000_000,
    deductible_usd_micro=500_000_000,
)
OPEN = Bill("B-2", "POL000004", BillState.OPEN, 197_880_000, date(2026, 11, 7))
LATE = Bill("B-1", "POL000004", BillState.OVERDUE, 120_000_000, date(2026, 10, 7))
PAID = Bill("B-0", "POL000004", BillState.PAID, 120_000_000, date(2026, 9, 7), date(2026, 9, 1))
EARLIER = Bill("B-9", "POL000004", BillState.PAID, 120_000_000, date(2026, 8, 7), date(2026, 8, 2))
DENIED = LossClaim(
    "CLM-1", "POL000004", ClaimState.DENIED, "hail", date(2026, 5, 1), date(2026, 5, 9), 900_000_000, None
)
SETTLED = LossClaim(
    "CLM-2", "POL000004", ClaimState.PAID, "a crash", date(2026, 6, 1), date(2026, 6, 9), 3_000_000_000, 2_500_000_000
)
HOME = msgspec.structs.replace(POLICY, policy_number="POL000001", kind=PolicyKind.HOME, state=PolicyState.LAPSED)

TWO = (*FACTS, *policy_facts("What is my deductible?", POLICY))
ALL_OF_POLICY = policy_facts("coverage, deductible, renewal, status?", POLICY)
ONE_BILL = billing_facts("Which bill is due?", Billing(POLICY, (OPEN,)), POLICY)
TWO_BILLS = billing_facts("Which bills are due?", Billing(POLICY, (OPEN, LATE)), POLICY)
NO_BILL = billing_facts("Is a bill due?", Billing(POLICY, (PAID,)), POLICY)
PAYMENTS = billing_facts("Show my payments.", Billing(POLICY, (PAID, EARLIER)), POLICY)
BILL_AND_PREMIUM = billing_facts("premium and bills?", Billing(POLICY, (LATE,)), POLICY)
DENIED_CLAIM = claim_facts("Where does it stand?", Claims((DENIED,), True), "POL000004")
TWO_CLAIMS = claim_facts("How large were the losses?", Claims((SETTLED, DENIED), True), "POL000004")
NO_CLAIM = claim_facts("Any claims?", Claims((), True), "POL000004")
LIST = list_facts((HOME, POLICY))
KIND = kind_facts((PolicyKind.HOME,), "POL000004", PolicyKind.AUTO)


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ("Your premium is $197.88.", FACTS),
        ("It is $197.88, for policy POL000004.", FACTS),
        ("In 2026 you pay\n$197.88 a month.", FACTS),
        ("You pay **$197.88** every month for your auto insurance (POL000004).", FACTS),
        ("Your auto insurance costs $197.88, and it is billed monthly.", FACTS),
        ("$197.88 is your monthly premium.", FACTS),
        ("Your premium is $197.88 a month, and your deductible is $500.00.", TWO),
        ("You have a deductible of $500.00 and a premium of $197.88.", TWO),
        ("You pay a $197.88 premium with a $500.00 deductible.", TWO),
        ("- Premium: $197.88\n- Deductible: $500.00", TWO),
        ("1. Your premium is $197.88.\n2. Your deductible is $500.00.", TWO),
        (
            "Your auto policy POL000004 is active. It covers up to $50,000.00 with a deductible of $500.00, and runs "
            "from March 3, 2024 to April 13, 2027.",
            ALL_OF_POLICY,
        ),
        (
            "Policy POL000004 is active: the coverage limit is $50,000.00 and the deductible $500.00. It started on "
            "March 3, 2024 and is valid until April 13, 2027.",
            ALL_OF_POLICY,
        ),
        (
            "Your active policy runs between March 3, 2024 and April 13, 2027, has a $500.00 deductible and a limit of "
            "$50,000.00.",
            ALL_OF_POLICY,
        ),
        ("Your next bill of $197.88 is due on November 7, 2026.", ONE_BILL),
        ("Your next premium of $197.88 is due on November 7, 2026.", ONE_BILL),
        ("A payment of $197.88 is due by November 7, 2026.", ONE_BILL),
        (
            "Two bills are unpaid: $197.88, due on November 7, 2026, and $120.00, which was due on October 7, 2026.",
            TWO_BILLS,
        ),
        ("You owe $120.00, overdue since October 7, 2026, and $197.88 due on November 7, 2026.", TWO_BILLS),
        ("You have no unpaid bills.", NO_BILL),
        ("None of your bills is unpaid.", NO_BILL),
        ("You paid $120.00 on September 1, 2026, and $120.00 on August 2, 2026.", PAYMENTS),
        ("Your last two payments were $120.00 each, paid on September 1, 2026 and August 2, 2026.", PAYMENTS),
        (
            "Your premium is $197.88. A bill of $120.00 is overdue; it was due on October 7, 2026.",
            BILL_AND_PREMIUM,
        ),
        ("I am sorry, but your claim CLM-1 for hail was denied.", DENIED_CLAIM),
        ("Claim CLM-1 has not been approved: it was denied.", DENIED_CLAIM),
        (
            "Claim CLM-2 was paid with $2,500.00 for a loss of $3,000.00. Claim CLM-1, with a "
            "loss of $900.00, is denied.",
            TWO_CLAIMS,
        ),
        ("There are no claims on your policy POL000004.", NO_CLAIM),
        ("You have two policies: POL000001 (home, lapsed) and POL000004 (auto).", LIST),
        ("POL000004 is an auto policy, not a home policy.", KIND),
    ],
)
def test_an_answer_that_keeps_the_facts_is_taken(answer: str, facts: Sequence[Fact]) -> None:
    assert keeps(answer, facts, QUESTION)


@pytest.mark.parametrize(
    "answer",
    [
        "Your premium is $197.",
        "Your premium is 197.88 dollars.",
        "Your premium is $197.88, which is $2,374.56 a year.",
        "Policy POL000005 costs $197.88.",
        "I do not know.",
        "It is $1197.88.",
        "",
    ],
)
def test_an_answer_that_drops_changes_or_adds_a_number_is_not(answer: str) -> None:
    assert not keeps(answer, FACTS, QUESTION)


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ("Your premium is $500.00 and your deductible $197.88.", TWO),
        ("You pay a $500.00 premium with a $197.88 deductible.", TWO),
        ("- Premium: $500.00\n- Deductible: $197.88", TWO),
        ("Your deductible is $197.88.", FACTS),
        ("It covers up to $197.88.", FACTS),
        (
            "It covers up to $500.00 with a deductible of $50,000.00, is active, and runs from March 3, "
            "2024 to April 13, 2027.",
            ALL_OF_POLICY,
        ),
        (
            "It is active, covers up to $50,000.00 with a deductible of $500.00, and runs from April 13, "
            "2027 to March 3, 2024.",
            ALL_OF_POLICY,
        ),
        ("You paid $197.88 on November 7, 2026.", ONE_BILL),
        ("You owe $120.00, due on November 7, 2026, and $197.88, due on October 7, 2026.", TWO_BILLS),
        ("Your premium is $120.00. A bill of $197.88 is overdue; it was due on October 7, 2026.", BILL_AND_PREMIUM),
        ("You paid $120.00 on September 7, 2026, and again on August 7, 2026.", PAYMENTS),
        (
            "Claim CLM-2 was paid with $3,000.00 for a loss of $2,500.00. Claim CLM-1, with a "
            "loss of $900.00, is denied.",
            TWO_CLAIMS,
        ),
        (
            "Claim CLM-2 was denied, with a loss of $3,000.00. Claim CLM-1, with a loss of $900.00, is "
            "paid with $2,500.00.",
            TWO_CLAIMS,
        ),
        ("You have two policies: POL000001 (auto, lapsed) and POL000004 (home).", LIST),
        ("You have two policies: POL000001 (home) and POL000004 (auto, lapsed).", LIST),
    ],
)
def test_an_answer_that_says_a_value_of_something_else_is_not(answer: str, facts: Sequence[Fact]) -> None:
    assert not keeps(answer, facts, "")


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ("Your claim CLM-1 is not denied.", DENIED_CLAIM),
        ("Your claim CLM-1 wasn't denied.", DENIED_CLAIM),
        ("Your claim CLM-1 was denied. Now it is approved.", DENIED_CLAIM),
        ("Your bill is unpaid.", NO_BILL),
        ("You have a claim on POL000004.", NO_CLAIM),
        ("POL000004 is not an auto policy.", KIND),
        ("Your premium is not $197.88.", FACTS),
        (
            "It is inactive, covers up to $50,000.00 with a deductible of $500.00, and runs from March 3, "
            "2024 to April 13, 2027.",
            ALL_OF_POLICY,
        ),
        ("Your next bill of $197.88 is due on November 7, 2026, and your policy has lapsed.", ONE_BILL),
    ],
)
def test_an_answer_that_denies_a_state_or_says_another_is_not(answer: str, facts: Sequence[Fact]) -> None:
    assert not keeps(answer, facts, "")


def test_an_answer_that_does_not_find_its_end_is_not() -> None:
    again = "\n".join(f"{n}. The policy is POL000004." for n in range(2, 9))
    assert not keeps(f"1. The premium is $197.88.\n{again}", FACTS, "")


@pytest.mark.parametrize(
    "facts",
    [
        FACTS,
        TWO,
        ALL_OF_POLICY,
        ONE_BILL,
        TWO_BILLS,
        NO_BILL,
        PAYMENTS,
        BILL_AND_PREMIUM,
        DENIED_CLAIM,
        TWO_CLAIMS,
        NO_CLAIM,
        LIST,
        KIND,
    ],
)
def test_the_facts_themselves_are_an_answer_that_says_so(facts: Sequence[Fact]) -> None:
    said = by_rule(OPENING, facts)
    assert said.startswith("Here is what your records say: ")
    assert keeps(said, facts, "")
