"""Routing without servers: our placement against others on seeded traces: `python -m ops.bench.routing`."""

import heapq
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import mean
from typing import TypeAlias

from app.finish import finish
from app.inference.routing.placement import Need, choose, place
from app.inference.words.records import CallKind
from app.inference.words.tiers import TIERS, Tier
from ops.bench.simulated import SimulatedNode, catalogue_of, fleet_of
from ops.bench.trace import Request, mixed, turns

LOOK_AGAIN_S = 0.25
MAX_TOKENS = 600
EXPECTED_TOKENS = 100.0
"""What the answers of a trace have in the middle: as the product learns it."""
TIER_OF = {"small:latest": Tier.SIMPLE, "middle:latest": Tier.MEDIUM, "large:latest": Tier.COMPLEX}
MODEL_OF = {tier: model for model, tier in TIER_OF.items()}
UNLIKE = (
    ((4, 16, 0.3), (4, 16, 0.3), (4, 24, 0.6), (4, 24, 0.6)),
    {
        0: ("small:latest", "middle:latest"),
        1: ("small:latest", "middle:latest"),
        2: ("large:latest", "middle:latest"),
        3: ("large:latest", "small:latest"),
    },
)
"""Slots, gigabytes and dollars an hour of each node, and the models in its memory: two small and two large ones."""
ALIKE = (((4, 24, 0.4),) * 4, dict.fromkeys(range(4), tuple(TIER_OF)))
"""Four nodes with room for every model: what one of them does more than another is the router's doing."""
Fleet: TypeAlias = tuple[Sequence[tuple[int, int, float]], Mapping[int, Sequence[str]]]
Chosen: TypeAlias = tuple[SimulatedNode, str] | None
Known: TypeAlias = Mapping[tuple[str, str], int]
Router: TypeAlias = Callable[[Request, float, Sequence[SimulatedNode], Known], Chosen]


@dataclass(frozen=True, slots=True)
class Served:
    """One request that was answered."""

    request: Request
    model: str
    took_s: float
    read_again: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a router made of a trace; `quality` is the share of requests whose tier was reached."""

    p50_s: float
    p95_s: float
    quality: float
    mean_tier: float
    read_again: int
    skew: float
    loads: int


def joint(request: Request, waited_s: float, nodes: Sequence[SimulatedNode], known: Known) -> Chosen:
    """Choose as the product does: `place`, then the best candidate with a free slot."""
    shares = {place_: tokens / request.prompt_tokens for place_, tokens in known.items()}
    need = Need(
        kind=CallKind.CHAT,
        tier=request.tier,
        prompt_tokens=request.prompt_tokens,
        max_tokens=MAX_TOKENS,
        output_tokens=EXPECTED_TOKENS,
        cached=shares,
        waited_s=waited_s,
    )
    placement = place(need, [one.view() for one in nodes], catalogue_of(nodes))
    by_name = {one.node.name: one for one in nodes}
    offered = [one for one in placement.eligible if by_name[one.node].can_hold(one.model)]
    chosen = choose(offered, {one.node.name: one.taken for one in nodes})
    return None if chosen is None else (by_name[chosen.node], chosen.model)


def joint_blind(request: Request, waited_s: float, nodes: Sequence[SimulatedNode], known: Known) -> Chosen:
    """Choose as the product would if nobody knew who has read what."""
    del known
    return joint(request, waited_s, nodes, {})


def tier_first(request: Request, waited_s: float, nodes: Sequence[SimulatedNode], known: Known) -> Chosen:
    """Choose the model of the tier, and the node with the fewest calls that can hold it."""
    del waited_s, known
    model = MODEL_OF[request.tier]
    free = [one for one in nodes if one.taken < one.node.slots and one.can_hold(model)]
    best = min(free, key=lambda one: (one.taken / one.node.slots, one.node.name), default=None)
    return None if best is None else (best, model)


@dataclass(slots=True)
class _World:
    nodes: list[SimulatedNode]
    router: Router
    lanes: dict[Tier, deque[Request]] = field(default_factory=lambda: {tier: deque[Request]() for tier in TIERS})
    read: dict[int, dict[tuple[str, str], int]] = field(default_factory=dict[int, dict[tuple[str, str], int]])
    events: list[tuple[float, int, tuple[SimulatedNode, str] | Request | None]] = field(
        default_factory=list[tuple[float, int, tuple[SimulatedNode, str] | Request | None]]
    )
    order: "count[int]" = field(default_factory=count)
    ticks: int = 0
    served: list[Served] = field(default_factory=list[Served])

    def add(self, at_s: float, event: tuple[SimulatedNode, str] | Request | None) -> None:
        heapq.heappush(self.events, (at_s, next(self.order), event))

    def serve(self, now_s: float) -> None:
        """Have the first of every lane try, again and again while any of them gets a slot."""
        while sum(self._first(lane, now_s) for lane in self.lanes.values() if lane):
            pass

    def _first(self, lane: deque[Request], now_s: float) -> bool:
        request = lane[0]
        known = {
            place_: min(tokens, request.known_tokens) for place_, tokens in self.read.get(request.session, {}).items()
        }
        chosen = self.router(request, now_s - request.at_s, self.nodes, known)
        if chosen is None:
            return False
        lane.popleft()
        node, model = chosen
        took_s, read_again = node.begin(model, request)
        self.read.setdefault(request.session, {})[node.node.name, model] = request.prompt_tokens + request.output_tokens
        self.served.append(Served(request, model, now_s - request.at_s + took_s, read_again))
        self.add(now_s + took_s, chosen)
        return True


def run(trace: Sequence[Request], router: Router, fleet: Fleet) -> Figures:
    """Run a trace through a router, and return what came of it."""
    shapes, warm = fleet
    world = _World(fleet_of(shapes, warm=warm), router)
    for request in trace:
        world.add(request.at_s, request)
    while world.events:
        now_s, _, event = heapq.heappop(world.events)
        if isinstance(event, Request):
            world.lanes[event.tier].append(event)
        elif event is None:
            world.ticks -= 1
        else:
            event[0].end(event[1])
        world.serve(now_s)
        if not world.ticks and any(world.lanes.values()):
            world.ticks += 1
            world.add(now_s + LOOK_AGAIN_S, None)
    return _figures(world)


def _figures(world: _World) -> Figures:
    took = sorted(one.took_s for one in world.served)
    reached = [TIERS.index(TIER_OF[one.model]) >= TIERS.index(one.request.tier) for one in world.served]
    busy = [one.busy_s / one.node.slots for one in world.nodes]
    return Figures(
        p50_s=took[len(took) // 2],
        p95_s=took[int(len(took) * 0.95)],
        quality=mean(reached),
        mean_tier=mean(TIERS.index(TIER_OF[one.model]) for one in world.served),
        read_again=sum(one.read_again for one in world.served),
        skew=max(busy) / mean(busy),
        loads=sum(one.loads for one in world.nodes),
    )


ROUTERS: Mapping[str, Router] = {"joint": joint, "joint, blind": joint_blind, "tier first": tier_first}


def compare(seed: int, *, size: int = 1) -> dict[str, dict[str, Figures]]:
    """Return the figures of every router on both traces."""
    traces: dict[str, tuple[list[Request], Fleet]] = {
        "mixed": (mixed(seed, requests=300 * size, per_s=3.2), UNLIKE),
        "turns": (turns(seed, sessions=60 * size, per_s=0.5), ALIKE),
    }
    return {
        name: {router: run(trace, choose_, fleet) for router, choose_ in ROUTERS.items()}
        for name, (trace, fleet) in traces.items()
    }


def main() -> int:
    """Print one line a router and trace; 1 when the product's is not better than tier first."""
    is_worse = False
    for trace, found in compare(7, size=4).items():
        for router, figures in found.items():
            sys.stdout.write(
                f"{trace}, {router}: p50 {figures.p50_s:.2f} s, p95 {figures.p95_s:.2f} s, tier reached "
                f"{figures.quality:.3f}, read again {figures.read_again}, max/mean load {figures.skew:.2f}, "
                f"loads {figures.loads}\n"
            )
        is_worse |= found["joint"].p95_s > found["tier first"].p95_s
    return int(is_worse)


if __name__ == "__main__":
    finish(main)
