"""How each test of a run ended: a pytest plugin that writes it down as it goes."""

from enum import StrEnum
from pathlib import Path

import msgspec
import pytest

TO = "--endings-to"


class Ending(StrEnum):
    """How a test ended, over all of its cases: the first of these that one of them met."""

    RED = "red"
    """Its own words failed."""
    ERROR = "error"
    """What it needs could not be set up, or torn down."""
    GREEN = "green"
    SKIPPED = "skipped"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the file to write."""
    parser.addoption(TO, type=Path, default=None, help="write how tests ended to this file, as JSON by test")


def pytest_configure(config: pytest.Config) -> None:
    """Note endings from now on."""
    path: Path | None = config.getoption(TO)
    if path is not None:
        config.pluginmanager.register(Endings(path), "endings")


class Endings:
    """Notes how tests ended; after each of them, so that a run that is cut short leaves what it knew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, Ending] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a part of a case ended; a set-up or tear-down that goes well says nothing."""
        if report.passed and report.when != "call":
            return
        name = report.nodeid.partition("[")[0]
        seen = {ending_of(report), self._found.get(name, Ending.SKIPPED)}
        self._found[name] = next(ending for ending in Ending if ending in seen)
        self._path.write_bytes(msgspec.json.encode(self._found))


def ending_of(report: pytest.TestReport) -> Ending:
    """Return how a part of a case ended that failed or is its call."""
    if report.failed or hasattr(report, "wasxfail"):
        return Ending.RED if report.when == "call" else Ending.ERROR
    return Ending.GREEN if report.passed else Ending.SKIPPED


def read(path: Path) -> dict[str, Ending]:
    """Return the endings by test; none if no test ended."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Ending]) if path.exists() else {}
