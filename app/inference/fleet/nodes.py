"""The nodes that there are, and what this process knows of each: its state, models, breakers and measured speeds."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping

import structlog

from app.breaker import Breaker
from app.causes import Finding
from app.inference.estimates import UNKNOWN, Speed
from app.inference.fleet.blame import hold_against, new_breaker
from app.inference.fleet.catalogue import Catalogue, Model, Node, full_name
from app.inference.fleet.gauges import NodeGauges
from app.inference.fleet.keep_alive import FOR_EVER, KeepAlive
from app.inference.fleet.loads import Loads
from app.inference.fleet.member import Member
from app.inference.fleet.model_problems import problems_of, tell_problems
from app.inference.fleet.pin_rows import PinRow
from app.inference.fleet.slot_watch import SlotWatch
from app.inference.fleet.speed_rows import SpeedRow
from app.inference.fleet.traits import Traits, room_for
from app.inference.fleet.views import Look as Look
from app.inference.fleet.views import NodeState as NodeState
from app.inference.fleet.views import NodeView as NodeView
from app.inference.fleet.views import routable as routable
from app.inference.words.failures import Failure
from app.standing import Tells, place_of
from app.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

REMOVED_KEPT = 1000
"""So many removed nodes are remembered, since calls may still end there."""


class Fleet:
    """The nodes. Fed by what is declared, by the probe and by the calls themselves; asked by placement.

    Nodes come and go: whoever asks keeps no answer. Calls may end on a node that was removed; that changes nothing.
    """

    def __init__(self, catalogue: Catalogue, metrics: Metrics, *, clock: Callable[[], float]) -> None:
        self._models = catalogue.models
        self._gauges = NodeGauges(metrics)
        self.slot_watch = SlotWatch(metrics)
        self._clock = clock
        self._on_added: list[Callable[[Node], None]] = []
        self._members: dict[str, Member] = {}
        self._traits: dict[str, Traits] = {}
        """By digest."""
        self._removed: deque[str] = deque(maxlen=REMOVED_KEPT)
        self._catalogue = catalogue
        self.declare(catalogue.nodes, ())

    def when_added(self, call: Callable[[Node], None]) -> None:
        """Have `call` told of each node that there is, and of each that comes or changes, before that is used."""
        self._on_added.append(call)
        for node in self.nodes():
            call(node)

    @property
    def catalogue(self) -> Catalogue:
        """The models, and the nodes that there are now."""
        return self._catalogue

    def nodes(self) -> tuple[Node, ...]:
        """Return every node that there is now."""
        return self._catalogue.nodes

    def removed(self) -> tuple[str, ...]:
        """Return the names of nodes that were removed lately: calls may still end there."""
        return tuple(self._removed)

    def declare(self, nodes: Iterable[Node], drained: Collection[str], removed: Iterable[str] = ()) -> None:
        """Have these nodes and no others, some of them drained. `removed` are those that were there."""
        wanted = {node.name: node for node in nodes}
        for name in self._members.keys() - wanted.keys():
            self._remove(name)
        for node in wanted.values():
            self._put(node)
        for name in removed:
            if name not in self._removed and name not in wanted:
                self._removed.append(name)
        self._catalogue = Catalogue(models=self._models, nodes=tuple(wanted.values()))
        self.drain(drained)

    def views(self) -> tuple[NodeView, ...]:
        """Return how every node looks now."""
        return tuple(member.view() for member in self._members.values())

    def view(self, name: str) -> NodeView:
        """Return how one node looks now. Raises KeyError if there is none of that name."""
        return self._members[name].view()

    def find(self, name: str) -> NodeView | None:
        """Return how one node looks now, None if there is none of that name."""
        member = self._members.get(name)
        return None if member is None else member.view()

    def node_of(self, name: str) -> Node | None:
        """Return the node of that name, None if there is none."""
        member = self._members.get(name)
        return None if member is None else member.node

    def find_loading(self, name: str) -> NodeView | None:
        """Return how a node looks that loads something, or has just done so; None of any other."""
        member = self._members.get(name)
        return member.view() if member is not None and member.loads else None

    def looked(self, name: str, look: Look) -> None:
        """Note a look that the node answered."""
        member = self._members.get(name)
        if member is None:
            return
        for model, digest in member.holds.items():
            if look.holds.get(model, digest) != digest:
                log.warning("node.digest_changed", node=name, model=model)
        member.answered(look)
        self._note_missing(member)
        self._settle(member)

    def unread(self, name: str) -> list[str]:
        """Return the declared models that a node holds and of which it has not been asked what they can do."""
        member = self._members.get(name)
        held = {} if member is None else {key: member.holds[key] for key in member.declared if key in member.holds}
        return [key for key, digest in held.items() if digest not in self._traits]

    def learn(self, name: str, model: str, traits: Traits) -> None:
        """Note what a model can do and needs; the same for each node that holds it with that digest."""
        digest = self._members[name].holds.get(model) if name in self._members else None
        if digest is None:
            return
        self._traits[digest] = traits
        for member in self._members.values():
            if digest in member.holds.values():
                self._note_missing(member)
                self._settle(member)

    def traits_of(self, model: str) -> Traits | None:
        """Return what a model can do on at least one node that holds it; None where nothing is known."""
        key = full_name(model)
        found = [member.traits[key] for member in self._members.values() if key in member.traits]
        if not found:
            return None
        return Traits(
            context=max(one.context for one in found),
            kv_bytes=max(one.kv_bytes for one in found),
            sees=any(one.sees for one in found),
            uses_tools=any(one.uses_tools for one in found),
            thinks=any(one.thinks for one in found),
        )

    def missed(self, name: str, finding: Finding | None = None) -> None:
        """Note a look, or a connection, that the node did not answer, and why where that is known."""
        member = self._members.get(name)
        if member is not None:
            member.missed += 1
            member.trouble = finding or member.trouble
            self._settle(member)

    def drain(self, names: Collection[str]) -> None:
        """Set which nodes are drained: these, and no others."""
        for member in self._members.values():
            member.drained = member.node.name in names
            self._settle(member)

    def pin(self, rows: Iterable[PinRow]) -> None:
        """Set which models stay in memory on which nodes, and which did once: these, and no others."""
        told = tuple(rows)
        for member in self._members.values():
            mine = [row for row in told if row.node == member.node.name]
            member.pinned = frozenset(row.model for row in mine if row.pinned)
            member.unpinned = frozenset(row.model for row in mine if not row.pinned)

    def keep_alive(self, name: str, model: Model) -> KeepAlive:
        """Return how long a node is told to keep a model after a call: for ever where it is pinned."""
        member = self._members.get(name)
        is_pinned = member is not None and full_name(model.name) in member.pinned
        return FOR_EVER if is_pinned else model.keep_alive

    def calibrated(self, rows: Iterable[SpeedRow]) -> None:
        """Begin anew with what a calibration measured of a server, once each; calls correct it from there on."""
        for row in rows:
            member = self._members.get(row.node)
            if member is None or member.node.url != row.url or member.calibrated_at.get(row.model) == row.measured_at:
                continue
            member.calibrated_at[row.model] = row.measured_at
            member.speeds[row.model] = row.speed

    def note_taken(self, taken: Mapping[str, int]) -> None:
        """Note how many slots are leased, as the last lease script said."""
        for name, count in taken.items():
            if (member := self._members.get(name)) is not None:
                member.taken = count
                self._gauges.show_taken(name, count)

    def began(self, name: str, model: str) -> None:
        """Note that a call begins (the trial of a half-open breaker)."""
        if (member := self._members.get(name)) is not None:
            self._breaker(member, model).start()

    def note_loads(self, names: Iterable[str], loads: Loads) -> None:
        """Note what these nodes load, or have just loaded, of all processes as far as is known."""
        for name in names:
            if (member := self._members.get(name)) is not None:
                member.note_loads(loads.get(name, ()))

    def succeeded(self, name: str, model: str, *, num_ctx: int, speed: Speed | None = None) -> None:
        """Note a call that ended well: the model is in memory with that context, and worked this fast."""
        key, member = full_name(model), self._members.get(name)
        if member is None:
            return
        self._breaker(member, model).succeed()
        member.succeeded_at[key] = self._clock()
        member.has_in_memory(key, num_ctx)
        if speed is not None:
            member.speeds[key] = member.speeds.get(key, UNKNOWN).blend(speed)

    def failed(self, name: str, model: str, failure: Failure, *, call: str, began_at: float) -> None:
        """Note that the call of this identity, which began then (by the fleet's clock), broke."""
        member = self._members.get(name)
        if member is None:
            return
        if failure is Failure.CONNECT and call not in member.missed_by:
            member.missed_by.add(call)
            self.missed(name)
        hold_against(self._breaker(member, model), failure, call, began_at=began_at)

    def idle_models(self, for_s: float) -> list[tuple[Node, Model]]:
        """Return the routable (node, model) in memory that no call has used successfully for so long."""
        now = self._clock()
        found: list[tuple[Node, Model]] = []
        for member in self._members.values():
            if member.state is not NodeState.READY:
                continue
            for key in member.loaded:
                model = self._catalogue.find(key)
                last = member.succeeded_at.get(key)
                if model is not None and key in member.declared and (last is None or now - last >= for_s):
                    found.append((member.node, model))
        return found

    def _put(self, node: Node) -> None:
        member = self._members.get(node.name)
        before = member.node if member is not None else None
        if before == node:
            return
        self._gauges.declare(node, before)
        for call in self._on_added:
            call(node)
        if node.name in self._removed:
            self._removed.remove(node.name)
        if member is None:
            member = self._members[node.name] = Member(node, Tells(self._clock))
            log.info("node.added", node=node.name, address=place_of(node.url), slots=node.slots, models=node.models)
        else:
            member.became(node)
            log.info("node.changed", node=node.name, address=place_of(node.url), slots=node.slots, models=node.models)
        if member.look is not None:
            self._note_missing(member)

    def _remove(self, name: str) -> None:
        member = self._members.pop(name)
        self._gauges.forget(member.node)
        self._removed.append(name)
        log.info("node.removed", node=name, address=place_of(member.node.url))

    def _breaker(self, member: Member, model: str) -> Breaker:
        return member.breakers.setdefault(full_name(model), new_breaker(self._clock))

    def _note_missing(self, member: Member) -> None:
        """Tell of each model that is no longer as it was, once; what else the node holds is no change."""
        described = Catalogue(models=self._models, nodes=())
        self._note_traits(member, described)
        missing = problems_of(member.node, member.holds, described, member.rooms)
        tell_problems(member.node.name, member.missing, missing)
        self._gauges.show_misconfigured(member.node, {problem.model for problem in missing})
        member.missing = missing

    def _note_traits(self, member: Member, described: Catalogue) -> None:
        known = {key: self._traits[digest] for key, digest in member.holds.items() if digest in self._traits}
        sizes: Mapping[str, int] = member.look.sizes if member.look is not None else {}
        member.traits, member.rooms = known, {}
        for key, traits in known.items():
            if key in member.declared and (model := described.find(key)) is not None:
                member.rooms[key] = room_for(model, member.node, traits, sizes.get(key, 0))

    def _settle(self, member: Member) -> None:
        finding, state = member.finding, member.state
        now = (state, finding.cause if finding is not None else None)
        if now != member.told and member.tells.may_tell():
            why = {"cause": finding.cause.value, "detail": finding.text, "remedy": finding.advice} if finding else {}
            was, member.told = member.told[0], now
            facts = {"was": was.value, "state": state.value, **why}
            log.warning("node.state", node=member.node.name, address=place_of(member.node.url), **facts)
        self._gauges.show_state(member.node.name, state)
