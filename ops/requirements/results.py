"""How marked tests last ended: recorded by test runs in `.requirements/`, kept in `docs/requirements.results.json`."""

import fcntl
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from ops.requirements.marked import MarkedTest

FOLDER = ".requirements"


class Outcome(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An outcome, when it was (aware UTC), and the commit it was on; `changed` if files differed from that commit."""

    outcome: Outcome
    at: datetime
    commit: str
    changed: bool


class ResultsWrong(Exception):
    """A file of results cannot be read."""


def read(path: Path) -> dict[str, Result]:
    """Return the results in a file by name, none if it is not there; raises ResultsWrong for anything else in it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Result])
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ResultsWrong(f"{path.name}: {error}") from error


def write(path: Path, results: Mapping[str, Result]) -> None:
    """Write results sorted by name, a line each, all or nothing."""
    lines = [f"{_json(name)}: {_json(result)}" for name, result in sorted(results.items())]
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    beside.replace(path)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def record(folder: Path, cases: Mapping[str, Result]) -> None:
    """Add the results of cases to those in `folder`, a file a suite; runs at the same time wait for each other."""
    folder.mkdir(exist_ok=True)
    # The folder is of this machine, so it keeps itself out of git.
    (folder / ".gitignore").write_text("*\n")
    by_suite: dict[str, dict[str, Result]] = {}
    for name, result in cases.items():
        by_suite.setdefault(suite_of(name), {})[name] = result
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for suite, found in by_suite.items():
            path = folder / f"{suite}.json"
            write(path, _known(path) | found)


def recorded(folder: Path) -> dict[str, Result]:
    """Return the recorded results of all suites by case; raises ResultsWrong."""
    found: dict[str, Result] = {}
    for path in sorted(folder.glob("*.json")):
        found |= read(path)
    return found


def suite_of(name: str) -> str:
    """Return the folder under tests/ that a test is in."""
    return name.removeprefix("tests/").partition("/")[0]


def latest(tests: Iterable[MarkedTest], kept: Mapping[str, Result], cases: Mapping[str, Result]) -> dict[str, Result]:
    """Return the last result of each test by name: that of its recorded cases, or the kept one if that is newer."""
    found: dict[str, Result] = {}
    for test in tests:
        candidates = [result for result in (kept.get(test.name), _of_cases(test, cases)) if result is not None]
        if candidates:
            found[test.name] = max(candidates, key=lambda result: result.at)
    return found


def _of_cases(test: MarkedTest, cases: Mapping[str, Result]) -> Result | None:
    """Return one result for all cases: failed if one failed, passed if none failed and one passed."""
    found = [cases[name] for name in test.cases if name in cases]
    for outcome in (Outcome.FAILED, Outcome.PASSED, Outcome.SKIPPED):
        if decisive := [result for result in found if result.outcome is outcome]:
            return max(decisive, key=lambda result: result.at)
    return None


def _known(path: Path) -> dict[str, Result]:
    """Return what a file of this machine holds; one that an interrupted disk left broken is begun anew."""
    try:
        return read(path)
    except ResultsWrong:
        return {}
