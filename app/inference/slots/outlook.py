"""How long a call would wait, and whether it may: pure rules, the same in `order.lua`."""

import math
from dataclasses import dataclass

from app.inference.slots.charges import Pace
from app.inference.slots.lanes import SHARES
from app.inference.slots.order import Flow, Line, Order, Waiting
from app.inference.words.overload import Overload

LEAST_PATIENCE_US = 250_000
"""A tenant's calls may wait for so long however soon its clients left before."""
NEARLY_ALL = 2
"""In so many times what calls take on average nine in ten are done: about log-normal lengths with a sigma of 0.6."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A waiting call's position (1 is the next), and in how many microseconds it is expected to get a slot."""

    position: int
    eta_us: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many calls may wait in a queue and lane, how many of one tenant, and how long this one may.

    `deadline_us` is how long from now it must have its slot, None if it has no deadline. A patient call has been let in
    by its run already: how soon other clients leave does not matter to it.
    """

    places: int
    tenant_places: int
    wait_us: int
    deadline_us: int | None = None
    is_patient: bool = False


def outlook(order: Order, call: Waiting) -> Outlook:
    """Return what a call that waits has to expect, if nobody came after it.

    Before it go those of its own lane whose tenant will have been charged less by then, and of the other lanes as much
    as they are due until its own lane was charged so much.
    """
    line, ahead_us, count = order.lines[call.lane], 0, 0
    mine = line.flows[call.tenant]
    tag_us = mine.charged_us + sum(other.cost_us for other in mine.calls if other.rank < call.rank)
    for flow in line.waiting():
        cost_us, calls = _before(flow, call, tag_us, is_own=flow is mine)
        ahead_us, count = ahead_us + cost_us, count + calls
    due_us = line.charged_us + math.floor(ahead_us * 100 / SHARES[call.lane])
    for lane, other in order.lines.items():
        if lane is not call.lane:
            cost_us, calls = _due(other, call, math.floor((due_us - other.charged_us) * SHARES[lane] / 100))
            ahead_us, count = ahead_us + cost_us, count + calls
    return Outlook(count + 1, wait_us(order, call.queue, ahead_us, call.slots, call.cost_us))


def wait_us(order: Order, queue: str, ahead_us: int, slots: int, cost_us: int) -> int:
    """Return how long so much work takes in so many slots, and then until one of them is free."""
    pace = order.paces.get(queue)
    if pace is None or not pace.is_known:
        return math.floor((ahead_us + cost_us) / slots)
    return math.floor((ahead_us * pace.held_us / pace.gpu_us + pace.held_us / pace.calls) / slots)


def overload(order: Order, call: Waiting, bounds: Bounds) -> Overload | None:
    """Return why a call that was added may not wait, None if it may."""
    mine = order.lines[call.lane].flows[call.tenant]
    waiting = sum(1 for flow in order.lines[call.lane].waiting() for one in flow.calls if one.queue == call.queue)
    if waiting > bounds.places:
        return Overload.QUEUE_FULL
    if sum(1 for one in mine.calls if one.queue == call.queue) > bounds.tenant_places:
        return Overload.TENANT_FULL
    pace = order.paces.get(call.queue)
    if pace is None or not pace.is_known:
        # What no call has confirmed yet refuses nobody.
        return None
    eta_us = outlook(order, call).eta_us
    if eta_us > longest_us(mine, call, pace, bounds):
        return Overload.TOO_LONG
    if bounds.deadline_us is not None and eta_us > bounds.deadline_us:
        return Overload.DEADLINE
    return None


def longest_us(flow: Flow, call: Waiting, pace: Pace, bounds: Bounds) -> int:
    """Return how long a call may expect to wait: if its tenant's clients are seen to leave, so that it ends before.

    That is half of what they wait less what the call itself takes, a quarter at least: who sees an answer begin may
    stay. Others may come before it, and a client that leaves with its answer half made has wasted a slot.
    """
    if bounds.is_patient or not flow.is_hasty:
        return bounds.wait_us
    held_us = call.guess_us * pace.held_us / pace.guess_us
    patience_us = math.floor(flow.patience_us / 2 - min(held_us, flow.patience_us / 4))
    return min(bounds.wait_us, max(LEAST_PATIENCE_US, patience_us))


def is_late(order: Order, call: Waiting, now_us: int) -> bool:
    """Whether a call has waited long, and may well be left before its end as far as its tenant's clients are known."""
    flow, pace = order.lines[call.lane].flows[call.tenant], order.paces.get(call.queue)
    if not flow.is_hasty or pace is None or not pace.is_known:
        return False
    waited_us, held_us = now_us - call.came_us, call.guess_us * pace.held_us / pace.guess_us
    return waited_us > flow.patience_us / 2 and waited_us + NEARLY_ALL * held_us > flow.patience_us


def drain_us(order: Order, queue: str) -> int:
    """Return how long it takes until those that wait in a queue now have their slots."""
    found = sorted((call for call in order.calls() if call.queue == queue), key=lambda call: call.id)
    if not found:
        return 0
    return wait_us(order, queue, sum(call.cost_us for call in found), found[0].slots, found[0].cost_us)


def _before(flow: Flow, call: Waiting, tag_us: int, *, is_own: bool) -> tuple[int, int]:
    cost_us, count, charged_us = 0, 0, flow.charged_us
    for other in flow.calls:
        if other.rank >= call.rank if is_own else charged_us >= tag_us:
            break
        charged_us += other.cost_us
        if other.meets(call):
            cost_us, count = cost_us + other.cost_us, count + 1
    return cost_us, count


def _due(line: Line, call: Waiting, due_us: int) -> tuple[int, int]:
    met = [other.cost_us for flow in line.waiting() for other in flow.calls if other.meets(call)]
    total_us = sum(met)
    if due_us <= 0 or total_us <= 0:
        return 0, 0
    cost_us = min(total_us, due_us)
    return cost_us, math.ceil(len(met) * cost_us / total_us)
