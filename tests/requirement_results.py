"""Records how each test with a `requirement` marker ended, for `make requirements`."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.checkout import read_checkout
from ops.requirements.marks import ids_of
from ops.requirements.results import FOLDER, Outcome, Result, name_against, record
from tests.real_servers import real_server

WORSE = (Outcome.FAILED, Outcome.PASSED, Outcome.SKIPPED)
"""What counts of the outcomes of one test's set-up, call and tear-down: the first of these."""


class Recorder:
    """A pytest plugin; `folder` takes the results, `root` is the checkout whose commit they are of."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._marked: dict[str, str] = {}
        self._ended: dict[str, Outcome] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which tests are marked and what they will meet; a marker without an id ends the run here."""
        self._marked = {
            item.nodeid: name_against(item.nodeid, real_server(item)) for item in session.items if ids_of(item)
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a part of a marked test ended."""
        if report.nodeid not in self._marked or (report.passed and report.when != "call"):
            return
        seen = {outcome_of(report), self._ended.get(report.nodeid, Outcome.SKIPPED)}
        self._ended[report.nodeid] = next(outcome for outcome in WORSE if outcome in seen)

    def pytest_sessionfinish(self) -> None:
        """Write the results down."""
        if not self._ended:
            return
        now = datetime.now(UTC).replace(microsecond=0)
        on = read_checkout(self._root)
        ended = {self._marked[name]: Result(end, now, on.commit, on.is_changed) for name, end in self._ended.items()}
        record(self._folder, ended)


def outcome_of(report: pytest.TestReport) -> Outcome:
    """Return the outcome of a report; what is expected to fail does not hold a promise, so it failed."""
    if report.failed or hasattr(report, "wasxfail"):
        return Outcome.FAILED
    return Outcome.SKIPPED if report.skipped else Outcome.PASSED


def register(config: pytest.Config) -> None:
    """Record the results of this run, unless tests are only collected."""
    if not config.option.collectonly:
        recorder = Recorder(config.rootpath, config.rootpath / FOLDER)
        config.pluginmanager.register(recorder, "requirement-results")
