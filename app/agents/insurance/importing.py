"""Writes an insurer's rows for one tenant that has none, compares what stands there then, or writes nothing."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec

from app.agents.insurance.older import MOST_TOLD, Read, RowRefused
from app.agents.insurance.records import Bill, Book, Customer, LossClaim, Policy
from app.agents.insurance.seed_rows import Seeded, count_rows, write_book
from app.errors import BadInput
from app.ids import TenantId
from app.postgres import Connection, Database

# Whoever imports or seeds the same tenant meanwhile waits for it.
HOLD_TENANT: LiteralString = "SELECT 1 FROM tenants WHERE id = %(tenant_id)s FOR UPDATE"
ALL_CUSTOMERS: LiteralString = """
    SELECT customer_id, first_name, last_name, email, phone FROM customers WHERE tenant_id = %(tenant_id)s
"""
ALL_POLICIES: LiteralString = """
    SELECT policy_number, customer_id, kind, state, insured, starts_on, ends_on, billed, premium_usd_micro,
           coverage_usd_micro, deductible_usd_micro
    FROM policies WHERE tenant_id = %(tenant_id)s
"""
ALL_BILLS: LiteralString = """
    SELECT bill_id, policy_number, state, amount_usd_micro, due_on, paid_on FROM billing WHERE tenant_id = %(tenant_id)s
"""
ALL_CLAIMS: LiteralString = """
    SELECT claim_id, policy_number, state, incident, happened_on, filed_on, loss_usd_micro, paid_usd_micro
    FROM claims WHERE tenant_id = %(tenant_id)s
"""


class Imported(msgspec.Struct, frozen=True):
    """What came of an import: the rows that are kept, by table, and those that are not, at most 1,000 of them."""

    customers: int
    policies: int
    bills: int
    claims: int
    written: bool
    refused_rows: int
    refused: tuple[RowRefused, ...]


async def import_rows(database: Database, tenant_id: TenantId, read: Read, *, leave_out: bool, dry: bool) -> Imported:
    """Write what was read, all or nothing; with `leave_out` without the rows that are refused.

    `dry` writes nothing, and says what would be. Raises BadInput where the tenant has rows already, or where what
    stands there afterwards is not what was read; StoreUnavailable.
    """
    writes = not dry and (leave_out or not read.refused)
    async with database.transaction("insurance.import") as conn:
        await conn.execute(HOLD_TENANT, {"tenant_id": tenant_id})
        there = await count_rows(conn, tenant_id, written=False)
        refuse_rows(there)
        if writes:
            await write_book(conn, tenant_id, read.book)
            compare(read.book, await _stored(conn, tenant_id))
    return imported_of(read, written=writes)


def imported_of(read: Read, *, written: bool) -> Imported:
    """Return what an import tells of what was read."""
    book = read.book
    counts = (len(book.customers), len(book.policies), len(book.bills), len(book.claims))
    return Imported(*counts, written, len(read.refused), read.refused[:MOST_TOLD])


def refuse_rows(there: Seeded) -> None:
    """Raise BadInput for a tenant that has rows: nothing is written over them."""
    if there.customers or there.policies or there.bills or there.claims:
        raise BadInput(
            f"the tenant has {there.customers} customers and {there.policies} policies already; nothing is written "
            "over them: import for another tenant"
        )


def compare(asked: Book, stored: Book) -> None:
    """Raise BadInput naming the first row that is missing, differs, or is too many."""
    tables = (
        ("customers", asked.customers, stored.customers),
        ("policies", asked.policies, stored.policies),
        ("billing", asked.bills, stored.bills),
        ("claims", asked.claims, stored.claims),
    )
    for table, wanted, there in tables:
        _compare(table, _by_key(wanted), _by_key(there))


def _compare(table: str, wanted: dict[str, msgspec.Struct], there: dict[str, msgspec.Struct]) -> None:
    for key, row in wanted.items():
        if there.get(key) != row:
            how = "differs" if key in there else "is missing"
            raise BadInput(f"{table}: the row {key} {how} after it was written; nothing was kept")
    if len(there) > len(wanted):
        raise BadInput(f"{table}: {len(there) - len(wanted)} rows more stand there than were read; nothing was kept")


def _by_key(rows: Sequence[msgspec.Struct]) -> dict[str, msgspec.Struct]:
    return {str(msgspec.structs.astuple(row)[0]): row for row in rows}


async def _stored(conn: Connection, tenant_id: TenantId) -> Book:
    given = {"tenant_id": tenant_id}
    customers = await (await conn.execute(ALL_CUSTOMERS, given)).fetchall()
    policies = await (await conn.execute(ALL_POLICIES, given)).fetchall()
    bills = await (await conn.execute(ALL_BILLS, given)).fetchall()
    claims = await (await conn.execute(ALL_CLAIMS, given)).fetchall()
    return Book(
        msgspec.convert(customers, tuple[Customer, ...]),
        msgspec.convert(policies, tuple[Policy, ...]),
        msgspec.convert(bills, tuple[Bill, ...]),
        msgspec.convert(claims, tuple[LossClaim, ...]),
    )
