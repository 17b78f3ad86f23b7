"""Writes docs/requirements.md, or with --check says what is wrong with it: `python -m ops.requirements`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.finish import finish
from ops.breaks import listed
from ops.breaks.listed import BreaksWrong
from ops.requirements import marked, page, promises, results, standing
from ops.requirements.marked import CollectionFailed, MarkedTest
from ops.requirements.promises import Promise, PromisesWrong
from ops.requirements.results import Result, ResultsWrong
from ops.requirements.standing import Known, Standing, State

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one checkout."""

    root: Path

    @property
    def promises(self) -> Path:
        """What is promised."""
        return self.root / "docs" / "requirements.toml"

    @property
    def page(self) -> Path:
        """The page that is written."""
        return self.root / "docs" / "requirements.md"

    @property
    def kept(self) -> Path:
        """The last results that the page was written from."""
        return self.root / "docs" / "requirements.results.json"

    @property
    def decisions(self) -> Path:
        """The decision records."""
        return self.root / "docs" / "adr"

    @property
    def recorded(self) -> Path:
        """What the test runs of this machine recorded."""
        return self.root / results.FOLDER


def check(places: Places, tests: Sequence[MarkedTest]) -> list[str]:
    """Return everything that is wrong with the promises, the markers, the breaks, the kept results and the page.

    The page is compared with what the kept results give, so it is the same on every machine.
    """
    known = promises.read(places.promises)
    kept = results.read(places.kept)
    found = faults(places, known, tests)
    found += [f"{fault}: run make requirements" for fault in standing.result_faults(tests, kept)]
    written = places.page.read_text(encoding="utf-8") if places.page.exists() else ""
    found_standings = standing.standings(known, Known(tests, kept, listed.every(listed.read(places.root))))
    if written != page.write(found_standings, places.decisions):
        found.append(f"{places.page.name} is old: run make requirements")
    return found


def faults(places: Places, known: Sequence[Promise], tests: Sequence[MarkedTest]) -> list[str]:
    """Return what is wrong with the promises, the markers and the breaks."""
    breaks = listed.read(places.root)
    wrong = promises.faults(known, places.decisions) + standing.claim_faults(known, tests)
    wrong += listed.faults(places.root, breaks, promises.clause_names(known))
    return wrong + standing.proof_faults(tests, listed.every(breaks))


def update(places: Places, tests: Sequence[MarkedTest]) -> tuple[Standing, ...]:
    """Write the page and the results it shows; return where each promise stands."""
    last: dict[str, Result] = results.latest(tests, results.read(places.kept), results.recorded(places.recorded))
    breaks = listed.every(listed.read(places.root))
    found = standing.standings(promises.read(places.promises), Known(tests, last, breaks))
    results.write(places.kept, last)
    places.page.write_text(page.write(found, places.decisions), encoding="utf-8")
    return found


def summary(found: Sequence[Standing], shown: State | None) -> str:
    """Return the counts as text, and the promises and clauses in state `shown` a line each."""
    rows = [("", "number", *(state.value for state in State)), *page.summary_rows(found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    for one in found:
        lines += [f"{one.promise.id}  {one.promise.says}"] if one.state is shown else []
        lines += [f"{clause.name}  {clause.clause.says}" for clause in one.clauses if clause.state is shown]
    return "".join(f"{line}\n" for line in lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 when something is wrong, 2 when nothing could be read."""
    parser = argparse.ArgumentParser(prog="python -m ops.requirements", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    states = [state.value for state in State]
    parser.add_argument("--list", choices=states, metavar="STATE", help=f"name what is {', '.join(states)}")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    given = parser.parse_args(argv)
    places = Places(given.root)
    try:
        tests = marked.collect(places.root)
        if given.check:
            wrong = check(places, tests)
        else:
            sys.stdout.write(summary(update(places, tests), State(given.list) if given.list else None))
            wrong = faults(places, promises.read(places.promises), tests)
    except (BreaksWrong, CollectionFailed, PromisesWrong, ResultsWrong) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("".join(f"{fault}\n" for fault in wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    finish(main)
