"""`switchyard tenants` and `switchyard keys`: who owns data, and with which keys."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from app.accounts.keys import ApiKey, Keys
from app.accounts.tenants import Tenant, Tenants
from app.console import Console
from app.errors import BadInput
from app.ids import KeyPermission
from app.postgres import Database, make_pool
from app.settings import Settings, database_access
from app.telemetry.metrics import Metrics


class Accounts:
    """The doors that the account commands use."""

    def __init__(self, database: Database) -> None:
        self.tenants = Tenants(database)
        self.keys = Keys(database)


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncGenerator[Accounts]:
    """Open one connection to PostgreSQL."""
    pool = make_pool(database_access(settings), size=1, wait_s=5.0)
    await pool.open(wait=False)
    try:
        yield Accounts(Database(pool, Metrics(CollectorRegistry())))
    finally:
        await pool.close()


async def add_tenant(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Make a tenant; with --exist-ok an existing one is shown."""
    try:
        tenant = await accounts.tenants.add(given.name)
    except BadInput as error:
        if not (given.exist_ok and "name" in error.facts):
            raise
        tenant = await accounts.tenants.get(given.name)
    if given.json:
        console.show_json(tenant)
    else:
        console.say(f"tenant {tenant.name} ({tenant.id})")


async def list_tenants(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Show every tenant."""
    tenants = await accounts.tenants.list()
    if given.json:
        console.show_json(tenants)
    else:
        console.table(("NAME", "ID", "KEYS", "CREATED"), [_tenant_row(tenant) for tenant in tenants])


async def revoke_tenant(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Revoke all keys of a tenant."""
    revoked = await accounts.tenants.revoke(given.name)
    if given.json:
        console.show_json({"tenant": given.name, "revoked": revoked})
    else:
        console.say(f"{len(revoked)} keys of {given.name} are revoked; its data stays")


async def add_key(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Make a key and show it, once."""
    tenant = await accounts.tenants.get(given.tenant)
    key = await accounts.keys.add(tenant.id, given.name, (KeyPermission.OPERATE,) if given.operate else ())
    if given.json:
        console.show_json(key)
    else:
        console.say(key.key)
        console.say("This is its only showing: only a hash is kept.")


async def list_keys(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Show keys, without their secrets."""
    tenant_id = (await accounts.tenants.get(given.tenant)).id if given.tenant else None
    keys = await accounts.keys.list(tenant_id)
    if given.json:
        console.show_json(keys)
    else:
        console.table(
            ("PREFIX", "TENANT", "NAME", "PERMISSIONS", "LAST USED", "REVOKED"), [_key_row(key) for key in keys]
        )


async def revoke_key(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Revoke one key."""
    await accounts.keys.revoke(given.prefix)
    if given.json:
        console.show_json({"revoked": [given.prefix]})
    else:
        console.say(f"key {given.prefix} is revoked; replicas refuse it within 5 seconds")


def _tenant_row(tenant: Tenant) -> tuple[str, ...]:
    return (tenant.name, str(tenant.id), str(tenant.keys), f"{tenant.created_at:%Y-%m-%d %H:%M}")


def _key_row(key: ApiKey) -> tuple[str, ...]:
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "no"
    return (key.prefix, key.tenant, key.name, ",".join(key.permissions) or "-", used, revoked)
