"""What a run is held to, from a TOML file."""

import tomllib
from enum import StrEnum
from pathlib import Path

import msgspec

from app.inference.words.tiers import Tier
from ops.load.percentiles import Statistic
from ops.load.problems import LoadImpossible
from ops.load.samples import Entry

# What belongs to an answer, and so to the tier that gave it.
BY_TIER = frozenset({Entry.FIRST_TOKEN, Entry.GAP, Entry.PER_TOKEN, Entry.QUEUE_WAIT, Entry.END_TO_END})
OWN = Path(__file__).with_name("targets.toml")


class Measure(StrEnum):
    """What a target may be about besides an entry."""

    ERRORS = "errors"
    UNCITED = "uncited"
    """Of the answers that must cite a document, the share that does not."""
    COST = "cost"
    RETRIEVAL = "retrieval"


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One promise: a figure below or at most a limit; the file says what the fields mean."""

    name: str
    promises: tuple[str, ...]
    of: str
    statistic: Statistic
    tier: Tier | None = None
    below: float | None = None
    at_most: float | None = None
    optional: bool = False

    @property
    def what(self) -> Entry | Measure:
        """What is measured. Raises ValueError for a word that is neither."""
        return Measure(self.of) if self.of in set(Measure) else Entry(self.of)

    def is_met(self, found: float) -> bool:
        """Say whether a figure keeps the promise."""
        if self.below is not None:
            return found < self.below
        return self.at_most is not None and found <= self.at_most


class _Targets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    targets: tuple[Target, ...]


def read_targets(path: Path = OWN) -> tuple[Target, ...]:
    """Read the targets. Raises LoadImpossible when the file cannot be read or makes no sense."""
    try:
        targets = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Targets).targets
        for target in targets:
            _check(target)
    except (OSError, ValueError) as error:
        raise LoadImpossible(f"the targets in {path} cannot be read: {error}") from error
    if not targets:
        raise LoadImpossible(f"there is no target in {path}")
    return targets


def _check(target: Target) -> None:
    if (target.below is None) == (target.at_most is None):
        raise ValueError(f"{target.name}: say either below or at_most")
    if target.what not in BY_TIER and target.tier is not None:
        raise ValueError(f"{target.name}: {target.of} has no tier")
