"""The table of requirements is whole, true and fresh."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.requirements.__main__ import ROOT, Places, check
from ops.requirements.marked import MarkedTest, collect
from ops.requirements.promises import find_decision, read
from ops.requirements.standing import State

# Collecting takes about ten seconds on an idle machine.
pytestmark = pytest.mark.timeout(360)
PLACES = Places(ROOT)
# The rows of the five designs, first and last number of each run.
RANGES = {
    "INS": ((1, 3), (10, 18), (20, 26), (30, 40), (50, 57), (60, 72), (80, 87)),
    "FIN": ((1, 8), (10, 15), (20, 25), (30, 41), (50, 55), (60, 77), (80, 87), (90, 99)),
    "ORC": ((1, 8), (10, 17), (20, 24), (30, 36), (40, 49), (50, 55), (60, 71), (80, 88)),
    "UPL": ((1, 8), (10, 15), (20, 26), (30, 37), (40, 50)),
    "FAM": ((1, 25),),
}
_ROW = re.compile(r"^\| ([A-Z]{3}-\d\d(?:\.[a-z0-9-]+)?) \| (.*) \| \*\*([a-z ]+)\*\* \| (.*) \| (.*) \|$")
_LINK = re.compile(r"\]\(([^)#]+)")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the page, of a promise or a clause, as its readers see it."""

    id: str
    promise: str
    state: State
    tests: str
    last: str

    @property
    def is_clause(self) -> bool:
        """Whether it is a clause."""
        return "." in self.id


def expected_ids() -> Iterator[str]:
    """Yield every id of the five designs."""
    for source, runs in RANGES.items():
        for first, last in runs:
            yield from (f"{source}-{number:02}" for number in range(first, last + 1))


def rows_of(text: str) -> list[Row]:
    """Return the rows of a page."""
    found = [match for line in text.splitlines() if (match := _ROW.match(line))]
    return [Row(match[1], match[2], State(match[3]), match[4], match[5]) for match in found]


@pytest.fixture(scope="module")
def marked() -> tuple[MarkedTest, ...]:
    """Every test with a marker."""
    return collect(ROOT)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The rows of the committed page."""
    return rows_of(PLACES.page.read_text(encoding="utf-8"))


def test_every_promise_of_the_five_designs_stands_once_in_the_file_and_on_the_page(rows: list[Row]) -> None:
    expected = sorted(expected_ids())
    assert len(expected) == 263
    assert sorted(promise.id for promise in read(PLACES.promises)) == expected
    assert sorted(row.id for row in rows if not row.is_clause) == expected


def test_promises_markers_results_and_page_agree(marked: tuple[MarkedTest, ...]) -> None:
    wrong = check(PLACES, marked)
    assert wrong == [], "\n" + "\n".join(wrong)


def test_what_is_shown_as_held_has_tests_that_passed_and_a_break_that_turns_them_red(rows: list[Row]) -> None:
    held = [row for row in rows if row.is_clause and row.state in {State.HELD, State.ON_DOUBLES}]
    assert [row.id for row in held if "::" not in row.tests or "passed" not in row.last] == []
    assert [row.id for row in held if "*Red when:*" not in row.promise] == []
    split = {row.id.partition(".")[0] for row in rows if row.is_clause}
    assert [row.id for row in rows if row.state is State.HELD and not row.is_clause and row.id not in split] == []


def test_nothing_is_broken_and_what_is_not_there_has_no_tests(rows: list[Row]) -> None:
    assert [row.id for row in rows if row.state is State.BROKEN or "failed" in row.last] == []
    assert [row.id for row in rows if row.state in {State.OPEN, State.DECLINED} and (row.tests or row.last)] == []


def test_what_is_declined_names_a_decision_that_names_it(rows: list[Row]) -> None:
    declined = [row for row in rows if row.state is State.DECLINED and ("](" in row.promise or row.is_clause)]
    assert declined
    for row in declined:
        (link,) = _LINK.findall(row.promise)
        assert row.id.partition(".")[0] in (PLACES.page.parent / link).read_text(encoding="utf-8")


def test_every_link_of_the_page_leads_to_a_file() -> None:
    links = set(_LINK.findall(PLACES.page.read_text(encoding="utf-8")))
    assert links
    assert sorted(link for link in links if not (PLACES.page.parent / link).resolve().is_file()) == []


def test_a_decision_is_found_whatever_its_number(tmp_path: Path) -> None:
    (tmp_path / "0031-no-such-thing.md").touch()
    assert find_decision(tmp_path, "no-such-thing") == tmp_path / "0031-no-such-thing.md"
    assert find_decision(tmp_path, "such-thing") is None
