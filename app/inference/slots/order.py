"""Whose turn it is among the calls that wait for a slot: a pure rule, the same in `order.lua`."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from app.inference.slots.charges import Charged, Pace
from app.inference.slots.lanes import LANES, SHARES, Lane

STARVED_US = 120_000_000
"""Who waits and was not served for so long goes first, whatever deficit it has."""
SHORTER = 4
"""A call goes before those of its tenant that came up to so many times the difference of their costs before it."""
OVERTAKEN_US = 30_000_000
"""And before none that came longer than this before it: so long may shorter ones keep a long call waiting."""
LEAVE_WEIGHT = 0.1
"""What a client that left because its call waited counts in the share of those that do."""
STAY_WEIGHT = 0.02
"""What one counts whose call got its slot."""
HASTY, CALM = 0.1, 0.02
"""Above the one share a tenant's clients are known not to wait for as long as they may, until it is below the other.
Two that leave one after the other are enough, and some hundred calls that are served are enough again."""
IDLE_KEPT = 256
"""Tenants of a lane that have a deficit and nothing waiting: those with the least are forgotten first."""

Nodes: TypeAlias = tuple[tuple[str, int], ...]
"""The nodes that could serve a call, by name, each with its slots."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits, and `till_us` gives up.

    `guess_us` is the GPU time that it was estimated to take with the node to itself, `cost_us` what calls of such a
    guess turned out to take.
    """

    id: str
    queue: str
    lane: Lane
    tenant: str
    guess_us: int
    cost_us: int
    came_us: int
    till_us: int
    replica: str
    nodes: Nodes

    @property
    def rank(self) -> tuple[int, str]:
        """Its place among the calls of its tenant: shorter before longer, earlier before later."""
        return self.came_us + min(SHORTER * self.cost_us, OVERTAKEN_US), self.id

    @property
    def slots(self) -> int:
        """The slots of all nodes that could serve it."""
        return max(1, sum(slots for _, slots in self.nodes))

    def meets(self, other: "Waiting") -> bool:
        """Whether one node could serve both."""
        return self.nodes == other.nodes or any(name in dict(other.nodes) for name, _ in self.nodes)


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is; `starved`: before all deficits, because it, or its lane, was not served for STARVED_US."""

    call: Waiting
    starved: bool


@dataclass(slots=True)
class Flow(Charged):
    """The calls of one tenant in one lane. `charged_us` over the line's level is the tenant's deficit."""

    left: float = 0.0
    """The share of its calls whose client left, most of the time having waited for a slot."""
    patience_us: float = 0.0
    """How long those had waited."""
    is_hasty: bool = False
    """Whether its clients often leave."""
    calls: list[Waiting] = field(default_factory=list[Waiting])

    def first(self, is_free: Callable[[Waiting], bool]) -> Waiting | None:
        """Return the first call that a free slot could serve."""
        return next((call for call in self.calls if is_free(call)), None)


@dataclass(slots=True)
class Line(Charged):
    """One lane: its tenants, and what it was charged itself."""

    level_us: int = 0
    flows: dict[str, Flow] = field(default_factory=dict[str, Flow])

    def waiting(self) -> Iterator[Flow]:
        """Yield the tenants that have calls waiting."""
        return (flow for flow in self.flows.values() if flow.calls)

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits in it."""
        return not any(self.waiting())

    def floor_us(self, otherwise_us: int) -> int:
        """Return the least that a waiting tenant has had for certain."""
        return min((flow.settled_us for flow in self.waiting()), default=otherwise_us)


@dataclass(slots=True)
class Order:
    """Everybody who waits, and what everybody was charged.

    Deficit round robin over lanes, and within each over tenants: a call is charged the GPU time that is expected of it
    when it gets its slot and the difference when it ends, and who is charged least is next. Rounds that would serve
    nobody are skipped: at each grant the level rises to the least that a waiting tenant has had for certain, and who
    comes anew starts there, so that nobody saves up turns (M. Shreedhar and G. Varghese, Efficient Fair Queuing using
    Deficit Round Robin, 1995, with the surplus carried over; the counters are those of Y. Sheng et al., Fairness in
    Serving Large Language Models, 2024).
    """

    level_us: int = 0
    lines: dict[Lane, Line] = field(default_factory=lambda: {lane: Line() for lane in LANES})
    paces: dict[str, Pace] = field(default_factory=dict[str, Pace])

    def next(self, now_us: int, is_free: Callable[[Waiting], bool]) -> Turn | None:
        """Return whose turn it is of those that a free slot could serve, and take it out; charge it afterwards."""
        heads = (self._head(line, now_us, is_free) for line in self.lines.values())
        keyed = [(self._lane_key(head.call.lane, head.call, now_us), head) for head in heads if head is not None]
        if not keyed:
            return None
        key, head = min(keyed, key=lambda one: one[0])
        self.lines[head.call.lane].flows[head.call.tenant].calls.remove(head.call)
        return Turn(head.call, starved=head.starved or key[0] == 0)

    def enter(self, lane: Lane, tenant: str) -> Flow:
        """Return a tenant's calls in a lane; who has nothing waiting starts at the level."""
        line = self.lines[lane]
        if line.is_idle:
            line.charged_us = max(line.charged_us, self.level_us)
        flow = line.flows.setdefault(tenant, Flow())
        if not flow.calls:
            flow.charged_us = max(flow.charged_us, line.level_us)
        return flow

    def add(self, call: Waiting) -> None:
        """Have a call wait."""
        flow = self.enter(call.lane, call.tenant)
        flow.calls.append(call)
        flow.calls.sort(key=lambda one: one.rank)

    def attempt(self, call: Waiting) -> Callable[[], None]:
        """Have a call wait that may be refused; return what takes it back, as if it had not come."""
        line = self.lines[call.lane]
        known, charged_us = line.flows.get(call.tenant), line.charged_us
        own_us = known.charged_us if known is not None else 0
        self.add(call)
        flow = line.flows[call.tenant]
        raised_us, own_raised_us = line.charged_us - charged_us, flow.charged_us - own_us

        def take_back() -> None:
            self.remove(call)
            line.charged_us -= raised_us
            flow.charged_us -= own_raised_us
            if known is None:
                del line.flows[call.tenant]

        return take_back

    def find(self, call_id: str) -> Waiting | None:
        """Return a call that waits."""
        return next((call for call in self.calls() if call.id == call_id), None)

    def remove(self, call: Waiting) -> None:
        """Have a call wait no longer."""
        self.lines[call.lane].flows[call.tenant].calls.remove(call)

    def charge(self, call: Waiting, now_us: int) -> None:
        """Charge a call that gets a slot, and no longer waits."""
        flow, line = self.enter(call.lane, call.tenant), self.lines[call.lane]
        line.level_us = max(line.level_us, min(flow.settled_us, line.floor_us(flow.settled_us)))
        self.level_us = max(self.level_us, min(line.settled_us, self._floor_us(line.settled_us)))
        flow.charge(call.cost_us)
        line.charge(_of_lane(call.lane, call.cost_us))
        flow.served_us = line.served_us = now_us
        flow.left *= 1 - STAY_WEIGHT
        flow.is_hasty = flow.is_hasty and flow.left >= CALM
        self._tidy(line)

    def settle(self, lane: Lane, tenant: str, cost_us: int, gpu_us: int) -> None:
        """Charge the GPU time that a call took in place of what it was charged."""
        line = self.lines[lane]
        line.settle(_of_lane(lane, cost_us), _of_lane(lane, gpu_us))
        line.flows.setdefault(tenant, Flow(charged_us=line.level_us)).settle(cost_us, gpu_us)

    def left(self, call: Waiting, now_us: int, began_us: int | None = None) -> None:
        """Note that the client of a call left: while it waited, or when it had its slot since `began_us`.

        The latter says how long it waits only if most of that was waiting for the slot: others saw enough of an answer.
        """
        waited_us = now_us - call.came_us
        if began_us is not None and 2 * (began_us - call.came_us) < waited_us:
            return
        flow = self.lines[call.lane].flows[call.tenant]
        flow.patience_us += 0.3 * (waited_us - flow.patience_us) if flow.patience_us > 0 else waited_us
        flow.left += LEAVE_WEIGHT * (1 - flow.left)
        flow.is_hasty = flow.is_hasty or flow.left > HASTY

    def ended(self, queue: str, guess_us: int, gpu_us: int, held_us: int) -> None:
        """Note what a call took that came to its end, and how long it was in its slot."""
        self.paces.setdefault(queue, Pace()).note(guess_us, gpu_us, held_us)

    def cost_us(self, queue: str, guess_us: int) -> int:
        """Return what calls of such a guess turn out to take: they share their node, and guesses are often too high."""
        pace = self.paces.get(queue)
        return guess_us if pace is None or not pace.is_known else math.floor(guess_us * pace.gpu_us / pace.guess_us)

    def drop(self, now_us: int, alive: Mapping[str, int]) -> list[Waiting]:
        """Take out the calls that gave up, or whose process was not heard of since; return them."""
        gone = [call for call in self.calls() if call.till_us <= now_us or alive.get(call.replica, 0) <= now_us]
        for call in gone:
            self.remove(call)
        return gone

    def calls(self) -> Iterator[Waiting]:
        """Yield everybody who waits."""
        return (call for line in self.lines.values() for flow in line.flows.values() for call in flow.calls)

    def deficit_us(self, lane: Lane) -> int:
        """Return the largest deficit of a tenant in a lane: how much GPU time the others get before it."""
        line = self.lines[lane]
        return max([0, *(flow.charged_us - line.level_us for flow in line.flows.values())])

    def _floor_us(self, otherwise_us: int) -> int:
        return min((line.settled_us for line in self.lines.values() if not line.is_idle), default=otherwise_us)

    def _head(self, line: Line, now_us: int, is_free: Callable[[Waiting], bool]) -> Turn | None:
        found = [(flow, head) for flow in line.waiting() if (head := flow.first(is_free)) is not None]
        keyed = ((_flow_key(flow, head, now_us), head) for flow, head in found)
        key, head = min(keyed, key=lambda one: one[0], default=(None, None))
        return None if key is None or head is None else Turn(head, starved=key[0] == 0)

    def _lane_key(self, lane: Lane, head: Waiting, now_us: int) -> tuple[int, int, int]:
        line, at = self.lines[lane], LANES.index(lane)
        since_us = max(line.served_us, head.came_us)
        return (0, since_us, at) if now_us - since_us >= STARVED_US else (1, line.charged_us, at)

    def _tidy(self, line: Line) -> None:
        """Forget tenants that have nothing waiting, no deficit and no haste."""
        for tenant, flow in list(line.flows.items()):
            if not flow.calls and not flow.open_us and flow.charged_us <= line.level_us and not flow.is_hasty:
                del line.flows[tenant]
        flows = line.flows.items()
        idle = sorted((flow.charged_us, tenant) for tenant, flow in flows if not flow.calls and not flow.open_us)
        for _, tenant in idle[: max(0, len(idle) - IDLE_KEPT)]:
            del line.flows[tenant]


def _flow_key(flow: Flow, head: Waiting, now_us: int) -> tuple[int, int, int, int, str]:
    since_us = max(flow.served_us, head.came_us)
    if now_us - since_us >= STARVED_US:
        return 0, since_us, 0, 0, head.id
    return 1, flow.charged_us, flow.served_us, head.came_us, head.id


def _of_lane(lane: Lane, cost_us: int) -> int:
    return math.floor(cost_us * 100 / SHARES[lane])
