"""Makes every break of the product and writes which tests noticed."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ops.breaks.listed import read
from ops.breaks.making import Made, Verdict, make, run_tests
from ops.breaks.tree import copied
from ops.local.process import REPOSITORY
from ops.verify.evidence import Outcome, Page, table, write
from ops.verify.evidence import Verdict as Held

INTRODUCTION = """\
Each break is one small wrong change of the product, as somebody tired makes it. It is made alone in a copy of the
checkout; then the tests that it names must fail, and they were green before. A break that a test does not notice is a
fault of the test. `make test` makes a drawn handful of these."""


def verify(directory: Path, *, say: Callable[[str], None]) -> Outcome:
    """Make the breaks area by area and write breaks.md. Raises BreaksWrong, NoCheckout."""
    found: dict[str, list[Made]] = {}
    with copied(REPOSITORY) as tree:
        for area, breaks in read(REPOSITORY).items():
            say(f"{area}: {len(breaks)} breaks")
            found[area] = make(tree, breaks, run_tests, lambda made: say(f"  {made.verdict}: {made.one.name}"))
    write(directory, "breaks", page(found), seed=None)
    return outcome([made for part in found.values() for made in part])


def page(found: dict[str, list[Made]]) -> Page:
    """Return the page: counts by area, then every break by name."""
    heads = ("area", "breaks", *(verdict.value for verdict in Verdict))
    rows = [(area, len(part), *_numbers(part)) for area, part in found.items()]
    lists = [(area, table(("break", "in", "came to"), [_row(made) for made in part])) for area, part in found.items()]
    return Page("Breaks", INTRODUCTION, "python -m ops.verify --only breaks", (("Counts", table(heads, rows)), *lists))


def _numbers(part: Sequence[Made]) -> list[int]:
    counts = Counter(made.verdict for made in part)
    return [counts[verdict] for verdict in Verdict]


def _row(made: Made) -> tuple[str, str, str]:
    return made.one.name, made.one.file, f"{made.verdict}: {made.why}" if made.why else made.verdict.value


def outcome(found: Sequence[Made]) -> Outcome:
    """Return the verdict over all breaks; each that was not noticed is named."""
    counts = Counter(made.verdict for made in found)
    line = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    wrong = "".join(f"; {made.verdict}: {made.one.name}" for made in found if made.is_wrong)
    return Outcome(Held.FAILED if wrong or not found else Held.HELD, line + wrong)
