"""`switchyard seed`: fills a team's tables for one tenant, with rows of people and houses that do not exist."""

import argparse

from app.accounts.tenants import Tenants
from app.agents.insurance.seed import CUSTOMERS, KNOWN_NUMBER, MOST_CUSTOMERS
from app.agents.insurance.seed_rows import seed
from app.agents.scheduler import seed as scheduler_seed
from app.commandline import acts
from app.console import Console
from app.postgres import Database


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the grammar of `switchyard seed`."""
    teams = parser.add_subparsers(required=True)
    seeding = teams.add_parser("insurance", help="customers, policies, bills and claims, the same on every machine")
    acts(seeding, seed_insurance)
    seeding.add_argument("tenant", help="whose tables are filled")
    seeding.add_argument("--customers", type=_customers, default=CUSTOMERS, help=f"how many ({CUSTOMERS})")
    scheduling = teams.add_parser("scheduler", help="rooms, fields and gear, rules for them, and a few bookings")
    acts(scheduling, seed_scheduler)
    scheduling.add_argument("tenant", help="whose tables are filled")


async def seed_insurance(given: argparse.Namespace, database: Database, console: Console) -> None:
    """Fill the tables of one tenant. Raises TenantUnknown, BadInput, StoreUnavailable."""
    tenant = await Tenants(database).get(given.tenant)
    seeded = await seed(database, tenant.id, given.customers)
    if given.json:
        console.show_json(seeded)
        return
    counted = (
        f"{seeded.customers} customers, {seeded.policies} policies, {seeded.bills} bills and {seeded.claims} claims"
    )
    console.say(f"{counted} are {'written for' if seeded.written else 'there already, unchanged, for'} {tenant.name}")
    console.say(f"{KNOWN_NUMBER} of CUST00001 is one to ask for: what is its premium?")


async def seed_scheduler(given: argparse.Namespace, database: Database, console: Console) -> None:
    """Fill the tables of one tenant. Raises TenantUnknown, BadInput, StoreUnavailable."""
    tenant = await Tenants(database).get(given.tenant)
    seeded = await scheduler_seed.seed(database, tenant.id)
    if given.json:
        console.show_json(seeded)
        return
    counted = f"{seeded.resources} resources, {seeded.constraints} constraints and {seeded.bookings} bookings"
    console.say(f"{counted} are {'written for' if seeded.written else 'there already, unchanged, for'} {tenant.name}")


def _customers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_CUSTOMERS:
        raise argparse.ArgumentTypeError(f"a count from 1 to {MOST_CUSTOMERS}")
    return int(text)
