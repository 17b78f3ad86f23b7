"""What `python -m ops.local up`, `down` and `status` do; each returns an exit status."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import msgspec

from app.finish import INTERRUPTED
from ops.local.choices import directory_from, layout_from
from ops.local.console import Console, describe
from ops.local.demo_key import find_demo_key, key_file
from ops.local.layout import Layout
from ops.local.leftovers import end_leftovers
from ops.local.models.cache import Cache, cache_directory
from ops.local.models.store import put_model
from ops.local.nodes import needed_first, wanted
from ops.local.problems import AlreadyRunning, LocalProblem
from ops.local.process import REPOSITORY, poll_until, tail
from ops.local.progress_file import progress_file
from ops.local.state import Phase, State, StateFile, Status, is_owned
from ops.local.views import PartState, PartView, line_about

SUPERVISOR_LOG = "supervisor"
FOLLOW_EVERY_S = 0.1
START_LIMIT_S = 900.0
FETCH_LIMIT_S = 24 * 3600.0
STOP_LIMIT_S = 120.0


def up(environ: Mapping[str, str], console: Console, *, is_system: bool, is_foreground: bool) -> int:
    """Start the stack and return when it is ready, or run it until it is interrupted. A running one is left alone.

    Raises LocalProblem.
    """
    layout = layout_from(environ, is_system=is_system)
    if is_owned(layout.directory):
        return _say_that_it_runs(layout.directory, console)
    try:
        fetched = fetch_first(layout, console)
        if fetched != 0:
            return fetched
        if is_foreground:
            _become_supervisor(layout, is_system=is_system)
        start_detached(layout, console, is_system=is_system)
        _show(status_of(layout.directory), console)
        return 0
    except AlreadyRunning:
        return _say_that_it_runs(layout.directory, console)
    except KeyboardInterrupt:
        console.say("Stopped. What was fetched is kept; run it again to go on.")
        return INTERRUPTED


def fetch_first(layout: Layout, console: Console) -> int:
    """Put cached models into their stores and fetch what a first answer needs; returns 0, or the fetching's status."""
    if layout.outside.ollama_hosts is not None:
        return 0
    cache, missing = Cache(cache_directory(layout.environ)), list[str]()
    for model, stores in wanted(layout):
        path = cache.find(model.sha256)
        if path is None:
            missing.append(model.name)
            continue
        for store in stores:
            put_model(store, model, path)
    needed = {model.name for model, _ in needed_first(layout)}
    later = [name for name in missing if name not in needed]
    if later:
        console.say(f"The stack starts with the smallest model; beside it come {', '.join(later)}.")
    if needed.isdisjoint(missing):
        return 0
    command = [sys.executable, "-m", "ops.local.fetch", str(layout.directory), "--first"]
    return subprocess.run(  # noqa: S603 - no shell, and the arguments are our own
        command, cwd=REPOSITORY, env=_environ(layout), timeout=FETCH_LIMIT_S, check=False
    ).returncode


def _environ(layout: Layout) -> dict[str, str]:
    return {**layout.environ, "MODELS": layout.size.value}


def _become_supervisor(layout: Layout, *, is_system: bool) -> NoReturn:
    os.chdir(REPOSITORY)
    command = _supervisor_command(is_system=is_system)
    os.execve(command[0], command, _environ(layout))  # noqa: S606 - becoming the supervisor is the point


def _supervisor_command(*, is_system: bool) -> list[str]:
    return [sys.executable, "-m", "ops.local.supervisor", *(["--system"] if is_system else [])]


def down(environ: Mapping[str, str], console: Console) -> int:
    """Stop the stack, and what a killed supervisor left; 0 also when nothing runs."""
    directory = directory_from(environ)
    file = StateFile(directory)
    state = file.find()
    if state is None or not state.is_alive:
        end_leftovers(state)
        console.say(f"No stack is running in {directory}.")
        return 0
    state.supervisor.send(signal.SIGTERM)
    if not poll_until(lambda: not state.is_alive, STOP_LIMIT_S, FOLLOW_EVERY_S):
        state.supervisor.kill()
    end_leftovers(file.find())
    console.say("Stopped. Its data stays in " + str(directory))
    return 0


def status_of(directory: Path) -> Status:
    """Return what is known of the stack in `directory`."""
    state = StateFile(directory).find()
    is_running = state is not None and state.is_alive
    return Status(
        running=is_running,
        phase=state.phase if state is not None and is_running else None,
        directory=str(directory),
        logs=str(directory / "logs"),
        url=state.url if state is not None and is_running else None,
        demo_key=find_demo_key(directory),
        supervisor=state.supervisor if state is not None and is_running else None,
        parts=state.parts if state is not None and is_running else (),
        models=tuple(progress_file(directory).read()),
        problem=state.problem if state is not None else "",
    )


def status(environ: Mapping[str, str], console: Console, *, is_json: bool) -> int:
    """Show the stack; 0 when it is ready, 1 when it is not."""
    found = status_of(directory_from(environ))
    if is_json:
        console.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        _show(found, console)
    return 0 if found.phase is Phase.READY else 1


def _show(found: Status, console: Console) -> None:
    if not found.running:
        console.say(f"No stack is running in {found.directory}. Start one with `make up`.")
        if found.problem:
            console.say(f"The last one failed: {found.problem}")
        return
    console.say(f"Switchyard is {found.phase.value if found.phase else 'unknown'} at {found.url}")
    console.say(f"  demo key  {found.demo_key or 'not made yet'}")
    if found.demo_key is not None:
        console.say(f"  key file  {key_file(Path(found.directory))}")
    console.say(f"  logs      {found.logs}")
    console.say("")
    console.table([("part", "state", "pid", "restarts", "address"), *(_row(part) for part in found.parts)])
    if found.models:
        console.say("")
        for model in found.models:
            console.say(f"  {describe(model)}")


def _row(part: PartView) -> tuple[str, ...]:
    pid = str(part.process.pid) if part.process is not None else "-"
    return part.name, part.state.value, pid, str(part.restarts), part.address or "-"


def _say_that_it_runs(directory: Path, console: Console) -> int:
    state = StateFile(directory).find()
    where = f" at {state.url}" if state is not None else ""
    console.say(f"A stack is running already{where}. `python -m ops.local status` shows it, `… down` stops it.")
    return 0


def start_detached(layout: Layout, console: Console, *, is_system: bool) -> None:
    """Start a supervisor that outlives this process and show how its parts come up; returns when all are ready.

    Raises AlreadyRunning, LocalProblem. Interrupted, it stops what it began.
    """
    log = layout.log(SUPERVISOR_LOG)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - no shell, and the arguments are our own
            _supervisor_command(is_system=is_system),
            env=_environ(layout),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _follow(layout, process, console)
    except KeyboardInterrupt:
        process.terminate()
        process.wait(STOP_LIMIT_S)
        raise


def _follow(layout: Layout, process: "subprocess.Popen[bytes]", console: Console) -> None:
    """Show the start of the stack until it is ready or has failed."""
    file, shown, end = StateFile(layout.directory), dict[str, str](), time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        has_ended = process.poll() is not None
        state = file.find()
        if state is not None and state.supervisor.pid == process.pid:
            _show_news(state, shown, console)
            if state.phase is Phase.READY:
                return
            if state.phase is Phase.FAILED and has_ended:
                raise LocalProblem(state.problem)
        if has_ended and is_owned(layout.directory):
            raise AlreadyRunning("another supervisor was faster")
        if has_ended:
            raise LocalProblem(f"the supervisor ended:\n{tail(layout.log(SUPERVISOR_LOG))}")
        time.sleep(FOLLOW_EVERY_S)
    process.terminate()
    raise LocalProblem(f"the stack was not ready within {START_LIMIT_S:.0f} s")


def _show_news(state: State, shown: dict[str, str], console: Console) -> None:
    for part in state.parts:
        line = line_about(part)
        if part.state in (PartState.READY, PartState.DONE, PartState.RESTARTING) and shown.get(part.name) != line:
            shown[part.name] = line
            console.say(f"  {line}")
