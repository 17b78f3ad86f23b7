"""Whether a run kept the promises. Pure: samples and targets in, lines out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import assert_never

import msgspec

from ops.load.histograms import Histogram
from ops.load.percentiles import Statistic, take
from ops.load.samples import ANSWERED, OPERATIONS, TIMED, Entry, Outcome, Sample
from ops.load.targets import Measure, Target


class Standing(StrEnum):
    """What became of a target."""

    MET = "met"
    BREACHED = "breached"
    NOT_MEASURED = "not measured"


class Judged(msgspec.Struct, frozen=True):
    """One target, what was found over how many samples, and its standing."""

    target: Target
    found: float | None
    count: int
    standing: Standing


class Figures(msgspec.Struct, frozen=True):
    """One entry of one tier (`all`: of every one), in seconds."""

    entry: str
    tier: str
    count: int
    p50: float
    p95: float
    p99: float
    longest: float


class Ended(msgspec.Struct, frozen=True):
    """How many operations of an entry ended in a way, and the code that says why."""

    entry: Entry
    outcome: Outcome
    code: str
    count: int


class Rate(msgspec.Struct, frozen=True):
    """How many of something came over the whole run, and in a second of it; `all`: of every tier."""

    of: str
    tier: str
    count: int
    per_s: float


class Quality(msgspec.Struct, frozen=True):
    """Answers that had to cite a document, and those among them that did not."""

    checked: int
    uncited: int


def judge(targets: Sequence[Target], samples: Sequence[Sample], retrieval: Histogram | None) -> list[Judged]:
    """Return the standing of each target."""
    return [_judge(target, samples, retrieval) for target in targets]


def overall(judged: Sequence[Judged]) -> Standing:
    """Return the standing of the whole: one breach is a breach; what must be measured and was not is no pass."""
    if any(line.standing is Standing.BREACHED for line in judged):
        return Standing.BREACHED
    if any(line.standing is Standing.NOT_MEASURED and not line.target.optional for line in judged):
        return Standing.NOT_MEASURED
    return Standing.MET


def _judge(target: Target, samples: Sequence[Sample], retrieval: Histogram | None) -> Judged:
    what = target.what
    if what is Measure.RETRIEVAL:
        found = None if retrieval is None else retrieval.take(target.statistic)
        return _line(target, found, 0 if retrieval is None else retrieval.count)
    values = _values(what, target.tier or "", samples)
    return _line(target, take(target.statistic, values) if values else None, len(values))


def _line(target: Target, found: float | None, count: int) -> Judged:
    if found is None:
        return Judged(target, None, 0, Standing.NOT_MEASURED)
    return Judged(target, found, count, Standing.MET if target.is_met(found) else Standing.BREACHED)


def _values(what: Entry | Measure, tier: str, samples: Sequence[Sample]) -> list[float]:
    match what:
        case Measure.ERRORS:
            # Every refusal and every visitor without a place is one: whoever came got no answer then.
            return [float(sample.outcome not in ANSWERED) for sample in samples if sample.entry in OPERATIONS]
        case Measure.UNCITED:
            return [float(sample.outcome is Outcome.UNCITED) for sample in samples if _must_cite(sample)]
        case Measure.COST:
            return [sample.cost_usd for sample in samples if _is_answer(sample)]
        case Measure.RETRIEVAL:
            return []
        case Entry():
            return latencies(samples, what, tier)
        case _:
            assert_never(what)


def latencies(samples: Sequence[Sample], entry: Entry, tier: str = "") -> list[float]:
    """Return the times of an entry, of one tier or of all; of what was cut off, the time until then."""
    return [
        sample.seconds
        for sample in samples
        if sample.entry is entry and sample.outcome in TIMED and (not tier or sample.tier == tier)
    ]


def _is_answer(sample: Sample) -> bool:
    return sample.entry is Entry.END_TO_END and sample.outcome in ANSWERED


def _must_cite(sample: Sample) -> bool:
    return _is_answer(sample) and sample.must_cite


def figures(samples: Sequence[Sample]) -> list[Figures]:
    """Return the figures of every entry that has a time, for all tiers and for each."""
    rows: list[Figures] = []
    for entry in Entry:
        tiers = sorted({sample.tier for sample in samples if sample.entry is entry and sample.tier})
        for tier in ["", *tiers]:
            values = latencies(samples, entry, tier)
            if values:
                taken = (take(which, values) for which in (Statistic.P50, Statistic.P95, Statistic.P99, Statistic.MAX))
                rows.append(Figures(entry.value, tier or "all", len(values), *taken))
    return rows


def rates(samples: Sequence[Sample], wall_s: float) -> list[Rate]:
    """Return how many answers, and tokens of answers, came in a second of the run: over all tiers and of each."""
    answers = [sample for sample in samples if _is_answer(sample)]
    rows: list[Rate] = []
    for tier in ["", *sorted({sample.tier for sample in answers if sample.tier})]:
        of_tier = [sample for sample in answers if not tier or sample.tier == tier]
        tokens = sum(sample.output_tokens for sample in of_tier)
        rows.append(Rate("answers", tier or "all", len(of_tier), len(of_tier) / wall_s))
        rows.append(Rate("output tokens", tier or "all", tokens, tokens / wall_s))
    return rows


def quality(samples: Sequence[Sample]) -> Quality:
    """Return how many answers had to cite a document, and how many of them did not."""
    checked = [sample for sample in samples if _must_cite(sample)]
    return Quality(len(checked), sum(sample.outcome is Outcome.UNCITED for sample in checked))


def endings(samples: Sequence[Sample]) -> list[Ended]:
    """Return how the operations ended, most frequent first within an entry."""
    counted = Counter((s.entry, s.outcome, s.code) for s in samples if s.entry in OPERATIONS)
    order = {entry: place for place, entry in enumerate(Entry)}
    rows = [Ended(*key, count) for key, count in counted.items()]
    return sorted(rows, key=lambda row: (order[row.entry], -row.count, row.code))


def models(samples: Sequence[Sample]) -> Mapping[str, Mapping[str, int]]:
    """Return by tier which models answered how often."""
    found: dict[str, Counter[str]] = {}
    for sample in samples:
        if sample.model:
            found.setdefault(sample.tier or "-", Counter())[sample.model] += 1
    return {tier: dict(sorted(counted.items())) for tier, counted in sorted(found.items())}
