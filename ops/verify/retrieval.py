"""Asks golden questions of a stack's own search, tries the gate, and fits the fusion again over the same index."""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.retrieval.evaluation.gate import Verdict as Gate
from app.retrieval.evaluation.measures import Among, Metric, shares
from app.retrieval.evaluation.report import ROW_HEADS, Report, row_cells, shares_cells, shares_heads
from app.retrieval.fusion import Fitted, read_fitted, shipped
from ops.drill.target import Target
from ops.local.models.catalogue import Size
from ops.local.process import run_once
from ops.verify.evidence import Outcome, Page, Verdict, table, write
from ops.verify.questions import LIBRARY_QUESTIONS, QUESTIONS
from ops.verify.stack import LIBRARY, StackFailed, library, open_stack, upload, upload_handbook

FILINGS = "SWITCHYARD_VERIFY_FILINGS"
COMMAND = "python -m ops.verify --only retrieval"
TENANT, FILINGS_TENANT = "demo", "filings"
CUT = "heat-pump-manual.md"
"""What is made worse for the gate."""
READ_IN_LIMIT_S = 3600.0
COMMAND_LIMIT_S = 1800.0
TAIL_CHARACTERS = 2000
GOALS = {Among.ALL: 0.50, Among.NAMED: 0.65}
"""Of the filings: the share of questions with a right page among the first five."""

INTRODUCTION = f"""\
`switchyard retrieval evaluate` asks the search of a local stack of its own, with the packaged embedder and the local
stack's double for a vector store. **samples** are the questions of [questions.toml](../../samples/questions.toml) and
[library.toml](../../samples/library.toml) with their documents;
**filings** are the PDFs of the folder that `{FILINGS}` names, with its `questions.jsonl` in FinanceBench's form, in a
tenant of their own. Each question is asked of all documents and, by a filter, of its own. Every second filing is of the
half *kept*, to which nothing was fitted. What each column counts stands in
[how to evaluate retrieval](../how-to/evaluate-retrieval.md)."""


@dataclass(frozen=True, slots=True)
class Set:
    """Questions about the documents of one tenant."""

    name: str
    tenant: str
    key: str
    files: tuple[Path, ...]


def verify(environ: Mapping[str, str], directory: Path, say: Callable[[str], None]) -> Outcome:
    """Evaluate, calibrate, try the gate, and write retrieval.md. Raises StackFailed, httpx.HTTPError, OSError."""
    with open_stack(environ, Size.SMALL) as target, tempfile.TemporaryDirectory() as folder:
        commands = Commands(environ, target, Path(folder))
        upload_handbook(target)
        upload(target.url, target.key, library())
        samples = Set("samples", TENANT, target.key, (QUESTIONS, LIBRARY_QUESTIONS))
        sets = [samples, *_filings(environ, commands, say)]
        reports = dict[str, Report]()
        for one in sets:
            say(f"evaluate: {one.name}")
            reports[one.name] = commands.evaluate(one)
        say("calibrate")
        fitted = commands.calibrate(sets)
        say("the gate")
        same = commands.judge(samples)
        upload(target.url, target.key, [_cut(LIBRARY / CUT, Path(folder))])
        worse = commands.judge(samples)
    sections = [(name.capitalize(), _totals(report)) for name, report in reports.items()]
    sections += [("The gate", _gate(same, worse)), ("The weights of the fusion", _weights(fitted))]
    sections += [(f"{name.capitalize()}, question by question", _rows(report)) for name, report in reports.items()]
    page = Page("Where the right passage is found", INTRODUCTION, COMMAND, tuple(sections))
    write(directory, "retrieval", page, seed=None)
    return outcome(reports, same, worse)


def _filings(environ: Mapping[str, str], commands: "Commands", say: Callable[[str], None]) -> list[Set]:
    """Read the filings in, if there are any, as a tenant of their own."""
    if not environ.get(FILINGS):
        return []
    folder = Path(environ[FILINGS])
    commands.run("tenants", "add", FILINGS_TENANT)
    key = str(commands.run("keys", "add", FILINGS_TENANT)["key"])
    documents = sorted(folder.glob("*.pdf"))
    say(f"{len(documents)} filings are read in")
    upload(commands.target.url, key, documents, limit_s=READ_IN_LIMIT_S)
    return [Set("filings", FILINGS_TENANT, key, (folder / "questions.jsonl",))]


def _cut(path: Path, folder: Path) -> Path:
    """Write the first part of a document under its own name, as its next version."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    cut = folder / path.name
    cut.write_text("".join(lines[: len(lines) // 5]), encoding="utf-8")
    return cut


class Commands:
    """The commands of a stack's own `switchyard`, and the reports that they write."""

    def __init__(self, environ: Mapping[str, str], target: Target, folder: Path) -> None:
        self._environ = {name: value for name, value in environ.items() if not name.startswith("SWITCHYARD_")}
        self.target = target
        self._folder = folder

    def run(self, *words: str, key: str | None = None, may_block: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Run a command and return what it says as JSON. Raises StackFailed."""
        asked = {"SWITCHYARD_LOCAL_URL": self.target.url, "SWITCHYARD_LOCAL_KEY": key or self.target.key}
        command = (sys.executable, "-m", "app.cli", *words, "--json")
        done = run_once(command, environ={**self._environ, **self.target.environ, **asked}, limit_s=COMMAND_LIMIT_S)
        if done.returncode not in {0, int(may_block)}:
            raise StackFailed(f"`switchyard {' '.join(words[:2])}`: {(done.stdout + done.stderr)[-TAIL_CHARACTERS:]}")
        return msgspec.json.decode(done.stdout)

    def evaluate(self, one: Set) -> Report:
        """Ask all questions of a set and keep the report."""
        said = self.run(*self._asking(one), "--out", str(self._report(one)), key=one.key)
        return msgspec.convert(said["report"], Report)

    def judge(self, one: Set) -> Gate:
        """Ask once more, and hold what is found against the report that was kept."""
        said = self.run(*self._asking(one), "--against", str(self._report(one)), key=one.key, may_block=True)
        return msgspec.convert(said["verdict"], Gate)

    def calibrate(self, sets: Sequence[Set]) -> Fitted:
        """Fit the weights of the fusion again, to those of the sets that have halves."""
        weights = self._folder / "weights.json"
        files = [f"--questions={one.tenant}={path}" for one in sets for path in one.files if path != QUESTIONS]
        node = self.run("nodes", "list")[0]["url"]
        self.run("retrieval", "calibrate", "--embedder", node, *files, "--out", str(weights))
        return read_fitted(weights)

    def _asking(self, one: Set) -> list[str]:
        return ["retrieval", "evaluate", *(f"--questions={path}" for path in one.files)]

    def _report(self, one: Set) -> Path:
        return self._folder / f"{one.name}.json"


def _totals(report: Report) -> str:
    found = table([head.lower() for head in shares_heads(report.k)], shares_cells(report.rows, report.k))
    return f"{found}\n\nIn brackets: how many questions speak to it."


def _rows(report: Report) -> str:
    return table([head.lower() for head in ROW_HEADS], [row_cells(row) for row in report.rows])


def _gate(same: Gate, worse: Gate) -> str:
    fell = [
        (one.metric, one.among, f"{one.before:.2f}", f"{one.after:.2f}", ", ".join(one.worse)) for one in worse.blocking
    ]
    return (
        f"The same questions asked again of the same index: {_word(same)}. Asked again when `{CUT}` had been cut to "
        f"its first fifth: {_word(worse)}.\n\n{table(('metric', 'among', 'before', 'after', 'worse'), fell)}"
    )


def _word(gate: Gate) -> str:
    return "may go live" if gate.may_go_live else "blocked"


def _weights(fitted: Fitted) -> str:
    ours, again = msgspec.to_builtins(shipped().weights), msgspec.to_builtins(fitted.weights)
    rows = [(name, f"{ours[name]:.4f}", f"{value:.4f}") for name, value in again.items()]
    told = "the same files" if set(fitted.questions) == set(shipped().questions) else "other files"
    return (
        f"`switchyard retrieval calibrate`, over this index; the shipped weights were fitted to {told} of questions, "
        f"{shipped().fitted_to} lists of candidates; these to {fitted.fitted_to}.\n\n"
        + table(("weight", "shipped", "fitted again"), rows)
    )


def outcome(reports: Mapping[str, Report], same: Gate, worse: Gate) -> Outcome:
    """Return how it ended: `same` is the gate's verdict on what did not change, `worse` on what became worse."""
    if not same.may_go_live or worse.may_go_live:
        return Outcome(Verdict.FAILED, "the gate blocks what is the same, or lets through what is worse")
    if "filings" not in reports:
        return Outcome(Verdict.HELD, f"the samples were evaluated; set {FILINGS} to a folder of filings for the others")
    hits = {among: _page_hit(reports["filings"], among) for among in GOALS}
    line = ", ".join(f"{among} {hits[among]:.3f} (goal {goal:.2f})" for among, goal in GOALS.items())
    return Outcome(Verdict.HELD, f"page hit@5 of the filings: {line}")


def _page_hit(report: Report, among: Among) -> float:
    rows = [row for row in report.rows if row.among is among]
    return shares(rows, report.k)[Metric.PAGE_HIT][0]
