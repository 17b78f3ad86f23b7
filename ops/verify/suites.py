"""Runs test suites in full and counts their cases."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from ops.local.process import REPOSITORY
from ops.verify.evidence import Outcome, Page, Verdict, table, write

NODE_KILLS = "tests/contract/test_ollama_kills.py"
SUITE_LIMIT_S = 4 * 3600.0
TAIL_CHARACTERS = 4000
OLLAMA, QDRANT = "SWITCHYARD_TEST_OLLAMA_HOST", "SWITCHYARD_TEST_QDRANT_URL"
FULL, SEED, SAMPLES = "SWITCHYARD_TEST_FULL", "SWITCHYARD_TEST_SEED", "SWITCHYARD_TEST_SAMPLES"

CONTRACTS = """\
The contract suites hold what a client sees of Ollama's and Qdrant's HTTP APIs: status codes, fields and their types,
error texts, headers, the shapes of streams. They run against the local stack's doubles, and against real servers when
`SWITCHYARD_TEST_OLLAMA_HOST` and `SWITCHYARD_TEST_QDRANT_URL` name some. A difference between a double and a server
is a defect."""
SAMPLED = """\
`make test` runs seeded samples of long cases; here all of each runs. The kills of processes and the contract suites
have pages of their own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test: its file, how it ended (`passed`, `failed`, `skipped`), and what it said that it did."""

    file: str
    name: str
    ending: str
    did: tuple[str, ...] = ()


def read_cases(report: Path) -> list[Case]:
    """Return the cases of a JUnit report that pytest wrote."""
    found = Xml.parse(report).getroot().iter("testcase")  # noqa: S314 - written by our own run
    return [
        Case(_file_of(case.get("classname", "")), case.get("name", ""), _ending_of(case), _did_of(case))
        for case in found
    ]


def _did_of(case: "Xml.Element") -> tuple[str, ...]:
    said = [one.get("value", "") for one in case.iter("property") if one.get("name") == "did"]
    return tuple(" ".join(said).split())


def _file_of(classname: str) -> str:
    parts = [part for part in classname.split(".") if part.startswith("test_")]
    return f"{parts[0]}.py" if parts else classname


def _ending_of(case: "Xml.Element") -> str:
    children = {child.tag for child in case}
    if children & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in children else "passed"


def run_suites(environ: Mapping[str, str], suites: Sequence[str]) -> tuple[list[Case], str]:
    """Run pytest on `suites` with this environment; returns the cases and the end of its output."""
    with tempfile.TemporaryDirectory(prefix="switchyard-verify-") as directory:
        report = Path(directory) / "report.xml"
        # The newer family of reports has no place for what a case says of itself.
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", "-o", "junit_family=xunit1", *suites]
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=REPOSITORY,
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=SUITE_LIMIT_S,
            check=False,
        )
        cases = read_cases(report) if report.is_file() else []
    return cases, (done.stdout + done.stderr)[-TAIL_CHARACTERS:]


def verify_contracts(environ: Mapping[str, str], directory: Path) -> Outcome:
    """Run both contract suites against the doubles, then against real servers if some are named; write contracts.md."""
    without = {name: value for name, value in environ.items() if name not in {OLLAMA, QDRANT}}
    doubles, output = run_suites(without, ["tests/contract"])
    rows = [("the doubles", *row) for row in counted(doubles)]
    cases, real = list(doubles), "No real server was named: these are the doubles alone."
    named = {name: environ[name] for name in (OLLAMA, QDRANT) if environ.get(name)}
    if named:
        suites = [f"tests/contract/{path.name}" for path in _suites_of(named)]
        found, output = run_suites(environ, suites)
        rows += [("a real server", *row) for row in counted(_of_servers(found))]
        cases += found
        real = f"Real servers were named for: {', '.join(sorted(named))}."
    text = f"{table(('against', 'suite', 'passed', 'failed', 'skipped'), rows)}\n\n{real}"
    sections = [("Cases", text), *_failed_section(cases)]
    page = Page(
        "The doubles and the servers that they stand for",
        CONTRACTS,
        "python -m ops.verify --only contracts",
        (*sections,),
    )
    write(directory, "contracts", page, seed=None)
    return outcome(cases, output)


def _suites_of(named: Iterable[str]) -> list[Path]:
    patterns = {OLLAMA: "test_ollama*.py", QDRANT: "test_qdrant*.py"}
    return sorted(path for name in named for path in (REPOSITORY / "tests" / "contract").glob(patterns[name]))


def _of_servers(cases: Sequence[Case]) -> list[Case]:
    # Qdrant's suite runs against both when a server is named, and says which in the case's name.
    return [case for case in cases if "[double" not in case.name]


def verify_samples(environ: Mapping[str, str], directory: Path, *, seed: int) -> Outcome:
    """Run the suites that take seeded samples with all there is; write samples.md."""
    with tempfile.TemporaryDirectory(prefix="switchyard-verify-") as folder:
        samples = Path(folder) / "samples"
        full = {**environ, FULL: "1", SEED: str(seed), SAMPLES: str(samples)}
        cases, output = run_suites(full, ["tests/unit", "tests/integration"])
        taken = sorted(set(samples.read_text().splitlines())) if samples.is_file() else []
    rows = [line.partition(", SWITCHYARD")[0].split(": ", 1) for line in taken]
    sections = [
        ("Cases", table(("suite", "passed", "failed", "skipped"), counted(cases))),
        ("Samples", table(("test", "cases of all"), rows)),
        *_failed_section(cases),
    ]
    page = Page("Suites in full", SAMPLED, f"python -m ops.verify --only samples --seed {seed}", (*sections,))
    write(directory, "samples", page, seed=seed)
    return outcome(cases, output)


def counted(cases: Sequence[Case]) -> list[tuple[object, ...]]:
    """Return for each file, and for all, how many cases ended how."""
    files: dict[str, Counter[str]] = {}
    for case in cases:
        files.setdefault(case.file, Counter())[case.ending] += 1
    rows = [(file, ends["passed"], ends["failed"], ends["skipped"]) for file, ends in sorted(files.items())]
    total = Counter(case.ending for case in cases)
    return [*rows, ("all", total["passed"], total["failed"], total["skipped"])]


def _failed_section(cases: Sequence[Case]) -> list[tuple[str, str]]:
    failed = [(case.file, case.name) for case in cases if case.ending == "failed"]
    return [("Failures", table(("suite", "case"), failed))] if failed else []


def outcome(cases: Sequence[Case], output: str) -> Outcome:
    """Return the verdict over all cases; the end of the output is shown when one failed."""
    total = Counter(case.ending for case in cases)
    line = f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped"
    if not cases or total["failed"]:
        return Outcome(Verdict.FAILED, f"{line}{os.linesep}{output}")
    return Outcome(Verdict.HELD, line)
