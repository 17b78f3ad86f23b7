"""How a run goes, in a line."""

from collections import Counter

from ops.load.samples import OPERATIONS, Entry, Outcome, Sample


class Tally:
    """Counts operations while they end."""

    def __init__(self) -> None:
        self._outcomes: Counter[Outcome] = Counter()
        self._answers = 0

    def see(self, sample: Sample) -> None:
        """Count a sample."""
        if sample.entry in OPERATIONS:
            self._outcomes[sample.outcome] += 1
        if sample.entry is Entry.END_TO_END and sample.outcome is Outcome.DONE:
            self._answers += 1

    def line(self) -> str:
        """Return the counts."""
        others = (f"{count} {outcome.value.replace('_', ' ')}" for outcome, count in sorted(self._outcomes.items()))
        return ", ".join([f"{self._answers} answers", *others])
