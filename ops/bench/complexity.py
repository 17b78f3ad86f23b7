"""CPU time of one routing decision's rating: `python -m ops.bench.complexity`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time_ns

from app.finish import finish
from app.inference.routing.complexity import SHIPPED, rate, read_weights
from ops.bench.figures import Spread, spread

QUESTION = "Compare the two plans for a team of 12 over three years and explain which is cheaper and why. "
ROUNDS = 200
CALLS = 100


@dataclass(frozen=True, slots=True)
class Case:
    """A text of a given length and the CPU time that its rating may take (median, microseconds)."""

    name: str
    text: str
    budget_us: float
    embedding: tuple[float, ...] | None = None

    def call(self) -> None:
        """Rate the text, with its vector where the case has one."""
        rate(self.text, turns=0, session_tier=None, embedding=self.embedding, embedder_digest=DIGEST)


PROTOTYPES = read_weights(SHIPPED).prototypes
DIGEST = None if PROTOTYPES is None else PROTOTYPES.digest
SIZE = 1 if PROTOTYPES is None else PROTOTYPES.size
VECTOR = (SIZE**-0.5,) * SIZE
STORY = "A baker makes 240 rolls before noon and a third as many after, and sells 85 of them at half the price. "
OPTIONS = "\nA. the first\nB. the second"

CASES = (
    Case("300 characters", (QUESTION * 4)[:300], 30),
    Case("2,000 characters", (QUESTION * 24)[:2_000], 60),
    Case("300 characters with options", (QUESTION * 4)[:270] + OPTIONS, 30),
    Case("300 characters with options, and their vector", (QUESTION * 4)[:270] + OPTIONS, 30, VECTOR),
    Case("a word problem of 300 characters, and its vector", (STORY * 4)[:270] + "How many are left?", 30, VECTOR),
    Case("4 kB", (QUESTION * 48)[:4_096], 60),
    Case("4 kB with options, and their vector", (QUESTION * 48)[:4_060] + OPTIONS, 60, VECTOR),
)


def cpu_us(call: Callable[[], object], *, rounds: int = ROUNDS, calls: int = CALLS) -> Spread:
    """Return the CPU time of one call over rounds, in microseconds."""
    found: list[float] = []
    for _ in range(rounds):
        started = process_time_ns()
        for _ in range(calls):
            call()
        found.append((process_time_ns() - started) / calls / 1000)
    return spread(found)


def main() -> int:
    """Print one line per case; 1 when a case is over its budget."""
    is_over = False
    for case in CASES:
        taken_us = cpu_us(case.call).middle
        is_over |= taken_us > case.budget_us
        verdict = "over" if taken_us > case.budget_us else "within"
        sys.stdout.write(f"rating, {case.name}: {taken_us:.1f} us CPU (budget {case.budget_us:.0f}: {verdict})\n")
    return int(is_over)


if __name__ == "__main__":
    finish(main)
