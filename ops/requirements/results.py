"""How marked tests last ended: recorded by test runs in `.requirements/`, kept in `docs/requirements.results.json`.

A result against a real server stands beside the one against its double, under the test's name with ` @` and the server.
"""

import fcntl
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from ops.requirements.marked import MarkedTest
from ops.requirements.promises import Server

FOLDER = ".requirements"
AT = " @"


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


def name_against(name: str, server: Server | None) -> str:
    """Return under what name the result of a test stands that met a real server, or none."""
    return name if server is None else f"{name}{AT}{server}"


def against(name: str) -> tuple[str, str]:
    """Return the test, and the real server that it met, of a result's name; no server is an empty text."""
    test, _, server = name.partition(AT)
    return test, server


def latest(tests: Iterable[MarkedTest], kept: Mapping[str, Result], cases: Mapping[str, Result]) -> dict[str, Result]:
    """Return the last result of each test by name: that of its recorded cases, or the kept one if that is newer."""
    found: dict[str, Result] = {}
    for test in tests:
        for server in (None, *Server):
            name = name_against(test.name, server)
            own = [result for case, result in cases.items() if _is_case(test, server, case)]
            candidates = [result for result in (kept.get(name), _of_cases(own)) if result is not None]
            if candidates:
                found[name] = max(candidates, key=lambda result: result.at)
    return found


def _is_case(test: MarkedTest, server: Server | None, case: str) -> bool:
    # Against a real server there may be cases that are not there without it.
    name, met = against(case)
    if server is None:
        return not met and name in test.cases
    return met == server and (name in test.cases or name.partition("[")[0] == test.name)


def _of_cases(found: Sequence[Result]) -> Result | None:
    """Return one result for all cases: failed if one failed, passed if none failed and one passed."""
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
