"""Runs clients that other people wrote, each in an environment of its own, against a replica behind nginx."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.bench.install import Installation, NotInstalled
from ops.local.process import REPOSITORY, run_once
from ops.verify.evidence import Outcome, Page, Verdict, table, write
from ops.verify.suites import Case, counted, outcome, run_suites

FOLDER = REPOSITORY / ".local" / "clients"
INSTALLATION = Installation("langchain-ollama", REPOSITORY / "requirements" / "clients.lock", FOLDER)
NODE_PACKAGE = "openai@6.49.0"
NODE_LIMIT_S = 300.0
SUITE = "tests/integration/test_other_clients.py"
VARIABLE = "SWITCHYARD_TEST_CLIENTS"
DOES = ("chat", "stream", "tools", "schema", "embeddings", "list", "cancel", "errors")
INTRODUCTION = f"""\
Each program of [tests/clients](../../tests/clients) does what a user of that client does: it chats, streams, has a tool
asked for, has an answer in the form of a schema, embeds, lists, leaves and meets errors. They are pinned with hashes in
[requirements/clients.lock](../../requirements/clients.lock), and `{NODE_PACKAGE}` for Node; none of them shares an
environment with the platform. The node behind the replica says what a program asks it to say, and must have seen that
an answer was left. An empty place is what a client has no call for. The official clients `openai` and `ollama` of
Python are tried by `make test`."""


def verify(environ: Mapping[str, str], directory: Path) -> Outcome:
    """Install the clients, run them all, and write clients.md."""
    try:
        INSTALLATION.ensure(environ)
        _install_for_node(environ)
    except NotInstalled as error:
        return Outcome(Verdict.FAILED, str(error))
    cases, output = run_suites({**environ, VARIABLE: str(FOLDER)}, [SUITE])
    sections = (("Clients", table(("program", "ended", *DOES), rows(cases))), ("Cases", table(_HEADS, counted(cases))))
    page = Page("Other people's clients", INTRODUCTION, "python -m ops.verify --only clients", sections)
    write(directory, "clients", page, seed=None)
    return outcome(cases, output)


def rows(cases: Sequence[Case]) -> list[tuple[str, ...]]:
    """Return what worked with each program; a client that has no call for something leaves its place empty."""
    return [
        (case.name.partition("[")[2].rstrip("]"), case.ending, *("yes" if what in case.did else "" for what in DOES))
        for case in cases
    ]


_HEADS = ("suite", "passed", "failed", "skipped")


def _install_for_node(environ: Mapping[str, str]) -> None:
    """Install the client for Node, once. Raises NotInstalled."""
    folder = FOLDER / "node"
    if (folder / "node_modules" / "openai").is_dir():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("npm is not on this machine, and a client for Node cannot be tried without it")
    done = run_once(
        (npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), NODE_PACKAGE),
        environ=environ,
        limit_s=NODE_LIMIT_S,
    )
    if done.returncode != 0:
        raise NotInstalled(f"npm ended with {done.returncode}: {done.stderr.strip()[-600:]}")
