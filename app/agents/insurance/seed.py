"""An insurer that does not exist: the same customers, policies, bills and claims on every machine."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from app.agents.insurance.money import USD_MICRO
from app.agents.insurance.records import (
    Bill,
    Billed,
    BillState,
    Book,
    ClaimState,
    Customer,
    LossClaim,
    Policy,
    PolicyKind,
    PolicyState,
)

T = TypeVar("T")

EDITION = 1
"""Counts up when the same count of customers gives other rows."""
CUSTOMERS = 1_000
MOST_CUSTOMERS = 5_000
"""As many as are written within the limits of one transaction, with room."""
TODAY = date(2026, 11, 1)
"""The day on which the rows were written, as they tell it."""
KNOWN_NUMBER = "POL000004"
KNOWN_PREMIUM_USD_MICRO = 197_880_000
CENT = USD_MICRO // 100

_FIRST_NAMES = (
    "Ada Amir Ana Ben Carla Chen Daniel Dina Elif Emma Farid Fatima George Grace Hana Hugo Ines Ivan James Jana Kofi "
    "Lena Liam Lucia Marta Mei Milan Nadia Noah Olga Omar Paula Pedro Rosa Samuel Sofia Tariq Uma Viktor Yara"
)
_LAST_NAMES = (
    "Adams Ahmed Alvarez Becker Brown Castro Chen Costa Diaz Evans Fischer Garcia Haddad Hansen Hughes Ito Ivanova "
    "Jensen Kaya Khan Kim Kovacs Lopez Martin Meyer Mwangi Nguyen Novak Okafor Olsen Patel Popov Rossi Santos Singh "
    "Smith Tanaka Turner Weber Young"
)
_CARS = ("Honda Accord", "Toyota Corolla", "Ford Focus", "Volkswagen Golf", "Kia Niro", "Subaru Outback")
_STREETS = ("Oak Street", "Maple Avenue", "Lake Road", "Mill Lane", "Station Road", "Hill Street")
_INCIDENTS = {
    PolicyKind.AUTO: ("a collision at a crossing", "hail on the bonnet", "a theft from the car", "a broken windscreen"),
    PolicyKind.HOME: ("a burst pipe", "a storm that took tiles off the roof", "a kitchen fire", "a burglary"),
    PolicyKind.RENTERS: ("a leak from the flat above", "a stolen bicycle", "a burnt carpet", "a burglary"),
    PolicyKind.LIFE: ("an accident abroad", "a long illness", "an operation", "a fall at work"),
}
_PREMIUMS_USD = {
    PolicyKind.AUTO: (60, 340),
    PolicyKind.HOME: (70, 260),
    PolicyKind.RENTERS: (12, 48),
    PolicyKind.LIFE: (20, 190),
}
"""A month's, from and to."""
_MONTHS = {Billed.MONTHLY: 1, Billed.QUARTERLY: 3, Billed.YEARLY: 12}
_KINDS = (PolicyKind.HOME, PolicyKind.RENTERS, PolicyKind.LIFE, PolicyKind.AUTO)
"""In this order the first customer has one of each, and with it KNOWN_NUMBER."""


def make_book(customers: int = CUSTOMERS) -> Book:
    """Return the insurer's rows; more customers add rows to those of fewer and change none."""
    people = tuple(_customer(number) for number in range(1, customers + 1))
    policies = tuple(_policies(people))
    bills = tuple(bill for policy in policies for bill in _bills(policy))
    return Book(people, policies, bills, tuple(claim for policy in policies for claim in _claims(policy)))


def _random(key: str) -> Random:
    return Random(f"{EDITION}/{key}")  # noqa: S311 - reproducible rows, no secret


def _pick(random: Random, options: Sequence[T]) -> T:
    """Return one of `options`. Of Random only `random` is promised to give the same in every version of Python."""
    return options[int(random.random() * len(options))]


def _between(random: Random, low: int, high: int) -> int:
    return low + int(random.random() * (high - low + 1))


def _customer(number: int) -> Customer:
    random = _random(f"customer/{number}")
    first, last = _pick(random, _FIRST_NAMES.split()), _pick(random, _LAST_NAMES.split())
    email = f"{first}.{last}.{number}@example.com".lower()
    return Customer(f"CUST{number:05}", first, last, email, f"+1 555 01{_between(random, 0, 99):02}")


def _policies(people: Sequence[Customer]) -> Iterator[Policy]:
    number = 0
    for person in people:
        random = _random(f"policies/{person.customer_id}")
        held = _KINDS if not number else [kind for kind in _KINDS if random.random() < 0.5] or [PolicyKind.AUTO]
        for kind in held:
            number += 1
            yield _policy(f"POL{number:06}", person, kind)


def _policy(number: str, holder: Customer, kind: PolicyKind) -> Policy:
    random = _random(f"policy/{number}")
    is_known = number == KNOWN_NUMBER
    state = PolicyState.ACTIVE if random.random() < 0.9 else _pick(random, (PolicyState.LAPSED, PolicyState.CANCELLED))
    billed = _pick(random, (Billed.MONTHLY, Billed.MONTHLY, Billed.QUARTERLY, Billed.YEARLY))
    low, high = _PREMIUMS_USD[kind]
    cents = _between(random, low * 100, high * 100)
    billed = Billed.MONTHLY if is_known else billed
    starts_on = TODAY - timedelta(days=_between(random, 200, 3_000))
    return Policy(
        policy_number=number,
        customer_id=holder.customer_id,
        kind=kind,
        state=PolicyState.ACTIVE if is_known else state,
        insured=_insured(random, kind, holder),
        starts_on=starts_on,
        ends_on=TODAY + timedelta(days=_between(random, 30, 700)),
        billed=billed,
        premium_usd_micro=KNOWN_PREMIUM_USD_MICRO if is_known else cents * CENT * _MONTHS[billed],
        coverage_usd_micro=_between(random, 2, 60) * 10_000 * USD_MICRO,
        deductible_usd_micro=_between(random, 1, 10) * 250 * USD_MICRO,
    )


def _insured(random: Random, kind: PolicyKind, holder: Customer) -> str:
    if kind is PolicyKind.AUTO:
        return f"a {_between(random, 2008, 2026)} {_pick(random, _CARS)}"
    if kind is PolicyKind.LIFE:
        return f"{holder.first_name} {holder.last_name}"
    return f"{_between(random, 1, 240)} {_pick(random, _STREETS)}"


def _bills(policy: Policy) -> Iterator[Bill]:
    """Yield the bills of about half a year, the newest last; only the newest of them may be unpaid."""
    random = _random(f"bills/{policy.policy_number}")
    day, months, newest = _between(random, 1, 28), _MONTHS[policy.billed], _newest_state(random, policy)
    late = 1 if newest is BillState.OVERDUE else 0
    for ordinal, age in enumerate(range(5 // months * months, -1, -months), start=1):
        year, month = divmod(TODAY.year * 12 + TODAY.month - 1 - age - late, 12)
        due_on, state = date(year, month + 1, day), BillState.PAID if age else newest
        yield Bill(
            bill_id=f"BILL{policy.policy_number.removeprefix('POL')}-{ordinal}",
            policy_number=policy.policy_number,
            state=state,
            amount_usd_micro=policy.premium_usd_micro,
            due_on=due_on,
            paid_on=min(TODAY, due_on - timedelta(days=_between(random, 0, 9))) if state is BillState.PAID else None,
        )


def _newest_state(random: Random, policy: Policy) -> BillState:
    drawn = random.random()
    if policy.policy_number == KNOWN_NUMBER:
        return BillState.OPEN
    if policy.state is PolicyState.LAPSED or drawn < 0.15:
        return BillState.OVERDUE
    return BillState.OPEN if drawn < 0.6 else BillState.PAID


def _claims(policy: Policy) -> Iterator[LossClaim]:
    random = _random(f"claims/{policy.policy_number}")
    count = 1 if policy.policy_number == KNOWN_NUMBER else _pick(random, (0, 0, 0, 1, 1, 2))
    for ordinal in range(1, count + 1):
        happened_on = TODAY - timedelta(days=_between(random, 20, 190))
        state = _pick(random, tuple(ClaimState))
        loss = _between(random, 150_00, 9_000_00) * CENT
        yield LossClaim(
            claim_id=f"CLM{policy.policy_number.removeprefix('POL')}-{ordinal}",
            policy_number=policy.policy_number,
            state=state,
            incident=_pick(random, _INCIDENTS[policy.kind]),
            happened_on=happened_on,
            filed_on=happened_on + timedelta(days=_between(random, 0, 14)),
            loss_usd_micro=loss,
            paid_usd_micro=max(0, loss - policy.deductible_usd_micro) if state is ClaimState.PAID else None,
        )
