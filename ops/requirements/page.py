"""`docs/requirements.md`: each promise with its state, its tests and their last result."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from ops.docs.markdown import code, table
from ops.requirements.marked import MarkedTest
from ops.requirements.promises import Promise, find_decision
from ops.requirements.results import Outcome, Result
from ops.requirements.standing import Standing, State, counts

NOTE = (
    "Written by `make requirements` from `docs/requirements.toml`, the markers of the tests and their last results; "
    "edit those, not this page. [How it works](how-to/trace-requirements.md)."
)
LEGEND = (
    "**held**: tests hold all of it. **part**: tests hold a part; what is left is said. **open**: no test yet. "
    "**broken**: a test of it failed when it was last run. **declined**: not going to be built; the decision says why. "
    "A commit with `+` had uncommitted changes."
)
SOURCES = {
    "INS": "insurance agents",
    "FIN": "finance agent",
    "ORC": "operations and cost",
    "UPL": "uploads and users",
    "FAM": "scheduler",
}
HEAD = ("id", "promise", "state", "tests", "last result")
COMMIT_CHARACTERS = 10


def write(found: Sequence[Standing], decisions: Path) -> str:
    """Return the page; `decisions` is the folder of the decision records, which the page links."""
    parts = ["# Requirements", NOTE, _summary(found), LEGEND]
    for group, members in groupby(found, key=lambda standing: standing.promise.group):
        rows = list(members)
        parts += [f"## {group}", _line(counts(rows)), table(HEAD, [_row(row, decisions) for row in rows])]
    return "\n\n".join(parts) + "\n"


def summary_rows(found: Sequence[Standing]) -> list[tuple[str, ...]]:
    """Return source, promises, and how many are in each state; the last row is the sum."""
    rows: list[tuple[str, ...]] = []
    for source, title in SOURCES.items():
        own = [standing for standing in found if standing.promise.source == source]
        rows.append((f"{source} {title}", *_numbers(own)))
    return [*rows, ("all", *_numbers(found))]


def _numbers(found: Sequence[Standing]) -> Iterator[str]:
    number = counts(found)
    yield str(len(found))
    yield from (str(number[state]) for state in State)


def _summary(found: Sequence[Standing]) -> str:
    return table(("source", "promises", *(state.value for state in State)), summary_rows(found))


def _line(number: Counter[State]) -> str:
    return ", ".join(f"{number[state]} {state.value}" for state in State if number[state])


def _row(standing: Standing, decisions: Path) -> tuple[str, ...]:
    tests = "<br>".join(_test(test) for test in standing.tests)
    promise = _promise(standing.promise, standing.state, decisions)
    return standing.promise.id, promise, f"**{standing.state.value}**", tests, _last(standing)


def _promise(promise: Promise, state: State, decisions: Path) -> str:
    lines = [promise.says]
    if promise.left and state is not State.OPEN:
        lines.append(f"*Left:* {promise.left}")
    if promise.declined and (decision := find_decision(decisions, promise.adr)):
        link = f"[ADR {int(decision.name[:4])}](adr/{decision.name})"
        lines.append(link if promise.is_declined else f"*Declined:* {promise.declined} ({link})")
    return "<br>".join(lines)


def _test(test: MarkedTest) -> str:
    return f"[{test.path.removeprefix('tests/')}](../{test.path})::{code(test.title)}"


def _last(standing: Standing) -> str:
    """Return how many tests ended how, on which day and commit; those that failed are named."""
    if not standing.tests:
        return ""
    ended = Counter(_end(standing.results.get(test.name)) for test in standing.tests)
    lines = [f"{number} {end}" if len(standing.tests) > 1 else end for end, number in sorted(ended.items())]
    failed = [name for name, result in standing.results.items() if result.outcome is Outcome.FAILED]
    return "<br>".join([*lines, *(f"failed: {code(name.partition('::')[2])}" for name in failed)])


def _end(result: Result | None) -> str:
    if result is None:
        return "not run"
    commit = result.commit[:COMMIT_CHARACTERS] + ("+" if result.changed else "")
    return f"{result.outcome.value} {result.at:%Y-%m-%d} {code(commit)}"
