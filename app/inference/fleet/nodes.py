"""What this process knows of each node: its state, models, breakers and measured speeds."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

import structlog

from app.breaker import Breaker, BreakerState
from app.causes import Cause, Finding
from app.inference.estimates import UNKNOWN, Speed
from app.inference.fleet.blame import hold_against, new_breaker
from app.inference.fleet.catalogue import Catalogue, Model, Node, full_name
from app.inference.fleet.model_problems import ModelProblem, problems_of
from app.inference.fleet.node_causes import cause_of_missing
from app.inference.words.failures import Failure
from app.standing import Tells, place_of
from app.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)

# One lost look may be a lost packet; two in a row is a node that does not answer.
DOWN_AFTER_LOOKS = 2


class NodeState(StrEnum):
    """The state of a node; only `ready` is routable."""

    READY = "ready"
    """It answers and holds a model that it may serve."""
    WARMING = "warming"
    """Not looked at yet."""
    DRAINING = "draining"
    """An operator drains it: it finishes what it has and gets nothing new."""
    DOWN = "down"
    """It does not answer, or something else answers at its address."""
    MISCONFIGURED = "misconfigured"
    """It answers, and may serve none of its models: each is missing or has another digest than the catalogue pins."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a node found: version, digests of models held, context sizes of models in memory.

    Model names carry their tag, digests no `sha256:`. `loaded` maps to 0 where the node does not tell the size.
    """

    version: str
    holds: Mapping[str, str]
    loaded: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as placement sees it. Names of models carry their tag; `missing` are declared ones that it may not serve.

    A node with some of its models missing serves the others; with all of them it is misconfigured.
    """

    node: Node
    state: NodeState
    holds: Mapping[str, str]
    loaded: Mapping[str, int]
    breakers: Mapping[str, BreakerState]
    speeds: Mapping[str, Speed]
    taken: int
    missing: tuple[ModelProblem, ...] = ()
    finding: Finding | None = None
    """Why it is down or misconfigured."""


@dataclass(slots=True)
class _Member:
    node: Node
    tells: Tells
    look: Look | None = None
    finding: Finding | None = None
    told: tuple[NodeState, Cause | None] = (NodeState.WARMING, None)
    missing: tuple[ModelProblem, ...] = ()
    missed: int = 0
    missed_by: set[str] = field(default_factory=set[str])
    drained: bool = False
    taken: int = 0
    state: NodeState = NodeState.WARMING
    breakers: dict[str, Breaker] = field(default_factory=dict[str, Breaker])
    speeds: dict[str, Speed] = field(default_factory=dict[str, Speed])
    succeeded_at: dict[str, float] = field(default_factory=dict[str, float])


class Fleet:
    """The nodes of the catalogue. Fed by the probe and by the calls themselves; asked by placement."""

    def __init__(self, catalogue: Catalogue, metrics: Metrics, *, clock: Callable[[], float]) -> None:
        self.catalogue = catalogue
        self._metrics = metrics
        self._clock = clock
        self._members = {node.name: _Member(node, Tells(clock)) for node in catalogue.nodes}
        for member in self._members.values():
            self._metrics.slots_limit.labels(member.node.name).set(member.node.slots)
            self._metrics.node_gpus.labels(member.node.name).set(member.node.gpus)
            self._metrics.slots_taken.labels(member.node.name)
            for model in member.node.models:
                self._metrics.node_model_misconfigured.labels(member.node.name, model)
            self._show(member)

    def nodes(self) -> tuple[Node, ...]:
        """Return every declared node."""
        return self.catalogue.nodes

    def views(self) -> tuple[NodeView, ...]:
        """Return how every node looks now."""
        return tuple(self.view(name) for name in self._members)

    def view(self, name: str) -> NodeView:
        """Return how one node looks now. Raises KeyError if it is not declared."""
        member = self._members[name]
        return NodeView(
            node=member.node,
            state=member.state,
            holds=member.look.holds if member.look is not None else {},
            loaded=member.look.loaded if member.look is not None else {},
            breakers={model: breaker.state for model, breaker in member.breakers.items()},
            speeds=member.speeds,
            taken=member.taken,
            missing=member.missing,
            finding=_finding(member),
        )

    def looked(self, name: str, look: Look) -> None:
        """Note a look that the node answered."""
        member = self._members[name]
        if member.look is not None:
            for model, digest in member.look.holds.items():
                if look.holds.get(model, digest) != digest:
                    log.warning("node.digest_changed", node=name, model=model)
        member.look, member.missed, member.finding = look, 0, None
        member.missed_by.clear()
        self._note_missing(member, problems_of(member.node, look.holds, self.catalogue))
        self._settle(member)

    def missed(self, name: str, finding: Finding | None = None) -> None:
        """Note a look, or a connection, that the node did not answer, and why where that is known."""
        member = self._members[name]
        member.missed += 1
        member.finding = finding or member.finding
        self._settle(member)

    def drain(self, names: Collection[str]) -> None:
        """Set which nodes are drained: these, and no others."""
        for member in self._members.values():
            member.drained = member.node.name in names
            self._settle(member)

    def note_taken(self, taken: Mapping[str, int]) -> None:
        """Note how many slots are leased, as the last lease script said."""
        for name, count in taken.items():
            self._members[name].taken = count
            self._metrics.slots_taken.labels(name).set(count)

    def began(self, name: str, model: str) -> None:
        """Note that a call begins (the trial of a half-open breaker)."""
        self._breaker(name, model).start()

    def succeeded(self, name: str, model: str, *, num_ctx: int, speed: Speed | None = None) -> None:
        """Note a call that ended well: the model is in memory with that context, and worked this fast."""
        key = full_name(model)
        member = self._members[name]
        self._breaker(name, model).succeed()
        member.succeeded_at[key] = self._clock()
        if member.look is not None and member.look.loaded.get(key) != num_ctx:
            member.look = Look(member.look.version, member.look.holds, {**member.look.loaded, key: num_ctx})
        if speed is not None:
            member.speeds[key] = member.speeds.get(key, UNKNOWN).blend(speed)

    def failed(self, name: str, model: str, failure: Failure, *, call: str, began_at: float) -> None:
        """Note that the call of this identity, which began then (by the fleet's clock), broke."""
        member = self._members[name]
        if failure is Failure.CONNECT and call not in member.missed_by:
            member.missed_by.add(call)
            self.missed(name)
        hold_against(self._breaker(name, model), failure, call, began_at=began_at)

    def idle_models(self, for_s: float) -> list[tuple[Node, Model]]:
        """Return the routable (node, model) in memory that no call has used successfully for so long."""
        now = self._clock()
        found: list[tuple[Node, Model]] = []
        for member in self._members.values():
            if member.state is not NodeState.READY or member.look is None:
                continue
            for key in member.look.loaded:
                model = self.catalogue.find(key)
                last = member.succeeded_at.get(key)
                if model is not None and key in _declared(member.node) and (last is None or now - last >= for_s):
                    found.append((member.node, model))
        return found

    def _breaker(self, name: str, model: str) -> Breaker:
        breakers = self._members[name].breakers
        return breakers.setdefault(full_name(model), new_breaker(self._clock))

    def _note_missing(self, member: _Member, missing: tuple[ModelProblem, ...]) -> None:
        """Tell of each model that is no longer as it was, once; what else the node holds is no change."""
        before = {(problem.model, problem.reason) for problem in member.missing}
        for problem in missing:
            if (problem.model, problem.reason) not in before:
                log.warning(
                    "node.model_misconfigured",
                    node=member.node.name,
                    model=problem.model,
                    reason=problem.reason.value,
                    node_has=problem.has,
                )
        wrong = {problem.model for problem in missing}
        for model in {model for model, _ in before} - wrong:
            log.info("node.model_held", node=member.node.name, model=model)
        for model in member.node.models:
            self._metrics.node_model_misconfigured.labels(member.node.name, model).set(int(model in wrong))
        member.missing = missing

    def _settle(self, member: _Member) -> None:
        member.state = _state(member)
        finding = _finding(member)
        now = (member.state, finding.cause if finding is not None else None)
        if now != member.told and member.tells.may_tell():
            why = {"cause": finding.cause.value, "detail": finding.text, "remedy": finding.advice} if finding else {}
            was, member.told = member.told[0], now
            log.warning(
                "node.state",
                node=member.node.name,
                address=place_of(member.node.url),
                was=was.value,
                state=member.state.value,
                **why,
            )
        self._show(member)

    def _show(self, member: _Member) -> None:
        for state in NodeState:
            self._metrics.node_state.labels(member.node.name, state.value).set(int(state is member.state))


def _declared(node: Node) -> set[str]:
    return {full_name(name) for name in node.models}


def _state(member: _Member) -> NodeState:
    if member.drained:
        return NodeState.DRAINING
    if member.missed >= (DOWN_AFTER_LOOKS if member.look is not None else 1):
        return NodeState.DOWN
    if member.look is None:
        return NodeState.WARMING
    return NodeState.MISCONFIGURED if len(member.missing) == len(member.node.models) else NodeState.READY


def _finding(member: _Member) -> Finding | None:
    match member.state:
        case NodeState.DOWN:
            return member.finding
        case NodeState.MISCONFIGURED:
            return cause_of_missing(member.missing)
        case NodeState.READY | NodeState.WARMING | NodeState.DRAINING:
            return None
        case _:
            assert_never(member.state)


def routable(views: Iterable[NodeView]) -> list[NodeView]:
    """Return the nodes that may be given calls."""
    return [view for view in views if view.state is NodeState.READY]
