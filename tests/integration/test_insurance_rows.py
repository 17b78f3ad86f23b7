"""The insurance tables: seeded once, and each row for its tenant and its customer alone."""

import io
from datetime import date

import pytest

from app.accounts.tenants import Tenant, Tenants
from app.agents.insurance import seed_rows, tools
from app.agents.insurance.records import BillState, FiledKind, PolicyKind
from app.agents.insurance.rows import MOST_POLICIES, NEWEST, InsuranceRows, file
from app.agents.insurance.seed import make_book
from app.agents.insurance.tools import ClaimsAsked, CustomerAsked, PolicyAsked
from app.cli import build_parser, run
from app.console import Console
from app.errors import BadInput, RowExists, StatementWrong
from app.postgres import Database
from tests.integration.account_fixtures import database as database
from tests.integration.account_fixtures import name as name

FEW = 5


@pytest.fixture
async def tenant(database: Database, name: str) -> Tenant:
    """A tenant of the test's own, with the rows of five customers."""
    made = await Tenants(database).add(name)
    await seed_rows.seed(database, made.id, FEW)
    return made


async def test_a_row_is_read_as_it_was_seeded(database: Database, tenant: Tenant) -> None:
    rows, book = InsuranceRows(database, tenant.id), make_book(FEW)
    held = tuple(one for one in book.policies if one.customer_id == "CUST00001")
    assert await rows.list_policies("CUST00001") == held
    assert await rows.find_policy("POL000004", None) == held[3]
    bills = [one for one in book.bills if one.policy_number == "POL000004"]
    assert await rows.list_bills("POL000004") == tuple(reversed(bills))
    claim = next(one for one in book.claims if one.policy_number == "POL000004")
    assert await rows.list_claims("POL000004") == (claim,)
    assert await rows.find_claim(claim.claim_id, "CUST00001") == claim


@pytest.mark.usefixtures("tenant")
async def test_a_row_of_another_tenant_is_none(database: Database, name: str) -> None:
    stranger = await Tenants(database).add(f"{name}-2")
    rows = InsuranceRows(database, stranger.id)
    assert await rows.find_policy("POL000004", None) is None
    assert await rows.list_policies("CUST00001") == ()
    assert await rows.list_bills("POL000004") == ()
    assert await rows.list_claims("POL000004") == ()
    assert await rows.find_claim("CLM000004-1", None) is None


async def test_a_policy_or_claim_of_another_customer_is_none(database: Database, tenant: Tenant) -> None:
    rows = InsuranceRows(database, tenant.id)
    assert await rows.find_policy("POL000004", "CUST00002") is None
    assert await rows.find_claim("CLM000004-1", "CUST00002") is None


async def test_seeding_again_changes_nothing_even_what_was_changed_since(database: Database, tenant: Tenant) -> None:
    async with database.connection("test") as conn:
        await conn.execute(
            "UPDATE policies SET premium_usd_micro = 1 WHERE tenant_id = %s AND policy_number = 'POL000004'",
            (tenant.id,),
        )
    seeded = await seed_rows.seed(database, tenant.id, FEW)
    book = make_book(FEW)
    assert seeded == seed_rows.Seeded(FEW, len(book.policies), len(book.bills), len(book.claims), written=False)
    policy = await InsuranceRows(database, tenant.id).find_policy("POL000004", None)
    assert policy is not None
    assert policy.premium_usd_micro == 1


async def test_a_tenant_with_rows_of_its_own_is_not_seeded(database: Database, name: str) -> None:
    tenant = await Tenants(database).add(name)
    async with database.connection("test") as conn:
        await conn.execute(
            "INSERT INTO customers VALUES (%s, 'CUST00001', 'Own', 'Row', 'own@example.com')", (tenant.id,)
        )
    with pytest.raises(BadInput, match="1 customers and 0 policies that no seed wrote"):
        await seed_rows.seed(database, tenant.id, FEW)
    async with database.connection("test") as conn:
        rows = await (
            await conn.execute("SELECT first_name FROM customers WHERE tenant_id = %s", (tenant.id,))
        ).fetchall()
    assert rows == [{"first_name": "Own"}]
    assert await InsuranceRows(database, tenant.id).find_policy("POL000004", None) is None


async def test_a_tenant_that_was_seeded_otherwise_is_told_how(database: Database, tenant: Tenant) -> None:
    with pytest.raises(BadInput, match="edition 1 of 5 customers, not with edition 1 of 6"):
        await seed_rows.seed(database, tenant.id, FEW + 1)


async def test_two_tenants_have_the_same_numbers_each_for_itself(database: Database, tenant: Tenant, name: str) -> None:
    other = await Tenants(database).add(f"{name}-2")
    assert (await seed_rows.seed(database, other.id, FEW)).written
    async with database.connection("test") as conn:
        await conn.execute(
            "UPDATE policies SET insured = 'a bus' WHERE tenant_id = %s AND policy_number = 'POL000004'", (other.id,)
        )
    policy = await InsuranceRows(database, tenant.id).find_policy("POL000004", None)
    assert policy is not None
    assert (policy.kind, policy.insured) == (PolicyKind.AUTO, make_book(FEW).policies[3].insured)


async def test_what_is_filed_for_a_person_is_a_row_of_its_transaction(database: Database, tenant: Tenant) -> None:
    async def file_one(*, breaks: bool) -> None:
        async with database.transaction("test") as conn:
            given = {"customer_id": "CUST00001", "policy_number": None}
            await file(conn, tenant.id, FiledKind.CALLBACK, "call me", **given)
            if breaks:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await file_one(breaks=True)
    await file_one(breaks=False)
    async with database.connection("test") as conn:
        cursor = await conn.execute(
            "SELECT kind, reason, customer_id FROM escalations WHERE tenant_id = %s", (tenant.id,)
        )
        assert await cursor.fetchall() == [{"kind": "callback", "reason": "call me", "customer_id": "CUST00001"}]


def test_one_command_fills_the_tables_of_a_tenant(postgres_url: str, name: str) -> None:
    def command(*arguments: str) -> tuple[int, str, str]:
        out, notes = io.StringIO(), io.StringIO()
        environ = {"SWITCHYARD_DATABASE_URL": postgres_url}
        status = run(build_parser().parse_args(arguments), environ, Console(out), Console(notes))
        return status, out.getvalue(), notes.getvalue()

    command("tenants", "add", name)
    status, said, _ = command("seed", "insurance", name)
    assert status == 0
    assert "1000 customers, 2063 policies, 7756 bills and 1348 claims are written for" in said
    assert command("seed", "insurance", name)[1].startswith(
        "1000 customers, 2063 policies, 7756 bills and 1348 claims are there already, unchanged"
    )
    assert command("seed", "insurance", f"{name}-none")[0] == 1


async def test_a_bill_keeps_its_day_and_state(database: Database, tenant: Tenant) -> None:
    newest = (await InsuranceRows(database, tenant.id).list_bills("POL000004"))[0]
    assert (newest.state, newest.due_on, newest.amount_usd_micro) == (BillState.OPEN, date(2026, 11, 7), 197_880_000)


INSERT_CUSTOMER = "INSERT INTO customers VALUES (%(tenant_id)s, %(customer_id)s, %(first)s, %(last)s, %(email)s)"
LONGEST = {"customer_id": "C" * 20, "first": "F" * 50, "last": "L" * 50, "email": "e" * 100}


@pytest.mark.requirement("INS-30.id", "INS-30.first-name", "INS-30.last-name", "INS-30.email", "INS-33.insurance")
@pytest.mark.parametrize("field", list(LONGEST))
async def test_a_customer_has_fields_of_the_promised_lengths(database: Database, name: str, field: str) -> None:
    tenant = await Tenants(database).add(name)
    given = {"tenant_id": tenant.id, **LONGEST}
    async with database.connection("test") as conn:
        await conn.execute(INSERT_CUSTOMER, given)
    with pytest.raises(StatementWrong) as refused:
        async with database.connection("test") as conn:
            await conn.execute(INSERT_CUSTOMER, {**given, field: f"{LONGEST[field]}+"})
    assert "(22001)" in refused.value.detail


@pytest.mark.requirement("INS-30.id", "INS-31.number")
async def test_a_number_names_one_row_of_a_tenant(database: Database, tenant: Tenant) -> None:
    async with database.connection("test") as conn:
        rows = await (
            await conn.execute(
                """SELECT conrelid::regclass::text AS of, pg_get_constraintdef(oid) AS says FROM pg_constraint
                   WHERE contype = 'p' AND conrelid::regclass::text IN ('customers', 'policies') ORDER BY 1"""
            )
        ).fetchall()
    assert [(row["of"], row["says"]) for row in rows] == [
        ("customers", "PRIMARY KEY (tenant_id, customer_id)"),
        ("policies", "PRIMARY KEY (tenant_id, policy_number)"),
    ]
    with pytest.raises(RowExists):
        async with database.connection("test") as conn:
            await conn.execute(INSERT_CUSTOMER, {"tenant_id": tenant.id, **LONGEST, "customer_id": "CUST00001"})


COPY_POLICY = """
    INSERT INTO policies
    SELECT %(to)s, %(number)s, customer_id, kind, state, insured, starts_on, ends_on, billed, premium_usd_micro,
           coverage_usd_micro, deductible_usd_micro
    FROM policies WHERE tenant_id = %(tenant_id)s AND policy_number = 'POL000004'
"""


@pytest.mark.requirement("INS-31.customer", "INS-31.number")
@pytest.mark.parametrize(("whose", "number", "sqlstate"), [("other", "P" * 20, "23503"), ("own", "P" * 21, "22001")])
async def test_a_policy_has_a_number_of_20_characters_and_a_customer_of_its_own_tenant(
    database: Database, tenant: Tenant, name: str, whose: str, number: str, sqlstate: str
) -> None:
    other = await Tenants(database).add(f"{name}-2")
    async with database.connection("test") as conn:
        await conn.execute(COPY_POLICY, {"to": tenant.id, "tenant_id": tenant.id, "number": "P" * 20})
    to = other.id if whose == "other" else tenant.id
    with pytest.raises(StatementWrong) as refused:
        async with database.connection("test") as conn:
            await conn.execute(COPY_POLICY, {"to": to, "tenant_id": tenant.id, "number": number})
    assert f"({sqlstate})" in refused.value.detail


async def test_what_is_unpaid_is_read_behind_any_number_of_paid_bills_and_what_is_left_out_is_counted(
    database: Database, tenant: Tenant
) -> None:
    add = """
        INSERT INTO billing (tenant_id, bill_id, policy_number, state, amount_usd_micro, due_on, paid_on)
        SELECT %(tenant)s, 'OLD-' || n, 'POL000004', CASE WHEN n = 1 THEN 'overdue' ELSE 'paid' END, 1000000,
               date '2001-01-01' + n, CASE WHEN n = 1 THEN NULL ELSE date '2001-01-01' + n END
        FROM generate_series(1, 60) AS n
    """
    async with database.connection("test") as conn:
        await conn.execute(add, {"tenant": tenant.id})
    billing = await tools.BILLING.act(database, tenant.id, PolicyAsked("POL000004"))
    seeded = [one for one in make_book(FEW).bills if one.policy_number == "POL000004"]
    assert [one.bill_id for one in billing.bills if one.is_unpaid][-1] == "OLD-1"
    assert sum(not one.is_unpaid for one in billing.bills) == NEWEST
    paid = sum(one.paid_on is not None for one in seeded)
    assert (billing.further_unpaid, billing.further_payments) == (0, 59 + paid - NEWEST)


async def test_of_more_claims_and_policies_than_are_read_the_others_are_counted(
    database: Database, tenant: Tenant
) -> None:
    policies = """
        INSERT INTO policies (tenant_id, policy_number, customer_id, kind, state, insured, starts_on, ends_on, billed,
                              premium_usd_micro, coverage_usd_micro, deductible_usd_micro)
        SELECT tenant_id, 'ZZ-' || n, customer_id, kind, state, insured, starts_on, ends_on, billed, premium_usd_micro,
               coverage_usd_micro, deductible_usd_micro
        FROM policies, generate_series(1, 30) AS n WHERE tenant_id = %(tenant)s AND policy_number = 'POL000004'
    """
    claims = """
        INSERT INTO claims (tenant_id, claim_id, policy_number, state, incident, happened_on, filed_on, loss_usd_micro)
        SELECT tenant_id, 'ZZ-' || n, policy_number, 'submitted', incident, happened_on, filed_on, loss_usd_micro
        FROM claims, generate_series(1, 30) AS n WHERE tenant_id = %(tenant)s AND claim_id = 'CLM000004-1'
    """
    async with database.connection("test") as conn:
        await conn.execute(policies, {"tenant": tenant.id})
        await conn.execute(claims, {"tenant": tenant.id})
    held = await tools.CUSTOMER_POLICIES.act(database, tenant.id, CustomerAsked("CUST00001"))
    assert (len(held.policies), held.further) == (MOST_POLICIES, 34 - MOST_POLICIES)
    found = await tools.CLAIM_STATUS.act(database, tenant.id, ClaimsAsked(None, "POL000004"))
    assert (len(found.claims), found.further) == (NEWEST, 31 - NEWEST)
