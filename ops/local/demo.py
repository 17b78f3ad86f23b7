"""The demonstration: real questions to a real stack, and what each answer took."""

import argparse
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.conversation import Stack
from app.finish import INTERRUPTED
from ops.local import demo_questions, demo_table
from ops.local.choices import directory_from, layout_from, size_from
from ops.local.commands import down, fetch_first, start_detached, status_of
from ops.local.console import Console
from ops.local.demo_client import DemoClient
from ops.local.demo_documents import add_documents, readable_files
from ops.local.demo_key import key_file
from ops.local.demo_models import wait_for_models
from ops.local.demo_questions import Asking
from ops.local.models.catalogue import Size
from ops.local.problems import AlreadyRunning, LocalProblem
from ops.local.process import REPOSITORY, poll_until
from ops.local.state import Phase, is_owned

HANDBOOK = REPOSITORY / "samples" / "handbook"
READY_LIMIT_S = 180.0
LOOK_EVERY_S = 0.2
NEXT_QUESTION = "How long does a trial last?"


@dataclass(frozen=True, slots=True)
class Shown:
    """The stack that is shown; `is_ours` if the demonstration started it."""

    url: str
    key: str
    is_ours: bool


class FetchStopped(LocalProblem):
    """The fetching of the first models ended before they were there; it has said why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command line may hold."""
    parser.add_argument("--documents", type=Path, default=HANDBOOK, help="a folder of documents to upload")
    parser.add_argument("--keep", action="store_true", help="leave the stack running that the demonstration starts")


def run(environ: Mapping[str, str], console: Console, *, documents: Path, is_kept: bool) -> int:
    """Show everything; returns the exit status. Raises LocalProblem."""
    directory = directory_from(environ)
    readable_files(documents)
    try:
        with shown_stack(environ, console, is_kept=is_kept) as stack:
            demonstrate(stack, directory, documents, console)
            is_left = is_kept or not stack.is_ours
            say_next(stack, directory, console, is_kept=is_left, starts=starting(size_from(environ)))
    except KeyboardInterrupt:
        console.say("\nStopped. What was fetched and read in is kept; run it again to go on.")
        return INTERRUPTED
    return 0


def demonstrate(stack: Shown, directory: Path, documents: Path, console: Console) -> None:
    """Upload, ask, and show what it took. Raises LocalProblem."""
    with DemoClient.open(stack.url, stack.key) as client:
        console.say("")
        add_documents(documents, client, console)
        asking = Asking(Stack(stack.url, stack.key), console)
        asked = [asking.ask(demo_questions.FIRST)]
        wait_for_models(directory, console)
        asked += [asking.ask(question) for question in demo_questions.LATER]
        demo_table.show(demo_table.read_answered(asked, client), console)


@contextmanager
def shown_stack(environ: Mapping[str, str], console: Console, *, is_kept: bool) -> Generator[Shown]:
    """Use the stack that runs, or start one and stop it at the end. Raises LocalProblem."""
    directory = directory_from(environ)
    is_ours = not is_owned(directory) and _start(environ, console)
    try:
        yield _find(directory, is_ours=is_ours)
    finally:
        if is_ours and not is_kept:
            console.say("")
            down(environ, console)


def _start(environ: Mapping[str, str], console: Console) -> bool:
    """Start a stack; false if somebody else was faster."""
    console.say("Starting the local stack:")
    layout = layout_from(environ, is_system=False)
    if fetch_first(layout, console) != 0:
        raise FetchStopped("the first models could not be fetched. What came is kept: run it again to go on.")
    try:
        start_detached(layout, console, is_system=False)
    except AlreadyRunning:
        return False
    return True


def _find(directory: Path, *, is_ours: bool) -> Shown:
    if not poll_until(lambda: status_of(directory).phase is Phase.READY, READY_LIMIT_S, LOOK_EVERY_S):
        raise LocalProblem(f"the stack in {directory} is not ready; see `python -m ops.local status`")
    found = status_of(directory)
    if found.url is None or found.demo_key is None:
        raise LocalProblem(f"the stack in {directory} has no demo key; see `python -m ops.local logs`")
    return Shown(found.url, found.demo_key, is_ours)


def starting(size: Size) -> str:
    """Return the command that starts a stack of this size: another size would fetch other models."""
    return "make up" if size is Size.ALL else f"make up MODELS={size.value}"


def say_next(stack: Shown, directory: Path, console: Console, *, is_kept: bool, starts: str) -> None:
    """Say what to type next; `starts` starts such a stack again."""
    console.say("")
    console.say("Next:" if is_kept else "Next (the first line starts the stack again; it keeps its documents):")
    lines = [
        f"export SWITCHYARD_LOCAL_URL={stack.url}",
        f"export SWITCHYARD_LOCAL_KEY=$(cat '{_short(key_file(directory))}')",
        f'.venv/bin/switchyard chat "{NEXT_QUESTION}"',
    ]
    for line in lines if is_kept else [starts, *lines]:
        console.say(f"  {line}")
    if not is_kept:
        return
    console.say("  make down        # when you have seen enough")


def _short(path: Path) -> str:
    """Return the path as seen from here when that is shorter."""
    resolved = path.resolve()
    return str(resolved.relative_to(Path.cwd())) if resolved.is_relative_to(Path.cwd()) else str(resolved)
