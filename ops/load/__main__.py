"""`python -m ops.load`: load a running stack, print the verdict, write it, and say it in the exit status."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import assert_never

import msgspec

from app.finish import finish
from ops.load import report
from ops.load.histograms import RETRIEVAL, SLOT_WAIT, Histogram, Unread, between, read_page
from ops.load.plan import HTML_REPORT, MOST_MINUTES, WEB_PORT, ArgumentsWrong, Asked, Plan, read_asked
from ops.load.prepare import Stack, add_handbook, check, find_stack
from ops.load.problems import LoadImpossible
from ops.load.questions import REPOSITORY
from ops.load.samples import Seen
from ops.load.targets import Target, read_targets
from ops.load.verdict import Standing, judge
from ops.local.choices import directory_from
from ops.local.ports import HOST, find_free, is_free

STARTUP_S = 60.0
"""How long Locust may take to begin and to end, besides the run."""
STOP_S = 5.0


class Status(IntEnum):
    """The exit status."""

    MET = 0
    BREACHED = 1
    ARGUMENTS_WRONG = 2
    IMPOSSIBLE = 3
    """There is no verdict: no stack, a wrong key, a broken generator, or a target that could not be measured."""
    INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: the generator is ended too
    try:
        asked = read_asked(sys.argv[1:] if arguments is None else arguments, os.environ)
        return _load(asked, os.environ)
    except ArgumentsWrong as wrong:
        sys.stderr.write(f"load: {wrong}\n")
        return Status.ARGUMENTS_WRONG
    except LoadImpossible as problem:
        sys.stderr.write(f"load: {problem}\n")
        return Status.IMPOSSIBLE
    except KeyboardInterrupt:
        sys.stderr.write("load: interrupted, so there is no verdict\n")
        return Status.INTERRUPTED


def _load(asked: Asked, environ: Mapping[str, str]) -> int:
    targets = read_targets() if asked.targets is None else read_targets(asked.targets)
    stack = find_stack(asked, environ)
    wire = check(stack)
    out = asked.out or directory_from(environ) / "load"
    out.mkdir(parents=True, exist_ok=True)
    if asked.is_handbook_added:
        sys.stderr.write(f"{add_handbook(wire)} documents of the handbook are there\n")
    if asked.is_web:
        return serve(plan_of(asked, stack, out / "samples.json"), asked.web_port)
    before = _pages(stack.metrics)
    seen = run(plan_of(asked, stack, out / "samples.json"))
    return _conclude(asked, stack, targets, seen, (before, _pages(stack.metrics)), out)


def _conclude(
    asked: Asked,
    stack: Stack,
    targets: Sequence[Target],
    seen: Seen,
    pages: tuple[list[str] | None, list[str] | None],
    out: Path,
) -> int:
    notes: list[str] = []
    retrieval, slot_wait = _measured(pages, notes)
    judged = judge(targets, seen.samples, retrieval)
    written = report.build(asked, stack.url, seen, judged, slot_wait, notes)
    (out / "verdict.json").write_bytes(msgspec.json.format(msgspec.json.encode(written), indent=2) + b"\n")
    (out / "verdict.md").write_text(report.markdown(written), encoding="utf-8")
    sys.stdout.write(
        f"\n{report.plain(written)}written to {out / 'verdict.md'} and {out / 'verdict.json'}, "
        f"Locust's charts to {out / HTML_REPORT}\n"
    )
    match written.verdict:
        case Standing.MET:
            return Status.MET
        case Standing.BREACHED:
            return Status.BREACHED
        case Standing.NOT_MEASURED:
            return Status.IMPOSSIBLE
        case _:
            assert_never(written.verdict)


def _pages(urls: Sequence[str]) -> list[str] | None:
    try:
        return [read_page(url) for url in urls] or None
    except Unread as problem:
        sys.stderr.write(f"load: {problem}\n")
        return None


def _measured(
    pages: tuple[list[str] | None, list[str] | None], notes: list[str]
) -> tuple[Histogram | None, Histogram | None]:
    before, after = pages
    if before is None or after is None:
        notes.append("The replicas' metrics could not be read: retrieval and slot wait are not measured.")
        return None, None
    try:
        retrieval, slot_wait = between(before, after, RETRIEVAL), between(before, after, SLOT_WAIT)
    except Unread as problem:
        notes.append(f"Retrieval and slot wait are not measured: {problem}.")
        return None, None
    if retrieval is None or slot_wait is None:
        notes.append("A replica began anew during the run: its earlier measurements are gone.")
    return retrieval, slot_wait


def plan_of(asked: Asked, stack: Stack, out: Path) -> Plan:
    """Return what the process of Locust is to do."""
    return Plan(
        url=stack.url,
        key=stack.key,
        users=asked.users,
        duration_s=(MOST_MINUTES if asked.is_web else asked.minutes) * 60,
        per_minute=asked.per_minute,
        seed=asked.seed,
        think_s=asked.think_s,
        follow_ups=asked.follow_ups,
        drain_s=asked.drain_s,
        out=str(out.absolute()),
    )


def run(plan: Plan) -> Seen:
    """Have Locust make the run in a process of its own. Raises LoadImpossible when it breaks."""
    out = Path(plan.out)
    out.unlink(missing_ok=True)
    with _swarm() as swarm, suppress(subprocess.TimeoutExpired):
        swarm.communicate(msgspec.json.encode(plan), timeout=plan.duration_s + plan.drain_s + STARTUP_S)
    try:
        seen = msgspec.json.decode(out.read_bytes(), type=Seen)
    except (OSError, msgspec.MsgspecError) as error:
        raise LoadImpossible(f"the generator ended with {swarm.returncode} and left nothing to judge") from error
    if seen.problems:
        raise LoadImpossible(f"the generator made a mistake of its own: {seen.problems[0]}")
    return seen


def serve(plan: Plan, port: int | None) -> int:
    """Have Locust offer its web interface until Ctrl-C; returns the exit status. There is no verdict.

    Raises LoadImpossible when it ends by itself.
    """
    if port is not None and not is_free(port):
        raise LoadImpossible(f"port {port} is taken; choose another one with --web-port")
    port = port or next((one for one in range(WEB_PORT, WEB_PORT + 10) if is_free(one)), None) or find_free()
    sys.stdout.write(f"Locust's web interface: http://{HOST}:{port} loads {plan.url}; Ctrl-C ends it\n")
    sys.stdout.flush()
    try:
        with _swarm() as swarm:
            swarm.communicate(msgspec.json.encode(msgspec.structs.replace(plan, web_port=port)))
    except KeyboardInterrupt:
        sys.stderr.write("load: the web interface has ended\n")
        return 0
    raise LoadImpossible(f"the web interface ended by itself with {swarm.returncode}")


@contextmanager
def _swarm() -> "Generator[subprocess.Popen[bytes]]":
    """Start the process of Locust, and end it with the block."""
    # A session of its own: Ctrl-C comes to this process alone, which then ends the other. The key goes through a pipe.
    command = [sys.executable, "-m", "ops.load.swarm"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, start_new_session=True) as swarm:  # noqa: S603 - our own command
        try:
            yield swarm
        finally:
            _end(swarm)


def _end(swarm: "subprocess.Popen[bytes]") -> None:
    if swarm.poll() is None:
        swarm.terminate()
        try:
            swarm.wait(STOP_S)
        except subprocess.TimeoutExpired:
            swarm.kill()
            swarm.wait(STOP_S)


if __name__ == "__main__":
    finish(main)
