"""The `switchyard` command: of operators, and of those who ask."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import psycopg
import sqlalchemy.exc

from app import (
    VERSION,
    account_command,
    chat_arguments,
    document_command,
    import_command,
    judge_command,
    model_command,
    node_arguments,
    node_command,
    retrieval_arguments,
    route_command,
    routing_arguments,
    seed_command,
    team_command,
)
from app.command_database import open_database
from app.commandline import Parser, acts
from app.console import Console
from app.conversation import StackAway
from app.errors import SwitchyardError
from app.files import certificate_problem
from app.finish import INTERRUPTED, finish
from app.migrations import migrate
from app.mistakes import MISCONFIGURED, ConfigurationWrong, Mistake
from app.settings import PREFIX, Settings, SettingsWrong, database_access, read_part, variable_of
from app.telemetry.crashes import Crashes, quieten_libraries
from app.telemetry.secrets import mask_of

BY_THEMSELVES: Mapping[str, Callable[[argparse.Namespace, Mapping[str, str], Console, Console], int]] = {
    "chat": chat_arguments.run_chat,
    "documents": document_command.run_documents,
    "route": route_command.run_route,
    "models": model_command.run_models,
    "retrieval": retrieval_arguments.run_retrieval,
    "evaluate": team_command.run_evaluate,
    "judge": judge_command.run_judge,
}
"""The commands that read what they need of the environment, and open it, themselves."""


class UsageWrong(Exception):
    """The command line or a variable is not right; the message says what to do."""


def read_database(environ: Mapping[str, str]) -> Settings:
    """Return what `environ` says of PostgreSQL; other settings may be missing, but not wrong. Raises SettingsWrong."""
    settings = read_part(environ, needed=("database_url",))
    if settings.database_ca is not None and (reason := certificate_problem(Path(settings.database_ca))):
        raise SettingsWrong(Mistake(variable_of("database_ca"), f"{settings.database_ca} {reason}"))
    return settings


def build_parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    parser = Parser(prog="switchyard", description="Operate a Switchyard.")
    parser.add_argument("--version", action="version", version=f"switchyard {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="bring PostgreSQL's schema to the newest version")
    tenants = commands.add_parser("tenants", help="who owns data and keys").add_subparsers(required=True)
    adding = acts(tenants.add_parser("add", help="make a tenant"), account_command.add_tenant)
    adding.add_argument("name")
    adding.add_argument("--exist-ok", action="store_true", help="a tenant of this name is no error")
    acts(tenants.add_parser("list", help="show every tenant"), account_command.list_tenants)
    revoking = tenants.add_parser("revoke", help="revoke a tenant: all its keys, and it gets no new one")
    acts(revoking, account_command.revoke_tenant).add_argument("name")
    restoring = tenants.add_parser("restore", help="let a revoked tenant have keys again")
    acts(restoring, account_command.restore_tenant).add_argument("name")
    permitting = tenants.add_parser("tools", help="deny or allow tools to the runs of a tenant, or show what is denied")
    account_command.add_tool_arguments(acts(permitting, account_command.permit_tools))
    secret = tenants.add_parser("webhook-secret", help="make the secret that signs webhooks, and show it once")
    acts(secret, account_command.make_webhook_secret).add_argument("tenant")
    secret.add_argument("--rotate", action="store_true", help="make another; the one before signs for a day beside it")
    keys = commands.add_parser("keys", help="api keys").add_subparsers(required=True)
    making = acts(keys.add_parser("add", help="make a key and show it once"), account_command.add_key)
    account_command.add_key_arguments(making)
    acts(keys.add_parser("list", help="show keys"), account_command.list_keys).add_argument("tenant", nargs="?")
    ending = acts(keys.add_parser("revoke", help="revoke a key"), account_command.revoke_key)
    ending.add_argument("key", help="its prefix, or the whole key (other users can see arguments)")
    node_arguments.add_arguments(commands.add_parser("nodes", help="the Ollama nodes"))
    retrieval_arguments.add_arguments(commands.add_parser("retrieval", help="what questions are asked of"))
    seed_command.add_arguments(commands.add_parser("seed", help="fill a tenant's tables with made-up rows"))
    import_command.add_arguments(commands.add_parser("import", help="move rows of an older database to a tenant"))
    chat_arguments.add_arguments(commands.add_parser("chat", help="talk to a running stack"))
    document_command.add_arguments(commands.add_parser("documents", help="the documents of a running stack"))
    route_command.add_arguments(commands.add_parser("route", help="say where a question would go, without asking it"))
    team_command.add_arguments(commands.add_parser("evaluate", help="ask a team questions whose answers are known"))
    judge_command.add_arguments(commands.add_parser("judge", help="have a model judge answers, and judge the judge"))
    model_command.add_arguments(commands.add_parser("models", help="the models, on the nodes of a running stack"))
    routing_arguments.add_arguments(commands.add_parser("routing", help="the weights of the complexity rating"))
    return parser


async def _on_rows(given: argparse.Namespace, settings: Settings, console: Console) -> None:
    if given.command == "nodes":
        async with node_command.open_nodes(settings) as nodes:
            await given.act(given, nodes, console)
    elif given.command in {"seed", "import"}:
        async with open_database(settings) as database:
            await given.act(given, database, console)
    else:
        async with account_command.open_accounts(settings) as accounts:
            await given.act(given, accounts, console)


def run(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Do what the command line says; return the exit status: 0, or 1 when it was refused or something is away.

    Raises BrokenPipeError when nobody reads the output, KeyboardInterrupt.
    """
    try:
        return _act(given, environ, console, notes)
    except (UsageWrong, ConfigurationWrong) as error:
        notes.say(f"switchyard: {error}")
        return MISCONFIGURED
    except SwitchyardError as error:
        notes.say(f"switchyard: {error.detail or error.code}")
        return 1
    except BrokenPipeError:
        raise
    except (StackAway, OSError, psycopg.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        notes.say(f"switchyard: {(str(error).splitlines() or [type(error).__name__])[0]}")
        return 1


def _act(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    if given.command in BY_THEMSELVES:
        return BY_THEMSELVES[given.command](given, environ, console, notes)
    if given.command == "routing":
        return routing_arguments.run_routing(given, console, notes)
    settings = read_database(environ)
    if given.command == "migrate":
        asyncio.run(migrate(database_access(settings)))
        console.say("the schema is at its newest version")
    else:
        asyncio.run(_on_rows(given, settings, console))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Raises BrokenPipeError when nobody reads the output."""
    given = build_parser().parse_args(arguments)
    notes = Console(sys.stderr, mask_of(os.environ, PREFIX))
    Crashes(notes.say).watch()
    quieten_libraries(notes.say)
    try:
        return run(given, os.environ, Console(sys.stdout), notes)
    except KeyboardInterrupt:
        notes.say("switchyard: interrupted")
        return INTERRUPTED


def command() -> NoReturn:
    """Run the command as this process. A list that `head` cuts is no failure."""
    finish(main, unread=0)


if __name__ == "__main__":
    command()
