"""`switchyard retrieval evaluate`: asks a stack's search golden questions, and blocks a change for the worse."""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from app.commandline import share, whole
from app.console import Console
from app.conversation import Stack, StackRefused
from app.question_files import digest_of
from app.retrieval.evaluation.gate import TOLERANCE, Change, Verdict, judge
from app.retrieval.evaluation.golden import read_golden
from app.retrieval.evaluation.measures import Seen
from app.retrieval.evaluation.report import (
    ROW_HEADS,
    Report,
    read_report,
    row_cells,
    shares_cells,
    shares_heads,
    write_report,
)
from app.retrieval.evaluation.running import Ask, evaluate
from app.retrieval.search import LIMIT
from app.stack_arguments import add_stack_arguments, stack_of

BLOCKED = 1
"""The exit status where a metric fell by more than is tolerated."""
K = 5


def add_acts(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the act to `switchyard retrieval`."""
    add_arguments(add("evaluate", help="ask golden questions, and block a change for the worse"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard retrieval evaluate` takes."""
    parser.set_defaults(run=run_evaluate)
    parser.add_argument(
        "--questions",
        type=Path,
        required=True,
        action="append",
        metavar="FILE",
        help="golden questions: JSON lines, or TOML as samples/questions.toml; may come several times",
    )
    parser.add_argument("--k", type=whole, default=K, help="how many pages, documents or passages count (%(default)s)")
    parser.add_argument("--out", type=Path, metavar="REPORT", help="write the report there, as JSON")
    parser.add_argument("--against", type=Path, metavar="REPORT", help="an earlier report: 1 if a metric fell")
    parser.add_argument(
        "--tolerance", type=share, default=TOLERANCE, help="how far a metric may fall below it (%(default)s)"
    )
    add_stack_arguments(parser)
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_evaluate(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Ask all questions, show and write the report; return 1 where the gate is shut, or the stack refuses.

    Raises BadInput, ConfigurationWrong, StackAway, OSError.
    """
    before = None if given.against is None else read_report(given.against)
    golden = [one for path in given.questions for one in read_golden(path)]
    try:
        rows = asyncio.run(evaluate(golden, _ask(stack_of(given, environ)), told=_teller(notes)))
    except StackRefused as refused:
        notes.say(f"switchyard: {refused}")
        return 1
    report = Report(questions=digest_of(golden), k=given.k, rows=tuple(rows))
    if given.out is not None:
        write_report(given.out, report)
    verdict = None if before is None else judge(before, report, tolerance=given.tolerance)
    if given.json:
        console.show_json({"report": report, "verdict": verdict})
    else:
        _show(report, verdict, console)
    return 0 if verdict is None or verdict.may_go_live else BLOCKED


def _ask(stack: Stack) -> Ask:
    async def ask(question: str, documents: tuple[str, ...]) -> Sequence[Seen]:
        body = {"question": question, "limit": LIMIT, "filters": {"documents": documents}}
        found = await asyncio.to_thread(stack.post, "/api/v1/search", body)
        return msgspec.convert(found["passages"], list[Seen])

    return ask


def _teller(notes: Console) -> Callable[[int, int], None]:
    def told(done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            notes.say(f"{done} of {total} questions asked")

    return told


def _show(report: Report, verdict: Verdict | None, console: Console) -> None:
    console.table(ROW_HEADS, [row_cells(row) for row in report.rows])
    console.say("")
    console.table(shares_heads(report.k), shares_cells(report.rows, report.k))
    if verdict is None:
        return
    console.say("")
    console.table(
        ("METRIC", "AMONG", "QUESTIONS", "BEFORE", "AFTER", "95 %", "WORSE", "BETTER"),
        [_change_cells(change) for change in verdict.changes],
    )
    for change in verdict.blocking:
        console.say(f"{change.metric} ({change.among}) fell; worse: {', '.join(change.worse)}")
    if verdict.unpaired:
        console.say(f"in one report only: {', '.join(verdict.unpaired)}")
    console.say("the change may go live" if verdict.may_go_live else "the change is worse than is tolerated")


def _change_cells(change: Change) -> tuple[str, ...]:
    interval = f"{change.low:+.2f} to {change.high:+.2f}"
    counts = (str(len(change.worse)), str(len(change.better)))
    return (
        change.metric.value,
        change.among.value,
        str(change.questions),
        f"{change.before:.2f}",
        f"{change.after:.2f}",
        interval,
        *counts,
    )
