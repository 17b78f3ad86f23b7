"""Makes breaks of the product, each alone, and expects their tests to fail: `python -m ops.breaks`."""

import argparse
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.finish import INTERRUPTED, finish
from ops.breaks.listed import AREAS, Break, BreaksWrong, every, read
from ops.breaks.making import Made, Verdict, make, run_tests
from ops.breaks.tree import NoCheckout, copied
from ops.local.console import Console

ROOT = Path(__file__).parents[2]
SEED, SAMPLES = "SWITCHYARD_TEST_SEED", "SWITCHYARD_TEST_SAMPLES"
SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line asks for."""

    only: tuple[str, ...]
    name: str
    sample: int | None
    seed: int
    root: Path


def read_given(arguments: Sequence[str], environ: Mapping[str, str]) -> Given:
    """Return what the command line asks for. Raises SystemExit for what makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m ops.breaks", description=__doc__)
    parser.add_argument("--only", action="append", choices=AREAS, default=[], help="breaks of an area; may be repeated")
    parser.add_argument("--name", default="", metavar="TEXT", help="breaks whose name has this text")
    parser.add_argument("--sample", type=int, default=None, metavar="N", help="this many of them, drawn")
    parser.add_argument("--seed", type=int, default=None, help=f"of the draw; else ${SEED}, else a new one")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    given = parser.parse_args(arguments)
    seed = given.seed if given.seed is not None else int(environ.get(SEED) or random.SystemRandom().randrange(SEEDS))
    return Given(tuple(given.only), given.name, given.sample, seed, given.root)


def chosen(given: Given, areas: dict[str, tuple[Break, ...]]) -> tuple[Break, ...]:
    """Return the breaks that were asked for."""
    wanted = {area: breaks for area, breaks in areas.items() if not given.only or area in given.only}
    found = tuple(one for one in every(wanted) if given.name in one.name)
    if given.sample is None or given.sample >= len(found):
        return found
    return tuple(random.Random(given.seed).sample(found, given.sample))  # noqa: S311 - a sample, no secret


def line_of(made: Made) -> str:
    """Return what came of a break as a line."""
    return f"{made.verdict.value:9}{made.took_s:6.1f} s  {made.one.name}" + (f": {made.why}" if made.why else "")


def report(found: Sequence[Made], console: Console) -> int:
    """Say how many came out how; returns 1 when a test has to be mended."""
    counts = Counter(made.verdict for made in found)
    console.say("breaks: " + (", ".join(f"{counts[v]} {v}" for v in Verdict if counts[v]) or "none"))
    wrong = [made for made in found if made.is_wrong]
    for made in wrong:
        console.say(f"  {made.verdict}: {made.one.name} ({made.one.file}): {made.why}")
    return int(bool(wrong))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 when a break was not noticed, 2 when nothing could be tried, 130 when interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: the copy and its tests end too
    given = read_given(sys.argv[1:] if arguments is None else arguments, os.environ)
    console = Console(sys.stdout)
    try:
        areas = read(given.root)
        breaks = chosen(given, areas)
        if given.sample is not None:
            note(f"breaks: {len(breaks)} of {len(every(areas))}, {SEED}={given.seed}", os.environ, console)
        with copied(given.root) as tree:
            found = make(tree, breaks, run_tests, lambda made: console.say(line_of(made)))
    except (BreaksWrong, NoCheckout) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("breaks: interrupted\n")
        return INTERRUPTED
    return report(found, console)


def note(line: str, environ: Mapping[str, str], console: Console) -> None:
    """Say what was drawn, also among the other samples of this run."""
    console.say(line)
    if path := environ.get(SAMPLES):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


if __name__ == "__main__":
    finish(main)
