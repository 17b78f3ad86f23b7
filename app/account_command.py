"""`switchyard tenants` and `switchyard keys`: who owns data, and with which keys."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime

from app.accounts.keys import ApiKey, Keys
from app.accounts.tenants import Tenant, Tenants
from app.command_database import open_database
from app.console import Console
from app.errors import BadInput
from app.ids import KeyPermission
from app.postgres import Database
from app.settings import Settings


class Accounts:
    """The doors that the account commands use."""

    def __init__(self, database: Database) -> None:
        self.tenants = Tenants(database)
        self.keys = Keys(database)


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncGenerator[Accounts]:
    """Open one connection to PostgreSQL."""
    async with open_database(settings) as database:
        yield Accounts(database)


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
        revoked = "" if tenant.revoked_at is None else f", revoked since {_minute(tenant.revoked_at, '')} UTC"
        console.say(f"tenant {tenant.name} ({tenant.id}){revoked}")


async def list_tenants(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Show every tenant."""
    tenants = await accounts.tenants.list()
    if given.json:
        console.show_json(tenants)
    else:
        console.table(("NAME", "ID", "KEYS", "CREATED", "REVOKED"), [_tenant_row(tenant) for tenant in tenants])


async def revoke_tenant(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Revoke a tenant and all its keys."""
    revoked = await accounts.tenants.revoke(given.name)
    if given.json:
        console.show_json({"tenant": given.name, "revoked": revoked})
    else:
        console.say(f"{len(revoked)} keys of {given.name} are revoked; its data stays")
        console.say(f"It gets no new key until `switchyard tenants restore {given.name}`.")


async def restore_tenant(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Let a revoked tenant have keys again."""
    tenant = await accounts.tenants.restore(given.name)
    if given.json:
        console.show_json(tenant)
    else:
        console.say(f"tenant {tenant.name} may have keys again; those that were revoked stay so")


async def add_key(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Make a key and show it, once, with the prefix by which it is revoked."""
    tenant = await accounts.tenants.get(given.tenant)
    key = await accounts.keys.add(
        tenant.id, given.name, (KeyPermission.OPERATE,) if given.operate else (), batch_only=given.batch_only
    )
    if given.json:
        console.show_json(key)
        return
    console.say(key.key)
    console.say(f"Its prefix is {key.prefix}: `switchyard keys revoke {key.prefix}` revokes it.")
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
    """Revoke one key. Only its prefix is shown."""
    prefix = await accounts.keys.revoke(given.key)
    if given.json:
        console.show_json({"revoked": [prefix]})
    else:
        console.say(f"key {prefix} is revoked; replicas refuse it within 5 seconds")


def _tenant_row(tenant: Tenant) -> tuple[str, ...]:
    return (
        tenant.name,
        str(tenant.id),
        str(tenant.keys),
        _minute(tenant.created_at, ""),
        _minute(tenant.revoked_at, "no"),
    )


def _key_row(key: ApiKey) -> tuple[str, ...]:
    used, revoked = _minute(key.last_used_at, "never"), _minute(key.revoked_at, "no")
    may = ",".join([*key.permissions, *(["batch only"] if key.batch_only else [])])
    return (key.prefix, key.tenant, key.name, may or "-", used, revoked)


def _minute(at: datetime | None, otherwise: str) -> str:
    return otherwise if at is None else f"{at:%Y-%m-%d %H:%M}"
