"""Customers, policies, bills and claims, as the insurance tables keep them."""

from datetime import date
from enum import StrEnum

import msgspec


class PolicyKind(StrEnum):
    """What a policy insures."""

    AUTO = "auto"
    """A vehicle."""
    HOME = "home"
    """A house that its owner lives in."""
    RENTERS = "renters"
    """What a tenant of a flat has in it."""
    LIFE = "life"
    """A life."""


class PolicyState(StrEnum):
    """Whether a policy insures now."""

    ACTIVE = "active"
    """It does."""
    LAPSED = "lapsed"
    """It ended because nobody paid."""
    CANCELLED = "cancelled"
    """Its holder ended it."""


class Billed(StrEnum):
    """How often a premium is due."""

    MONTHLY = "monthly"
    """Every month."""
    QUARTERLY = "quarterly"
    """Every three months."""
    YEARLY = "yearly"
    """Once a year."""


class BillState(StrEnum):
    """Where a bill stands."""

    OPEN = "open"
    """It is not paid, and has time."""
    PAID = "paid"
    """It is paid."""
    OVERDUE = "overdue"
    """It is not paid, and should be."""


class ClaimState(StrEnum):
    """Where a claim stands."""

    SUBMITTED = "submitted"
    """It was filed, and nobody has read it yet."""
    IN_REVIEW = "in_review"
    """Somebody looks at it."""
    APPROVED = "approved"
    """It will be paid."""
    DENIED = "denied"
    """It will not be paid."""
    PAID = "paid"
    """It was paid."""


class FiledKind(StrEnum):
    """What is filed for a person to work on."""

    ESCALATION = "escalation"
    """Somebody must decide."""
    CALLBACK = "callback"
    """Somebody must call the customer."""


class Customer(msgspec.Struct, frozen=True):
    """Who holds policies."""

    customer_id: str
    first_name: str
    last_name: str
    email: str
    phone: str


class Premium(msgspec.Struct, frozen=True):
    """What a policy costs each period."""

    policy_number: str
    kind: PolicyKind
    premium_usd_micro: int
    billed: Billed


class Policy(msgspec.Struct, frozen=True):
    """A policy; its premium is due once a period."""

    policy_number: str
    customer_id: str
    kind: PolicyKind
    state: PolicyState
    insured: str
    """Whom or what it insures, in words."""
    starts_on: date
    ends_on: date
    billed: Billed
    premium_usd_micro: int
    coverage_usd_micro: int
    deductible_usd_micro: int

    @property
    def premium(self) -> Premium:
        """What it costs."""
        return Premium(self.policy_number, self.kind, self.premium_usd_micro, self.billed)


class Bill(msgspec.Struct, frozen=True):
    """A premium of one period."""

    bill_id: str
    policy_number: str
    state: BillState
    amount_usd_micro: int
    due_on: date
    paid_on: date | None = None

    @property
    def is_unpaid(self) -> bool:
        """Whether it is still to be paid."""
        return self.state is not BillState.PAID


class LossClaim(msgspec.Struct, frozen=True):
    """A customer's claim for a loss; `paid_usd_micro` once it was paid."""

    claim_id: str
    policy_number: str
    state: ClaimState
    incident: str
    happened_on: date
    filed_on: date
    loss_usd_micro: int
    paid_usd_micro: int | None = None


class Book(msgspec.Struct, frozen=True):
    """All rows of an insurer."""

    customers: tuple[Customer, ...]
    policies: tuple[Policy, ...]
    bills: tuple[Bill, ...]
    claims: tuple[LossClaim, ...]
