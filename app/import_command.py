"""`switchyard import insurance`: moves an SQLite database of the older design into a tenant's insurance tables."""

import argparse
import asyncio
from pathlib import Path

from app.accounts.tenants import Tenants
from app.agents.insurance.importing import Imported, import_rows
from app.agents.insurance.older import read_file
from app.commandline import acts
from app.console import Console
from app.errors import BadInput
from app.postgres import Database


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the grammar of `switchyard import`."""
    importing = parser.add_subparsers(required=True).add_parser(
        "insurance", help="customers, policies, bills and claims of an SQLite file"
    )
    acts(importing, import_insurance)
    importing.add_argument("tenant", help="whose tables are filled; it has no such rows yet")
    importing.add_argument("file", type=Path, help="the SQLite database")
    importing.add_argument("--dry-run", action="store_true", help="check every row, and write none")
    importing.add_argument("--leave-out", action="store_true", help="write the others where rows are refused")


async def import_insurance(given: argparse.Namespace, database: Database, console: Console) -> None:
    """Move the rows of one file. Raises TenantUnknown, BadInput, StoreUnavailable."""
    tenant = await Tenants(database).get(given.tenant)
    read = await asyncio.to_thread(read_file, given.file)
    imported = await import_rows(database, tenant.id, read, leave_out=given.leave_out, dry=given.dry_run)
    if given.json:
        console.show_json(imported)
    else:
        _tell(imported, tenant.name, console, dry=given.dry_run)
    if imported.refused_rows and not imported.written and not given.dry_run:
        raise BadInput(
            f"{imported.refused_rows} rows are refused, so nothing is written: mend the file, or say --leave-out"
        )


def _tell(imported: Imported, tenant: str, console: Console, *, dry: bool) -> None:
    for one in imported.refused:
        console.say(f"{one.table} row {one.row} {one.key}: {one.field} {one.why}")
    if imported.refused_rows > len(imported.refused):
        console.say(f"... and {imported.refused_rows - len(imported.refused)} more")
    counted = (
        f"{imported.customers} customers, {imported.policies} policies, {imported.bills} bills and "
        f"{imported.claims} claims"
    )
    if imported.written:
        console.say(f"{counted} are written for {tenant}, and were compared with the file")
    elif dry:
        console.say(f"{counted} could be written for {tenant}; {imported.refused_rows} rows are refused")
