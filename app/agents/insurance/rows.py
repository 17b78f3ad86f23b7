"""Statements on the insurance tables, each for one tenant; money in micro-dollars."""

from collections.abc import Mapping
from typing import LiteralString, TypeVar
from uuid import UUID

import msgspec

from app.agents.insurance.records import Bill, FiledKind, LossClaim, Policy
from app.errors import StatementWrong
from app.ids import TenantId
from app.postgres import Connection, Database

T = TypeVar("T")

NEWEST = 24
"""How many claims, how many paid bills and how many others are read at most, newest first."""
MOST_POLICIES = 20

FIND_POLICY: LiteralString = """
    SELECT policy_number, customer_id, kind, state, insured, starts_on, ends_on, billed, premium_usd_micro,
           coverage_usd_micro, deductible_usd_micro
    FROM policies
    WHERE tenant_id = %(tenant_id)s AND policy_number = %(policy_number)s
      AND (%(customer_id)s::text IS NULL OR customer_id = %(customer_id)s)
"""
LIST_POLICIES: LiteralString = """
    SELECT policy_number, customer_id, kind, state, insured, starts_on, ends_on, billed, premium_usd_micro,
           coverage_usd_micro, deductible_usd_micro
    FROM policies
    WHERE tenant_id = %(tenant_id)s AND customer_id = %(customer_id)s
    ORDER BY policy_number LIMIT %(limit)s
"""
LIST_BILLS: LiteralString = """
    SELECT bill_id, policy_number, state, amount_usd_micro, due_on, paid_on
    FROM (
        SELECT bill_id, policy_number, state, amount_usd_micro, due_on, paid_on,
               row_number() OVER (PARTITION BY state = 'paid' ORDER BY due_on DESC, bill_id DESC) AS place
        FROM billing
        WHERE tenant_id = %(tenant_id)s AND policy_number = %(policy_number)s
    ) AS placed
    WHERE place <= %(limit)s
    ORDER BY due_on DESC, bill_id DESC
"""
COUNT_BILLS: LiteralString = """
    SELECT count(*) FILTER (WHERE state <> 'paid') AS unpaid, count(paid_on) AS payments
    FROM billing
    WHERE tenant_id = %(tenant_id)s AND policy_number = %(policy_number)s
"""
COUNT_CLAIMS: LiteralString = """
    SELECT count(*) AS count FROM claims WHERE tenant_id = %(tenant_id)s AND policy_number = %(policy_number)s
"""
COUNT_POLICIES: LiteralString = """
    SELECT count(*) AS count FROM policies WHERE tenant_id = %(tenant_id)s AND customer_id = %(customer_id)s
"""
LIST_CLAIMS: LiteralString = """
    SELECT claim_id, policy_number, state, incident, happened_on, filed_on, loss_usd_micro, paid_usd_micro
    FROM claims
    WHERE tenant_id = %(tenant_id)s AND policy_number = %(policy_number)s
    ORDER BY filed_on DESC, claim_id DESC LIMIT %(limit)s
"""
FIND_CLAIM: LiteralString = """
    SELECT c.claim_id, c.policy_number, c.state, c.incident, c.happened_on, c.filed_on, c.loss_usd_micro,
           c.paid_usd_micro
    FROM claims c JOIN policies p USING (tenant_id, policy_number)
    WHERE tenant_id = %(tenant_id)s AND c.claim_id = %(claim_id)s
      AND (%(customer_id)s::text IS NULL OR p.customer_id = %(customer_id)s)
"""
FILE: LiteralString = """
    INSERT INTO escalations (tenant_id, kind, customer_id, policy_number, reason)
    VALUES (%(tenant_id)s, %(kind)s, %(customer_id)s, %(policy_number)s, %(reason)s)
    RETURNING id
"""


class BillCount(msgspec.Struct, frozen=True):
    """How many bills of a policy there are: not paid, and with a day on which they were."""

    unpaid: int
    payments: int


class Count(msgspec.Struct, frozen=True):
    """How many rows there are."""

    count: int


class InsuranceRows:
    """Reads of one tenant's insurance tables. A row of another tenant, or of another customer, is none."""

    def __init__(self, database: Database, tenant_id: TenantId) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def find_policy(self, policy_number: str, customer_id: str | None) -> Policy | None:
        """Return the policy; with a `customer_id`, only if that customer holds it."""
        given = {"policy_number": policy_number, "customer_id": customer_id}
        found = await self._rows(FIND_POLICY, given, Policy)
        return found[0] if found else None

    async def list_policies(self, customer_id: str) -> tuple[Policy, ...]:
        """Return up to MOST_POLICIES policies of the customer, by number."""
        return await self._rows(LIST_POLICIES, {"customer_id": customer_id, "limit": MOST_POLICIES}, Policy)

    async def list_bills(self, policy_number: str) -> tuple[Bill, ...]:
        """Return the NEWEST bills of a policy that are paid and the NEWEST that are not, newest first."""
        return await self._rows(LIST_BILLS, {"policy_number": policy_number, "limit": NEWEST}, Bill)

    async def count_bills(self, policy_number: str) -> BillCount:
        """Return how many bills of a policy are not paid, and how many payments there were."""
        return (await self._rows(COUNT_BILLS, {"policy_number": policy_number}, BillCount))[0]

    async def count_claims(self, policy_number: str) -> int:
        """Return how many claims there are on a policy."""
        return (await self._rows(COUNT_CLAIMS, {"policy_number": policy_number}, Count))[0].count

    async def count_policies(self, customer_id: str) -> int:
        """Return how many policies a customer holds."""
        return (await self._rows(COUNT_POLICIES, {"customer_id": customer_id}, Count))[0].count

    async def list_claims(self, policy_number: str) -> tuple[LossClaim, ...]:
        """Return the NEWEST claims on a policy, newest first."""
        return await self._rows(LIST_CLAIMS, {"policy_number": policy_number, "limit": NEWEST}, LossClaim)

    async def find_claim(self, claim_id: str, customer_id: str | None) -> LossClaim | None:
        """Return the claim; with a `customer_id`, only if it is on a policy that this customer holds."""
        found = await self._rows(FIND_CLAIM, {"claim_id": claim_id, "customer_id": customer_id}, LossClaim)
        return found[0] if found else None

    async def _rows(self, statement: LiteralString, given: Mapping[str, object], kind: type[T]) -> tuple[T, ...]:
        async with self._database.connection("insurance.read") as conn:
            rows = await (await conn.execute(statement, {**given, "tenant_id": self._tenant_id})).fetchall()
        return tuple(msgspec.convert(row, kind) for row in rows)


async def file(
    conn: Connection,
    tenant_id: TenantId,
    kind: FiledKind,
    reason: str,
    *,
    customer_id: str | None,
    policy_number: str | None,
) -> UUID:
    """File something for a person to work on, in the caller's transaction; return its id."""
    given = {
        "tenant_id": tenant_id,
        "kind": kind.value,
        "customer_id": customer_id,
        "policy_number": policy_number,
        "reason": reason,
    }
    row = await (await conn.execute(FILE, given)).fetchone()
    if row is None:
        raise StatementWrong("a row was filed and not returned")
    return row["id"]
