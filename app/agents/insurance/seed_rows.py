"""Writes the rows of the insurer that does not exist for one tenant, once."""

from collections.abc import Iterable, Sequence
from typing import LiteralString

import msgspec

from app.agents.insurance.records import Book
from app.agents.insurance.seed import EDITION, make_book
from app.errors import BadInput, StatementWrong
from app.ids import TenantId
from app.postgres import Connection, Database

# The row comes first: whoever seeds the same tenant meanwhile waits for it, and then finds it.
BEGIN_SEED: LiteralString = """
    INSERT INTO insurance_seeds (tenant_id, edition, customers)
    VALUES (%(tenant_id)s, %(edition)s, %(customers)s) ON CONFLICT (tenant_id) DO NOTHING
"""
FIND_SEED: LiteralString = """
    SELECT edition, customers FROM insurance_seeds WHERE tenant_id = %(tenant_id)s
"""
COUNT: LiteralString = """
    SELECT (SELECT count(*) FROM customers WHERE tenant_id = %(tenant_id)s) AS customers,
           (SELECT count(*) FROM policies WHERE tenant_id = %(tenant_id)s) AS policies,
           (SELECT count(*) FROM billing WHERE tenant_id = %(tenant_id)s) AS bills,
           (SELECT count(*) FROM claims WHERE tenant_id = %(tenant_id)s) AS claims
"""
COPY_CUSTOMERS: LiteralString = """
    COPY customers (tenant_id, customer_id, first_name, last_name, email, phone) FROM STDIN
"""
COPY_POLICIES: LiteralString = """
    COPY policies (tenant_id, policy_number, customer_id, kind, state, insured, starts_on, ends_on, billed,
                   premium_usd_micro, coverage_usd_micro, deductible_usd_micro) FROM STDIN
"""
COPY_BILLS: LiteralString = """
    COPY billing (tenant_id, bill_id, policy_number, state, amount_usd_micro, due_on, paid_on) FROM STDIN
"""
COPY_CLAIMS: LiteralString = """
    COPY claims (tenant_id, claim_id, policy_number, state, incident, happened_on, filed_on, loss_usd_micro,
                 paid_usd_micro) FROM STDIN
"""


class Seeded(msgspec.Struct, frozen=True):
    """How many rows the tenant has; `written` is false when they were there."""

    customers: int
    policies: int
    bills: int
    claims: int
    written: bool


async def seed(database: Database, tenant_id: TenantId, customers: int) -> Seeded:
    """Write the insurer's rows for a tenant, all or none.

    What was seeded before stays as it is, also what was changed in it since. Raises BadInput when the tenant was
    seeded otherwise, or has rows that no seed wrote: nothing is overwritten; StoreUnavailable.
    """
    given = {"tenant_id": tenant_id, "edition": EDITION, "customers": customers}
    async with database.transaction("insurance.seed") as conn:
        begun = await conn.execute(BEGIN_SEED, given)
        if not begun.rowcount:
            await _refuse_another(conn, tenant_id, customers)
            return await count_rows(conn, tenant_id, written=False)
        there = await count_rows(conn, tenant_id, written=False)
        if there.customers or there.policies or there.bills or there.claims:
            raise BadInput(
                f"the tenant has {there.customers} customers and {there.policies} policies that no seed wrote; "
                "nothing is written over them: seed another tenant"
            )
        await write_book(conn, tenant_id, make_book(customers))
        return await count_rows(conn, tenant_id, written=True)


async def _refuse_another(conn: Connection, tenant_id: TenantId, customers: int) -> None:
    row = await (await conn.execute(FIND_SEED, {"tenant_id": tenant_id})).fetchone()
    if row is not None and (row["edition"], row["customers"]) != (EDITION, customers):
        raise BadInput(
            f"the tenant was seeded with edition {row['edition']} of {row['customers']} customers, not with edition "
            f"{EDITION} of {customers}; nothing is written over that: seed another tenant"
        )


async def write_book(conn: Connection, tenant_id: TenantId, book: Book) -> None:
    """Add all rows of a book. Raises RowExists, StoreUnavailable."""
    await _copy(conn, COPY_CUSTOMERS, tenant_id, book.customers)
    await _copy(conn, COPY_POLICIES, tenant_id, book.policies)
    await _copy(conn, COPY_BILLS, tenant_id, book.bills)
    await _copy(conn, COPY_CLAIMS, tenant_id, book.claims)


async def _copy(
    conn: Connection, statement: LiteralString, tenant_id: TenantId, rows: Iterable[msgspec.Struct]
) -> None:
    async with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            values: Sequence[object] = msgspec.structs.astuple(row)
            await copy.write_row((tenant_id, *values))


async def count_rows(conn: Connection, tenant_id: TenantId, *, written: bool) -> Seeded:
    """Return how many rows a tenant has. Raises StoreUnavailable."""
    row = await (await conn.execute(COUNT, {"tenant_id": tenant_id})).fetchone()
    if row is None:
        raise StatementWrong("rows were counted and no count came")
    return Seeded(row["customers"], row["policies"], row["bills"], row["claims"], written)
