"""What the report says of too much work, live, and of refusals."""

import math
from collections.abc import Callable, Sequence
from operator import attrgetter

from ops.bench.crowded import ALL_SLOTS, NODES, OURS
from ops.bench.figures import Spread, spread
from ops.bench.goals import Goal
from ops.bench.overload import CALL_S, PATIENCE_S, Came, Lived
from ops.bench.refusals import Refusing
from ops.bench.tables import Table, number, spelled

_goodput: Callable[[Came], float] = attrgetter("goodput")
_refused: Callable[[Came], float] = attrgetter("refused")
_late: Callable[[Came], float] = attrgetter("late")
_faults: Callable[[Came], float] = attrgetter("faults")
_p50: Callable[[Came], float] = attrgetter("refusal_p50_s")
_p99: Callable[[Came], float] = attrgetter("refusal_p99_s")
_cpu: Callable[[Came], float] = attrgetter("cpu_ms")
REFUSAL_S = 0.01
"""Within how long a refusal is to be there."""


def overload_goals(lived: Sequence[Lived], refusals: Sequence[Refusing]) -> list[Goal]:
    """Return what is promised of too much work, with what came of it live."""
    goals: list[Goal] = []
    for one in (one for one in lived if one.name == OURS):
        for times in _all_times(lived):
            goals.append(
                Goal("G14", f"live: goodput ÷ capacity at {times}x", 0.9, 0.95, _of(one, times, _goodput), more=True)
            )
            found = _of(one, times, lambda came: came.refusal_p99_s * 1000)
            goals.append(
                Goal("G14", f"live: p99 ms of a refusal at {times}x", 1000 * REFUSAL_S, 1000 * REFUSAL_S, found)
            )
        turns = one.turns
        goals += [
            Goal(
                "G15",
                "live: Jain index in GPU-seconds, one heavy and nine light",
                0.95,
                0.99,
                _one(turns.jain),
                more=True,
            ),
            Goal("G15", "live: p99 of a light tenant ÷ alone", 3, 1.5, _one(turns.beside)),
            Goal(
                "G15", "live: share of the capacity that one tenant alone has", 0.97, 0.97, _one(turns.alone), more=True
            ),
        ]
    alone = [one for one in refusals if one.at_once == 1]
    if alone:
        found = spread([one.p99_s * 1000 for one in alone])
        goals.append(Goal("G14", "p99 ms of a refusal, 1 at a time", 1000 * REFUSAL_S, 1000 * REFUSAL_S, found))
    return goals


def overload_tables(lived: Sequence[Lived], refusals: Sequence[Refusing]) -> list[Table]:
    """Return the tables of what was measured."""
    made = [_came_table(lived), _turns_table(lived)] if lived else []
    return [*made, _refusal_table(refusals)] if refusals else made


def _came_table(lived: Sequence[Lived]) -> Table:
    heads = (
        "slots are given by", "too much", "goodput ÷ capacity", "refused at once", "told later", "neither",
        "refusal p50, ms", "p99, ms", "CPU ms a call that came",
    )  # fmt: skip
    lines = tuple(
        (
            one.name, f"{times}x", spelled(_of(one, times, _goodput)),
            *(f"{_of(one, times, share).middle:.0%}" for share in (_refused, _late, _faults)),
            *(_told(_of(one, times, took), times="ms") for took in (_p50, _p99)), _told(_of(one, times, _cpu)),
        )
        for times in _all_times(lived) for one in lived
    )  # fmt: skip
    note = (
        f"{len(NODES)} scriptable nodes with {ALL_SLOTS} slots together, whose answers take {CALL_S:g} s on average "
        "and are as long as the node finds; ten tenants whose clients come at random, ask for a stream and leave after "
        f"{PATIENCE_S:g} s. Capacity is what the nodes alone do with all slots busy. `refused at once` got its refusal "
        "without waiting, `told later` while it waited; who is in neither was answered or left. `neither` is what "
        "was neither a whole answer nor a refusal. Ours is two replicas with Valkey and PostgreSQL, whose CPU is in "
        "the last column; LiteLLM is one process that knows both nodes under one name, with its own settings for that."
    )
    return Table("Too much work, live", heads, lines, (note,))


def _turns_table(lived: Sequence[Lived]) -> Table:
    heads = ("slots are given by", "Jain, GPU-seconds", "light p99 ÷ alone", "one alone ÷ capacity")
    lines = tuple((one.name, *map(number, (one.turns.jain, one.turns.beside, one.turns.alone))) for one in lived)
    note = (
        "One heavy tenant and nine light ones on the same nodes. Jain's index is of the GPU-seconds that each had "
        "until the first of them had nothing left to do; all had come at once with more than can be done, the "
        "heavy one with calls of twice the length. For the second figure the heavy one asks for more than all slots "
        "can do with calls of three times the length. LiteLLM without a database knows one key, and so no tenants."
    )
    return Table("Turns, live", heads, lines, (note,))


def _refusal_table(refusals: Sequence[Refusing]) -> Table:
    names = list(refusals[0].cpu_s)
    heads = ("at a time", "refusals", "p50, ms", "p99, ms", *(f"CPU s / 1,000, {name}" for name in names))
    lines: list[tuple[str, ...]] = []
    for at_once in sorted({one.at_once for one in refusals}):
        rounds = [one for one in refusals if one.at_once == at_once]
        lines.append((
            str(at_once), str(sum(one.requests for one in rounds)),
            spelled(spread([one.p50_s for one in rounds]), times="ms"),
            spelled(spread([one.p99_s for one in rounds]), times="ms"),
            *(spelled(spread([one.cpu_s[name] for one in rounds])) for name in names),
        ))  # fmt: skip
    note = (
        "A tenant that has as many calls waiting as it may asks once more, of one replica or the other: 503 with "
        "`Retry-After`. CPU is less what the calls under way cost meanwhile; each replica's is its part "
        "of all refusals."
    )
    return Table("A refusal", heads, tuple(lines), (note,))


def _all_times(lived: Sequence[Lived]) -> list[int]:
    return sorted({came.times for one in lived for came in one.came})


def _of(one: Lived, times: int, field: Callable[[Came], float]) -> Spread:
    return spread([field(came) for came in one.of(times)])


def _told(found: Spread, *, times: str = "") -> str:
    return "" if math.isnan(found.middle) else spelled(found, times=times)


def _one(value: float) -> Spread:
    return Spread(value, value, value)
