"""The tests that claim promises, as pytest collects them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec

from ops.requirements.marks import TO, MarkedCase

# Where this package is, so that pytest finds the plugin in whatever checkout it collects.
SOURCE = Path(__file__).parents[2]
COLLECT_LIMIT_S = 300
TAIL_LINES = 30
# Plugins that collecting does without; the first takes two seconds to import.
UNUSED = ("langsmith_plugin", "cacheprovider")
# Files without these words are not imported: collecting all tests takes several times as long.
SIGN = "mark.requirement"


@dataclass(frozen=True, slots=True)
class MarkedTest:
    """A test function with all its cases, or one case of it when the cases claim different promises.

    `name` is its id for pytest, from the repository's root; `cases` are the ids of its cases.
    """

    name: str
    ids: tuple[str, ...]
    cases: tuple[str, ...]

    @property
    def path(self) -> str:
        """Its file, from the repository's root."""
        return self.name.partition("::")[0]

    @property
    def title(self) -> str:
        """Its name without the file."""
        return self.name.partition("::")[2]


class CollectionFailed(Exception):
    """pytest could not collect the tests; the text is the end of what it said."""


def collect(root: Path) -> tuple[MarkedTest, ...]:
    """Return every marked test under `root`/tests, sorted by name; raises CollectionFailed."""
    files = sorted(
        path.relative_to(root).as_posix()
        for path in (root / "tests").rglob("test_*.py")
        if SIGN in path.read_text(encoding="utf-8")
    )
    if not files:
        return ()
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "marked.json"
        plugin = ["-p", "ops.requirements.marks", TO, str(to), *(f"-pno:{name}" for name in UNUSED)]
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *plugin, *files]
        environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
        done = subprocess.run(  # noqa: S603 - our own words and files
            command, cwd=root, env=environ, capture_output=True, text=True, timeout=COLLECT_LIMIT_S, check=False
        )
        if done.returncode != 0 or not to.exists():
            raise CollectionFailed("\n".join((done.stdout + done.stderr).splitlines()[-TAIL_LINES:]))
        return gather(msgspec.json.decode(to.read_bytes(), type=list[MarkedCase]))


def gather(cases: Sequence[MarkedCase]) -> tuple[MarkedTest, ...]:
    """Return the marked tests: one for a function whose cases all claim the same promises, else one for each case."""
    found: list[MarkedTest] = []
    ordered = sorted(cases, key=lambda case: (_function(case), case.nodeid))
    for function, group in groupby(ordered, key=_function):
        members = list(group)
        if len({case.ids for case in members}) == 1:
            found.append(MarkedTest(function, members[0].ids, tuple(case.nodeid for case in members)))
        else:
            found += [MarkedTest(case.nodeid, case.ids, (case.nodeid,)) for case in members]
    return tuple(test for test in found if test.ids)


def _function(case: MarkedCase) -> str:
    return case.nodeid.partition("[")[0]
