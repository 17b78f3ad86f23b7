"""`docs/requirements.md`: each promise and clause with its state, its tests, their last result and its breaks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from ops.docs.markdown import code, table
from ops.requirements.marked import MarkedTest
from ops.requirements.promises import find_decision
from ops.requirements.results import Outcome, Result, against
from ops.requirements.standing import ClauseStanding, Standing, State, counts

NOTE = (
    "Written by `make requirements` from `docs/requirements.toml`, the markers of the tests and their last results; "
    "edit those, not this page. [How it works](how-to/trace-requirements.md)."
)
LEGEND = (
    "A promise is split into clauses. **held**: a test that passed holds it, and a break of the product, which is "
    "named, turns that test red. **on doubles**: the same, but only ever against a double of the server it is about. "
    "**unproven**: a test, but no break. **part**: some clauses have a test and some have none, or the promise is not "
    "split yet. **open**: no test; where no clause has one, all stand in the row of their promise. **broken**: a test "
    "failed when it was last run. **declined**: not going to be built; the decision says why. A commit with `+` had "
    "uncommitted changes."
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
        parts += [
            f"## {group}",
            _line(counts(rows)),
            table(HEAD, [line for row in rows for line in _rows(row, decisions)]),
        ]
    return "\n\n".join(parts) + "\n"


def summary_rows(found: Sequence[Standing]) -> list[tuple[str, ...]]:
    """Return source, promises, and how many are in each state; the last rows are the sum, and the clauses."""
    rows: list[tuple[str, ...]] = []
    for source, title in SOURCES.items():
        own = [standing for standing in found if standing.promise.source == source]
        rows.append((f"{source} {title}", *_numbers(own)))
    clauses = [clause for standing in found for clause in standing.clauses]
    return [*rows, ("all", *_numbers(found)), ("clauses", *_numbers(clauses))]


def _numbers(found: Sequence[Standing | ClauseStanding]) -> Iterator[str]:
    number = counts(found)
    yield str(len(found))
    yield from (str(number[state]) for state in State)


def _summary(found: Sequence[Standing]) -> str:
    return table(("source", "number", *(state.value for state in State)), summary_rows(found))


def _line(number: Counter[State]) -> str:
    return ", ".join(f"{number[state]} {state.value}" for state in State if number[state])


def _rows(standing: Standing, decisions: Path) -> Iterator[tuple[str, ...]]:
    """Yield the row of a promise, then those of its clauses that do not stand in it."""
    promise, state = standing.promise, f"**{standing.state.value}**"
    yield promise.id, _promise(standing, decisions), state, _tests(standing.tests), _last(standing)
    for one in standing.clauses:
        if _is_folded(one, standing):
            continue
        lines = [one.clause.says, *(f"*Red when:* {each.name}" for each in one.breaks)]
        if link := _link(one.clause.adr, decisions):
            lines.append(link)
        yield one.name, "<br>".join(lines), f"**{one.state.value}**", _tests(one.tests), _last(one)


def _is_folded(one: ClauseStanding, standing: Standing) -> bool:
    """Return whether a clause stands in the row of its promise: nothing else is to be said of it or of the others."""
    return one.state is standing.state is State.OPEN


def _promise(standing: Standing, decisions: Path) -> str:
    promise = standing.promise
    lines = [promise.says]
    lines += [f"{code(one.clause.id)} {one.clause.says}" for one in standing.clauses if _is_folded(one, standing)]
    if standing.state is not State.OPEN and not promise.is_declined and not promise.clause:
        lines.append(f"*Left:* {promise.left or 'it is not split into clauses yet'}")
    if promise.declined and (link := _link(promise.adr, decisions)):
        lines.append(link if promise.is_declined else f"*Declined:* {promise.declined} ({link})")
    return "<br>".join(lines)


def _link(adr: str, decisions: Path) -> str:
    decision = find_decision(decisions, adr) if adr else None
    return f"[ADR {int(decision.name[:4])}](adr/{decision.name})" if decision else ""


def _tests(tests: Sequence[MarkedTest]) -> str:
    return "<br>".join(_test(test) for test in tests)


def _test(test: MarkedTest) -> str:
    return f"[{test.path.removeprefix('tests/')}](../{test.path})::{code(test.title)}"


def _last(standing: Standing | ClauseStanding) -> str:
    """Return how many tests ended how, on which day and commit; those that failed are named."""
    if not standing.tests:
        return ""
    ended = Counter(_end(standing.results.get(test.name)) for test in standing.tests)
    lines = [f"{number} {end}" if len(standing.tests) > 1 else end for end, number in sorted(ended.items())]
    for name, result in standing.results.items():
        if server := against(name)[1]:
            lines.append(f"against a real {server}: {_end(result)}")
    failed = [name for name, result in standing.results.items() if result.outcome is Outcome.FAILED]
    return "<br>".join([*lines, *(f"failed: {code(name.partition('::')[2])}" for name in failed)])


def _end(result: Result | None) -> str:
    if result is None:
        return "not run"
    commit = result.commit[:COMMIT_CHARACTERS] + ("+" if result.changed else "")
    return f"{result.outcome.value} {result.at:%Y-%m-%d} {code(commit)}"
