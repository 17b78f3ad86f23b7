"""Whether a node runs as many calls at once as it has declared slots, told by how they overlap there.

Ollama runs `OLLAMA_NUM_PARALLEL` calls of a model at once, one if nobody says otherwise, and one of embedders and of
some architectures whatever is said; a call beyond that waits inside it. That wait is in `total_duration` and no other
duration of the reply: it begins after the load was measured and ends before the prompt is read
(ollama: server/sched.go, `numParallel`; llm/llama_server.go, `sem`; server/routes.go, `checkpointLoaded`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

WINDOW = 64
"""So many of the last calls of a model on a node are looked at."""
LEAST_CALLS = 8
"""So few of them decide nothing."""
OFTEN = 0.2
RARELY = 0.1
"""The share of calls that must have waited above what the node runs at once, and may have below. Of four calls that
begin together on a node that runs three, one waits."""
_TOGETHER_S = 0.05
_LEAST_WAIT_US = 20_000
_LEAST_SHARE = 0.1


class SlotNotice(StrEnum):
    """What is told of the slots of a node."""

    TOO_MANY = "too_many_slots"
    """Calls that hold a slot wait inside the node: it runs fewer at once than are declared."""
    TOO_FEW = "too_few_slots"
    """Calls beyond the declared slots, as after these were lowered, ran at once."""

    @property
    def remedy(self) -> str:
        """What to do, in one sentence."""
        return _REMEDIES[self]


_REMEDIES = {
    SlotNotice.TOO_MANY: "set the node's OLLAMA_NUM_PARALLEL to its slots, or lower these: `switchyard nodes change`",
    SlotNotice.TOO_FEW: "`switchyard nodes calibrate` says how many slots pay, `switchyard nodes change` sets them",
}


@dataclass(frozen=True, slots=True)
class Overlap:
    """One call that ended well: how many slots of the node were taken when it began, its own too, and how it went.

    It began then (seconds by any clock), and gave its first sign of life at `life_at`.
    `waited_us` is how long it waited inside the node before its prompt was read, `worked_us` how long that took.
    """

    at_once: int
    waited_us: int
    worked_us: int
    began: float = 0.0
    life_at: float = 0.0

    def among(self, others: Iterable["Overlap"]) -> "Overlap":
        """Return it with those others counted that began with it or while it waited: the node may take them first."""
        there = [one.at_once for one in others if self.began - _TOGETHER_S <= one.began <= self.life_at]
        return replace(self, at_once=max([self.at_once, *there]))

    @property
    def has_waited(self) -> bool:
        """Whether that is more than measuring and scheduling make of nothing."""
        return self.waited_us >= max(_LEAST_WAIT_US, _LEAST_SHARE * self.worked_us)


@dataclass(frozen=True, slots=True)
class SlotsDiffer:
    """That a node runs another number of calls of a model at once than it has slots, and how many calls showed it.

    Of too many slots it runs `runs` at most, of too few at least.
    """

    notice: SlotNotice
    model: str
    declared: int
    runs: int
    calls: int

    @property
    def detail(self) -> str:
        """That, in words."""
        if self.notice is SlotNotice.TOO_MANY:
            return (
                f"{self.declared} slots are declared, and it runs at most {self.runs} calls of {self.model} at once: "
                f"{self.calls} of the last calls beyond that waited inside it"
            )
        return (
            f"{self.declared} slots are declared, and it ran {self.runs} calls of {self.model} at once: "
            f"{self.calls} of the last calls beyond the slots did not wait"
        )


def waited_us(*, total_us: int, worked_us: int, life_us: int, until_read_us: int) -> int:
    """Return how long a call waited inside the node; 0 if that cannot be told.

    `total_us` and `worked_us` are what the node says of all of it and of its parts, `life_us` is when its first sign of
    life came, seen from here, and `until_read_us` what the node says of loading and reading. A reader that is slow
    shows in the first difference alone, a slow network in the second alone.
    """
    if not total_us or not life_us:
        return 0
    return max(0, min(total_us - worked_us, life_us - until_read_us))


def judge(model: str, seen: Sequence[Overlap], declared: int) -> SlotsDiffer | None:
    """Return what the overlap of a model's calls on a node says against its declared slots; None: nothing."""
    beyond = [one for one in seen if one.at_once > declared]
    if len(beyond) >= LEAST_CALLS and _share(beyond) <= RARELY:
        runs = max(one.at_once for one in beyond if not one.has_waited)
        return SlotsDiffer(SlotNotice.TOO_FEW, model, declared, runs, sum(not one.has_waited for one in beyond))
    runs = max(range(declared + 1), key=lambda count: count if _share(_up_to(count, seen)) <= RARELY else -1)
    above = [one for one in seen if one.at_once > runs]
    if 0 < runs < declared and len(above) >= LEAST_CALLS and _share(above) >= OFTEN:
        return SlotsDiffer(SlotNotice.TOO_MANY, model, declared, runs, sum(one.has_waited for one in above))
    return None


def _up_to(count: int, seen: Sequence[Overlap]) -> list[Overlap]:
    return [one for one in seen if one.at_once <= count]


def _share(calls: Sequence[Overlap]) -> float:
    return sum(one.has_waited for one in calls) / len(calls) if calls else 0.0
