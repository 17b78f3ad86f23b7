"""An older insurer's rows moved into PostgreSQL: all or none, compared afterwards, and nothing written over."""

import io
import json
from pathlib import Path
from typing import LiteralString

import pytest

from app.accounts.tenants import Tenant, Tenants
from app.agents.insurance import importing
from app.agents.insurance.importing import import_rows
from app.agents.insurance.older import Read, read_file
from app.agents.insurance.records import Book
from app.agents.insurance.rows import InsuranceRows
from app.cli import build_parser, run
from app.console import Console
from app.errors import BadInput
from app.ids import TenantId
from app.postgres import Connection, Database
from tests.fakes.older import make_older, with_rows
from tests.integration.account_fixtures import database as database
from tests.integration.account_fixtures import name as name

BILL_REFUSED = with_rows(billing=(("BILL9", "POL000004", None, "soon", 1, "pending"),))


@pytest.fixture
def good(tmp_path: Path) -> Read:
    """The rows of a file in which nothing is refused."""
    return read_file(make_older(tmp_path / "good.sqlite"))


@pytest.fixture
def bad(tmp_path: Path) -> Read:
    """The same, and a bill that is refused."""
    return read_file(make_older(tmp_path / "bad.sqlite", BILL_REFUSED))


@pytest.fixture
async def tenant(database: Database, name: str) -> Tenant:
    """A tenant without rows."""
    return await Tenants(database).add(name)


async def count(database: Database, tenant_id: TenantId) -> int:
    async with database.connection("test") as conn:
        found = await conn.execute("SELECT count(*) AS n FROM customers WHERE tenant_id = %s", (tenant_id,))
        row = await found.fetchone()
    assert row is not None
    return row["n"]


async def moved(database: Database, tenant: Tenant, read: Read, *, leave_out: bool = False, dry: bool = False) -> bool:
    return (await import_rows(database, tenant.id, read, leave_out=leave_out, dry=dry)).written


@pytest.mark.requirement("INS-34.moves")
async def test_every_row_stands_there_as_it_was_read(database: Database, tenant: Tenant, good: Read) -> None:
    assert await moved(database, tenant, good)
    rows = InsuranceRows(database, tenant.id)
    assert await rows.find_policy("POL000004", "CUST00001") == good.book.policies[0]
    assert await rows.list_bills("POL000004") == tuple(reversed(good.book.bills))
    assert await rows.find_claim("CLM2", None) == good.book.claims[1]


async def test_a_refused_row_keeps_all_from_being_written_unless_it_is_left_out(
    database: Database, tenant: Tenant, bad: Read
) -> None:
    assert not await moved(database, tenant, bad)
    assert await count(database, tenant.id) == 0
    assert await moved(database, tenant, bad, leave_out=True)
    assert await count(database, tenant.id) == 2


async def test_a_dry_run_writes_nothing(database: Database, tenant: Tenant, good: Read) -> None:
    assert not await moved(database, tenant, good, dry=True)
    assert await count(database, tenant.id) == 0


@pytest.mark.requirement("INS-34.again")
async def test_nothing_is_written_over_rows_that_are_there(database: Database, tenant: Tenant, good: Read) -> None:
    await moved(database, tenant, good)
    with pytest.raises(BadInput, match="2 customers and 2 policies already"):
        await moved(database, tenant, good)


@pytest.mark.requirement("INS-34.checks")
async def test_a_row_that_differs_or_is_missing_afterwards_is_named_and_nothing_stays(
    database: Database, tenant: Tenant, good: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = importing.write_book
    statement: LiteralString = (
        "UPDATE policies SET premium_usd_micro = 1 WHERE tenant_id = %s AND policy_number = 'POL000005'"
    )

    async def spoil(conn: Connection, tenant_id: TenantId, book: Book) -> None:
        await write(conn, tenant_id, book)
        await conn.execute(statement, (tenant_id,))

    monkeypatch.setattr(importing, "write_book", spoil)
    with pytest.raises(BadInput, match="policies: the row POL000005 differs"):
        await moved(database, tenant, good)
    statement = "DELETE FROM claims WHERE tenant_id = %s AND claim_id = 'CLM1'"
    with pytest.raises(BadInput, match="claims: the row CLM1 is missing"):
        await moved(database, tenant, good)
    assert await count(database, tenant.id) == 0


def test_the_command_tells_what_it_did_and_which_rows_it_refused(postgres_url: str, name: str, tmp_path: Path) -> None:
    bad, good = make_older(tmp_path / "bad.sqlite", BILL_REFUSED), make_older(tmp_path / "good.sqlite")

    def command(*arguments: str) -> tuple[int, str, str]:
        said, notes = io.StringIO(), io.StringIO()
        environ = {"SWITCHYARD_DATABASE_URL": postgres_url}
        status = run(build_parser().parse_args(arguments), environ, Console(said), Console(notes))
        return status, said.getvalue(), notes.getvalue()

    command("tenants", "add", name)
    status, said, notes = command("import", "insurance", name, str(bad))
    assert (status, said) == (1, "billing row 3 BILL9: due_on is no date (2024-03-01 or 3/1/2024)\n")
    assert "1 rows are refused, so nothing is written" in notes
    status, said, _ = command("import", "insurance", name, str(good), "--dry-run")
    could = f"2 customers, 2 policies, 2 bills and 2 claims could be written for {name}; 0 rows are refused\n"
    assert (status, said) == (0, could)
    status, said, _ = command("import", "insurance", name, str(good), "--json")
    assert (status, json.loads(said)["written"]) == (0, True)
    assert command("import", "insurance", name, str(good))[0] == 1
