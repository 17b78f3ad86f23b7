"""The insurer that does not exist is the same everywhere, and its rows agree with each other."""

import hashlib

import msgspec
import pytest

from app.agents.insurance.records import Billed, BillState, Book, ClaimState, PolicyKind, PolicyState
from app.agents.insurance.seed import CUSTOMERS, KNOWN_NUMBER, TODAY, make_book

SHA256 = "6e49dd8d17c64a122f140fa4db807262346bfb12cb7cfeac31532a536578c35e"
"""Of 50 customers of edition 1. A change of rows is a new edition."""


@pytest.fixture(scope="module")
def book() -> Book:
    """The rows of 200 customers."""
    return make_book(200)


def test_the_rows_of_an_edition_are_the_same_on_every_machine() -> None:
    assert hashlib.sha256(msgspec.json.encode(make_book(50))).hexdigest() == SHA256


def test_there_are_thousands_of_rows() -> None:
    book = make_book(CUSTOMERS)
    assert (len(book.customers), len(book.policies)) == (1_000, 2_063)
    assert (len(book.bills), len(book.claims)) == (7_756, 1_348)


def test_the_known_policy_pays_its_promised_premium() -> None:
    (policy,) = [one for one in make_book(1).policies if one.policy_number == KNOWN_NUMBER]
    assert (policy.customer_id, policy.kind, policy.state) == ("CUST00001", PolicyKind.AUTO, PolicyState.ACTIVE)
    assert (policy.premium_usd_micro, policy.billed) == (197_880_000, Billed.MONTHLY)


def test_more_customers_change_no_row_of_fewer(book: Book) -> None:
    fewer = make_book(50)
    assert book.customers[:50] == fewer.customers
    assert book.policies[: len(fewer.policies)] == fewer.policies
    assert book.bills[: len(fewer.bills)] == fewer.bills
    assert book.claims[: len(fewer.claims)] == fewer.claims


def test_the_first_customer_has_one_policy_of_each_kind(book: Book) -> None:
    held = [one.kind for one in book.policies if one.customer_id == "CUST00001"]
    assert sorted(held) == sorted(PolicyKind)


def test_every_customer_has_a_policy(book: Book) -> None:
    assert {one.customer_id for one in book.policies} == {one.customer_id for one in book.customers}


def test_a_bill_is_the_premium_of_its_policy(book: Book) -> None:
    premiums = {one.policy_number: one.premium_usd_micro for one in book.policies}
    assert all(bill.amount_usd_micro == premiums[bill.policy_number] for bill in book.bills)


def test_only_the_newest_bill_of_a_policy_is_unpaid_and_an_overdue_one_was_due(book: Book) -> None:
    newest = {bill.policy_number: bill for bill in book.bills}
    assert all(bill.state is BillState.PAID or newest[bill.policy_number] is bill for bill in book.bills)
    overdue = [bill for bill in book.bills if bill.state is BillState.OVERDUE]
    assert overdue
    assert all(bill.due_on < TODAY for bill in overdue)
    assert all(bill.due_on >= TODAY for bill in book.bills if bill.state is BillState.OPEN)


def test_what_was_paid_has_a_day_and_a_claim_an_amount(book: Book) -> None:
    assert all((bill.paid_on is not None) == (bill.state is BillState.PAID) for bill in book.bills)
    assert all((one.paid_usd_micro is not None) == (one.state is ClaimState.PAID) for one in book.claims)
