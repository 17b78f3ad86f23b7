"""Makes breaks in a copy of the checkout, one after another, and sees whether their tests notice."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ops.breaks import endings
from ops.breaks.endings import Ending
from ops.breaks.listed import Break
from ops.breaks.tree import broken

LIMIT_S = 300.0
"""For the tests of one break."""
WHOLE_LIMIT_S = 3600.0
"""For all cited tests, once, before anything is broken."""
# A copy must leave the measurement of the checkout alone.
UNWANTED = ("COVERAGE_", "COV_CORE_", "PYTEST_ADDOPTS")

Run = Callable[[Path, Sequence[str], float], Mapping[str, Ending]]
"""Runs tests (ids of pytest) in a tree within a limit of seconds; returns how those that ran ended."""


class Verdict(StrEnum):
    """What came of a break."""

    NOTICED = "noticed"
    """Each of its tests failed."""
    SURVIVED = "survived"
    """One of its tests stayed green, or did not run."""
    UNCLEAR = "unclear"
    """One of its tests broke before it said anything, or ran out of time."""
    SKIPPED = "skipped"
    """One of its tests is skipped on this machine, so nothing can be said."""
    UNSOUND = "unsound"
    """One of its tests is not green while nothing is broken."""


@dataclass(frozen=True, slots=True)
class Made:
    """A break, what came of it, why, and how long it took."""

    one: Break
    verdict: Verdict
    why: str = ""
    took_s: float = 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.verdict not in {Verdict.NOTICED, Verdict.SKIPPED}


def make(tree: Path, breaks: Sequence[Break], run: Run, told: Callable[[Made], None]) -> list[Made]:
    """Run the cited tests unbroken, once and together, then make each break alone; `told` hears of each."""
    if not breaks:
        return []
    whole = run(tree, list(dict.fromkeys(test for one in breaks for test in one.tests)), WHOLE_LIMIT_S)
    found: list[Made] = []
    for one in breaks:
        made = _unsound(one, whole) or _make(tree, one, run)
        told(made)
        found.append(made)
    return found


def _make(tree: Path, one: Break, run: Run) -> Made:
    began_s = time.monotonic()
    with broken(tree, one):
        verdict, why = judge(one.tests, run(tree, one.tests, LIMIT_S))
    return Made(one, verdict, why, time.monotonic() - began_s)


def _unsound(one: Break, whole: Mapping[str, Ending]) -> Made | None:
    """Return what came of a break whose tests say nothing even while all is well."""
    for test in one.tests:
        ending = whole.get(test)
        if ending is Ending.SKIPPED:
            return Made(one, Verdict.SKIPPED, f"{test} is skipped here")
        if ending is not Ending.GREEN:
            return Made(one, Verdict.UNSOUND, f"{test}: {ending or 'not run'} while nothing is broken")
    return None


def judge(tests: Iterable[str], ended: Mapping[str, Ending]) -> tuple[Verdict, str]:
    """Return what came of a break whose tests ended like this, and why; the first that is not red decides."""
    for test in tests:
        ending = ended.get(test)
        if ending is Ending.GREEN or ending is Ending.SKIPPED:
            return Verdict.SURVIVED, f"{test}: {ending}"
        if ending is not Ending.RED:
            return Verdict.UNCLEAR, f"{test}: {ending or 'it did not end'}"
    return Verdict.NOTICED, ""


def run_tests(tree: Path, tests: Sequence[str], limit_s: float) -> dict[str, Ending]:
    """Run tests in a tree with a pytest of its own, and end that after `limit_s`."""
    with tempfile.TemporaryDirectory(prefix="switchyard-endings-") as folder:
        to = Path(folder) / "endings.json"
        plain = ("-q", "--no-header", "-p", "no:cacheprovider", "-p", "ops.breaks.endings", endings.TO, str(to))
        stop = ("-x",) if len(tests) == 1 else ()
        process = subprocess.Popen(  # noqa: S603 - our own words and files
            [sys.executable, "-m", "pytest", *plain, *stop, *tests],
            cwd=tree,
            env=environment(os.environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            end(process)
        except BaseException:
            end(process)
            raise
        return endings.read(to)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process that leads a session, and those that it started there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a run in a copy: compiled files of an unbroken module would hide a break of it."""
    kept = {name: value for name, value in given.items() if not name.startswith(UNWANTED)}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}
