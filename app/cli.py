"""The `switchyard` command: migrate, tenants, keys, collection, chat."""

import argparse
import asyncio
import math
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import psycopg
import sqlalchemy.exc
from prometheus_client import CollectorRegistry

from app import collection_command
from app.accounts.keys import ApiKey, Keys
from app.accounts.tenants import Tenant, Tenants
from app.chat_command import ChatCommand
from app.console import Console
from app.conversation import Stack, StackAway
from app.errors import BadInput, SwitchyardError
from app.files import FileUnreadable, certificate_problem, read_text
from app.ids import KeyPermission
from app.migrations import migrate
from app.mistakes import MISCONFIGURED, ConfigurationWrong, Mistake
from app.postgres import Database, make_pool
from app.settings import PREFIX, Settings, SettingsWrong, database_access, read_part, variable_of
from app.telemetry.crashes import Crashes, quieten_libraries
from app.telemetry.metrics import Metrics
from app.telemetry.secrets import mask_of
from app.urls import AddressWrong, read_http_address
from app.variables import FILE_BYTES

# Names that the application's settings leave alone.
LOCAL_URL = "SWITCHYARD_LOCAL_URL"
LOCAL_KEY = "SWITCHYARD_LOCAL_KEY"
DEFAULT_URL = "http://127.0.0.1:8080"

Act: TypeAlias = Callable[[argparse.Namespace, "Accounts", Console], Awaitable[None]]


class UsageWrong(Exception):
    """The command line or a variable is not right; the message says what to do."""


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


def read_database(environ: Mapping[str, str]) -> Settings:
    """Return what `environ` says of PostgreSQL; other settings may be missing, but not wrong. Raises SettingsWrong."""
    settings = read_part(environ, needed=("database_url",))
    if settings.database_ca is not None and (reason := certificate_problem(Path(settings.database_ca))):
        raise SettingsWrong(Mistake(variable_of("database_ca"), f"{settings.database_ca} {reason}"))
    return settings


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


def build_parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    parser = argparse.ArgumentParser(prog="switchyard", description="Operate a Switchyard.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="bring PostgreSQL's schema to the newest version")
    tenants = commands.add_parser("tenants", help="who owns data and keys").add_subparsers(required=True)
    adding = _acts(tenants.add_parser("add", help="make a tenant"), add_tenant)
    adding.add_argument("name")
    adding.add_argument("--exist-ok", action="store_true", help="a tenant of this name is no error")
    _acts(tenants.add_parser("list", help="show every tenant"), list_tenants)
    _acts(tenants.add_parser("revoke", help="revoke all keys of a tenant"), revoke_tenant).add_argument("name")
    keys = commands.add_parser("keys", help="api keys").add_subparsers(required=True)
    making = _acts(keys.add_parser("add", help="make a key and show it once"), add_key)
    making.add_argument("tenant")
    making.add_argument("--name", default="cli", help="what the key is for")
    making.add_argument("--operate", action="store_true", help="let it see how stores and nodes stand, and where")
    _acts(keys.add_parser("list", help="show keys"), list_keys).add_argument("tenant", nargs="?")
    _acts(keys.add_parser("revoke", help="revoke a key"), revoke_key).add_argument("prefix")
    collection = commands.add_parser("collection", help="the vector store's collection").add_subparsers(required=True)
    _acts(collection.add_parser("show", help="what serves now, and how it differs"), collection_command.show)
    building = collection.add_parser("rebuild", help="build it as the settings say, while the old one serves")
    _acts(building, collection_command.rebuild)
    _add_chat(commands.add_parser("chat", help="talk to a running stack"))
    return parser


def _acts(parser: argparse.ArgumentParser, act: Callable[..., Awaitable[None]]) -> argparse.ArgumentParser:
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.set_defaults(act=act)
    return parser


def finite(text: str) -> float:
    """Return the number that an argument names. Raises ArgumentTypeError for what JSON cannot write."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return value


def _add_chat(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="?", help="ask this and end; without it, talk")
    parser.add_argument("--url", help=f"the stack's address; else ${LOCAL_URL}, else {DEFAULT_URL}")
    parser.add_argument("--key", help=f"the api key; else ${LOCAL_KEY} (other users can see arguments)")
    parser.add_argument("--key-file", type=Path, help="a file whose first line is the api key")
    parser.add_argument("--team", default="assistant", help="who answers")
    parser.add_argument("--session", help="go on with this session")
    parser.add_argument("--temperature", type=finite, help="how freely it answers")
    parser.add_argument("--json", action="store_true", help="print the whole answer as JSON at the end")


def chat(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Talk to a running stack. Raises ConfigurationWrong, StackAway."""
    mistakes: list[Mistake] = []
    stack = Stack(_chat_url(given, environ, mistakes), _chat_key(given, environ, mistakes))
    if mistakes:
        raise ConfigurationWrong(*mistakes)
    options = {"team": given.team, "temperature": given.temperature}
    command = ChatCommand(stack, console, notes, options=options, session_id=given.session, as_json=given.json)
    return command.ask(given.question) if given.question else command.talk()


def _chat_url(given: argparse.Namespace, environ: Mapping[str, str], mistakes: list[Mistake]) -> str:
    text = given.url if given.url is not None else environ.get(LOCAL_URL) or DEFAULT_URL
    try:
        return read_http_address(text.strip())
    except AddressWrong as error:
        mistakes.append(Mistake("--url" if given.url is not None else LOCAL_URL, str(error)))
        return DEFAULT_URL


def _chat_key(given: argparse.Namespace, environ: Mapping[str, str], mistakes: list[Mistake]) -> str:
    place, key = ("--key", given.key) if given.key is not None else (LOCAL_KEY, environ.get(LOCAL_KEY, ""))
    if given.key_file is not None:
        place = "--key-file"
        try:
            key = read_text(given.key_file, limit_bytes=FILE_BYTES).partition("\n")[0]
        except FileUnreadable as error:
            mistakes.append(Mistake(f"--key-file {given.key_file}", str(error)))
            return ""
    key = key.strip()
    if not key:
        mistakes.append(Mistake(place, f"is empty: give an api key with --key, --key-file or ${LOCAL_KEY}"))
    elif not (key.isascii() and key.isprintable() and " " not in key):
        mistakes.append(Mistake(place, "is no api key: those are letters, digits and `_`"))
    return key


async def _on_accounts(given: argparse.Namespace, settings: Settings, console: Console) -> None:
    async with open_accounts(settings) as accounts:
        await given.act(given, accounts, console)


async def _on_index(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> None:
    settings = read_part(environ, needed=("database_url", "qdrant_urls"))
    async with collection_command.open_index(settings) as index:
        await given.act(given, index, console, notes)


def run(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Do what the command line says; return the exit status: 0, or 1 when it was refused or something is away."""
    try:
        if given.command == "chat":
            return chat(given, environ, console, notes)
        settings = read_database(environ)
        if given.command == "migrate":
            asyncio.run(migrate(database_access(settings)))
            console.say("the schema is at its newest version")
        elif given.command == "collection":
            asyncio.run(_on_index(given, environ, console, notes))
        else:
            asyncio.run(_on_accounts(given, settings, console))
    except (UsageWrong, ConfigurationWrong) as error:
        notes.say(f"switchyard: {error}")
        return MISCONFIGURED
    except SwitchyardError as error:
        notes.say(f"switchyard: {error.detail or error.code}")
        return 1
    except (StackAway, OSError, psycopg.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        notes.say(f"switchyard: {(str(error).splitlines() or [type(error).__name__])[0]}")
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    given = build_parser().parse_args(arguments)
    notes = Console(sys.stderr, mask_of(os.environ, PREFIX))
    Crashes(notes.say).watch()
    quieten_libraries(notes.say)
    return run(given, os.environ, Console(sys.stdout), notes)


if __name__ == "__main__":
    sys.exit(main())
