"""`switchyard tenants` and `switchyard keys`: who owns data, and with which keys."""

import argparse
import importlib
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from app.accounts.keys import ApiKey, Keys
from app.accounts.ollama_keys import read_public_key
from app.accounts.tenants import Tenant, Tenants
from app.command_database import open_database
from app.console import Console
from app.errors import BadInput
from app.ids import KeyContract, KeyPermission
from app.postgres import Database
from app.settings import Settings
from app.webhooks.secrets import WebhookSecrets

TIERS = ("simple", "medium", "complex")
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Accounts:
    """The doors that the account commands use."""

    def __init__(self, database: Database) -> None:
        self.tenants = Tenants(database)
        self.keys = Keys(database)
        self.webhook_secrets = WebhookSecrets(database)


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


def add_tool_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard tenants tools` takes."""
    parser.add_argument("name")
    adding = partial(parser.add_argument, action="append", default=[], metavar="TOOL")
    adding("--deny", type=_tool, help="may not be used any more")
    adding("--allow", help="may be used again")


async def permit_tools(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Change which tools a tenant's runs may not use, and show it. Raises BadInput for one that no team has."""
    denied = await accounts.tenants.permit(given.name, denied=given.deny, allowed=given.allow)
    if given.json:
        console.show_json({"tenant": given.name, "denied_tools": denied})
    else:
        console.say(f"denied to the runs of {given.name}: {', '.join(denied) or 'nothing'}")


async def make_webhook_secret(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Make the secret that a tenant's webhooks are signed with, and show it, once."""
    tenant = await accounts.tenants.get(given.tenant)
    secret = await accounts.webhook_secrets.make(tenant.id, rotate=given.rotate)
    if given.json:
        console.show_json({"tenant": tenant.name, "secret": secret})
        return
    console.say(secret)
    console.say("This is its only showing. It signs from now on; after --rotate the one before signs for a day more.")


def add_key_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard keys add` takes."""
    parser.add_argument("tenant")
    parser.add_argument("--name", default="cli", help="what the key is for")
    parser.add_argument(
        "--batch-only", action="store_true", help="have its calls yield to those of people, but for a share"
    )
    parser.add_argument("--operate", action="store_true", help="let it see how stores and nodes stand, and where")
    parser.add_argument("--min-tier", choices=TIERS, help="no model below this tier answers it")
    parser.add_argument("--pin-digest", type=_digest, metavar="DIGEST", help="only a model with this digest answers it")
    parser.add_argument("--no-degrade", action="store_true", help="no model below the tier that is needed answers it")

    parser.add_argument(
        "--ollama-public-key", metavar="KEY", help="a line of id_ed25519.pub, or that file: its owner needs no secret"
    )


async def add_key(given: argparse.Namespace, accounts: Accounts, console: Console) -> None:
    """Make a key and show it, once, with the prefix by which it is revoked."""
    tenant = await accounts.tenants.get(given.tenant)
    key = await accounts.keys.add(
        tenant.id,
        given.name,
        (KeyPermission.OPERATE,) if given.operate else (),
        batch_only=given.batch_only,
        ollama_key=None if given.ollama_public_key is None else read_public_key(given.ollama_public_key),
        contract=KeyContract(min_tier=given.min_tier, digest=given.pin_digest, no_degrade=given.no_degrade),
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
    facts = {"batch only": key.batch_only, "signs": key.signs}
    may = ",".join([*key.permissions, *(word for word, is_so in facts.items() if is_so), *_insists(key.contract)])
    return (key.prefix, key.tenant, key.name, may or "-", used, revoked)


def _insists(contract: KeyContract) -> list[str]:
    tier, digest = contract.min_tier, contract.digest
    return [
        *([] if tier is None else [f"min tier {tier}"]),
        *([] if digest is None else [f"digest {digest[:12]}"]),
        *(["no degrade"] if contract.no_degrade else []),
    ]


def _tool(text: str) -> str:
    # Not with the module: LangGraph takes a second to load, which no other command needs.
    teams = importlib.import_module("app.agents.team").find_teams()
    tools = sorted({str(tool.name) for team in teams for tool in team.tools})
    if text not in tools:
        raise argparse.ArgumentTypeError(f"no team has a tool {text!r}; there are {', '.join(tools)}")
    return text


def _digest(text: str) -> str:
    plain = text.strip().lower().removeprefix("sha256:")
    if _DIGEST.fullmatch(plain) is None:
        raise argparse.ArgumentTypeError("a digest is 64 hexadecimal digits, as `GET /api/v1/models` shows them")
    return plain


def _minute(at: datetime | None, otherwise: str) -> str:
    return otherwise if at is None else f"{at:%Y-%m-%d %H:%M}"
