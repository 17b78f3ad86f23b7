"""`switchyard evaluate`: asks a team questions whose answers are known, and says what is right, and what got worse."""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path

from app import VERSION
from app.commandline import share, whole
from app.console import Console
from app.evaluation.asking import evaluate
from app.evaluation.comparison import TOLERANCE, Change, Comparison, compare
from app.evaluation.questions import Question, read_questions
from app.evaluation.report import Report, Row, Share, read_report, row_of, shares_of, write_report
from app.question_files import digest_of
from app.stack_arguments import add_stack_arguments, stack_of
from app.team_asking import Answer, asks, write_lines

FOLDER = Path("evaluation")
WORSE = 1
"""The exit status where something got worse by more than is tolerated."""
SHOWN_WRONG = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `switchyard evaluate` takes."""
    parser.add_argument("team", help="who is asked")
    parser.add_argument(
        "--questions",
        type=Path,
        action="append",
        metavar="FILE",
        help=f"questions as JSON lines; may come several times (else {FOLDER}/TEAM.jsonl)",
    )
    parser.add_argument("--at-once", type=whole, default=1, metavar="N", help="ask so many together (%(default)s)")
    parser.add_argument("--out", type=Path, metavar="REPORT", help="write the report there, as JSON")
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help="write the answers there, to be labelled or judged"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="REPORT",
        help=f"an earlier report: 1 if something fell (else {FOLDER}/reports/TEAM.json, where it is)",
    )
    parser.add_argument(
        "--tolerance", type=share, default=TOLERANCE, help="how far a share may fall below it (%(default)s)"
    )
    add_stack_arguments(parser)
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_evaluate(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
    """Ask all questions, show and write the report; return 1 where something got worse.

    Raises BadInput, ConfigurationWrong, OSError.
    """
    questions, before = _questions(given), _before(given)
    answers: list[Answer] = []
    ask = asks(stack_of(given, environ), given.team, wait=time.sleep, kept=answers.append)
    told = asyncio.run(evaluate(questions, ask, at_once=given.at_once, told=partial(_count, notes)))
    rows = tuple(row_of(asked, one) for asked, one in zip(questions, told, strict=True))
    report = Report(team=given.team, questions=digest_of(questions), version=VERSION, shares=shares_of(rows), rows=rows)
    if given.answers is not None:
        write_lines(given.answers, sorted(answers, key=attrgetter("id")))
    if given.out is not None:
        write_report(given.out, report)
    compared = None if before is None else compare(before, report, tolerance=given.tolerance)
    if given.json:
        console.show_json({"report": report, "compared": compared})
    else:
        show(report, compared, console)
    return WORSE if compared is not None and compared.blocking else 0


def _questions(given: argparse.Namespace) -> list[Question]:
    paths: list[Path] = given.questions or [FOLDER / f"{given.team}.jsonl"]
    return [one for path in paths for one in read_questions(path)]


def _before(given: argparse.Namespace) -> Report | None:
    if given.against is not None:
        return read_report(given.against)
    released = FOLDER / "reports" / f"{given.team}.json"
    return read_report(released) if released.is_file() else None


def _count(notes: Console, done: int, total: int) -> None:
    if done % 5 == 0 or done == total:
        notes.say(f"{done} of {total} questions asked")


def show(report: Report, compared: Comparison | None, console: Console) -> None:
    """Show what is wrong, what it comes to, and what changed."""
    wrong = [row for row in report.rows if row.wrong]
    if wrong:
        console.table(
            ("QUESTION", "WRONG", "AGENT OR MODE", "CHOSEN BY", "WHY"), list(map(_wrong, wrong[:SHOWN_WRONG]))
        )
        if len(wrong) > SHOWN_WRONG:
            console.say(f"and {len(wrong) - SHOWN_WRONG} more")
        console.say("")
    console.table(("GROUP", "WHAT", "QUESTIONS", "SHARE", "95 %"), list(map(_share, report.shares)))
    console.say("")
    console.say(took(report.rows))
    if compared is not None:
        console.say("")
        _show_changes(compared, console)


def took(rows: Sequence[Row]) -> str:
    """Return what the answers took, in a line."""
    latencies = sorted(row.latency_ms for row in rows if not row.problem)
    if not latencies:
        return "no question was answered"
    cost_usd = sum(row.cost_usd for row in rows)
    middle, late = latencies[len(latencies) // 2], latencies[min(len(latencies) - 1, len(latencies) * 95 // 100)]
    return f"{middle / 1000:.1f} s an answer (95 %: {late / 1000:.1f} s), ${cost_usd:.6f} in all"


def _wrong(row: Row) -> tuple[str, ...]:
    return (row.id, ", ".join(row.wrong), row.agent if not row.mode else row.mode, row.chosen_by, row.problem)


def _share(one: Share) -> tuple[str, ...]:
    return (one.group, one.mark, str(one.questions), f"{one.share:.3f}", f"{one.low:.2f} to {one.high:.2f}")


def _show_changes(compared: Comparison, console: Console) -> None:
    heads = ("GROUP", "WHAT", "QUESTIONS", "BEFORE", "AFTER", "95 %", "WORSE", "BETTER")
    console.table(heads, list(map(_change, compared.changes)))
    for change in compared.changes:
        if change.worse:
            console.say(f"{change.mark} ({change.file}) is worse for {', '.join(change.worse)}")
        if change.better:
            console.say(f"{change.mark} ({change.file}) is better for {', '.join(change.better)}")
    if compared.unpaired:
        console.say(f"in one report only: {', '.join(compared.unpaired)}")
    fell = ", ".join(f"{one.mark} ({one.file})" for one in compared.blocking)
    console.say(f"worse than is tolerated: {fell}" if fell else "nothing is worse than is tolerated")


def _change(one: Change) -> tuple[str, ...]:
    counts = (str(len(one.worse)), str(len(one.better)))
    shares = (f"{one.before:.3f}", f"{one.after:.3f}", f"{one.low:+.2f} to {one.high:+.2f}")
    return (one.file, one.mark, str(one.questions), *shares, *counts)
