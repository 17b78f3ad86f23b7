"""Watches whether the slots of nodes are what they run at once, and tells of each that differs, once a change."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import structlog

from app.inference.fleet.node import Node
from app.inference.fleet.overlap import WINDOW, Overlap, SlotNotice, SlotsDiffer, judge
from app.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)


class NodeNotice(msgspec.Struct, frozen=True):
    """Something that whoever operates should know of a node that serves: what, of which model, and what to do."""

    notice: SlotNotice
    model: str
    detail: str
    remedy: str


class SlotWatch:
    """The last calls of each model on each node, of this process, and what follows from them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._seen: dict[tuple[str, str], tuple[Node, deque[Overlap]]] = {}
        self._told: dict[tuple[str, str], SlotNotice] = {}

    def note(self, node: Node, model: str, overlap: Overlap) -> None:
        """Note a call that ended well. Of a node with another address or other slots nothing is known yet."""
        before, seen = self._seen.get((node.name, model), (node, deque[Overlap](maxlen=WINDOW)))
        if (before.url, before.slots) != (node.url, node.slots):
            seen.clear()
        seen.append(overlap.among(seen))
        self._seen[node.name, model] = (node, seen)

    def found(self, nodes: Iterable[Node]) -> Mapping[str, tuple[NodeNotice, ...]]:
        """Return what is to be told of each of these nodes, and forget all others."""
        there = {node.name: node for node in nodes}
        for key in [key for key in self._seen if key[0] not in there]:
            del self._seen[key]
        differing = {name: self._differing(node) for name, node in there.items()}
        self._tell(differing)
        self._show(differing)
        return {
            name: tuple(NodeNotice(one.notice, one.model, one.detail, one.notice.remedy) for one in found)
            for name, found in differing.items()
        }

    def _differing(self, node: Node) -> list[SlotsDiffer]:
        found: list[SlotsDiffer] = []
        for (name, model), (then, seen) in sorted(self._seen.items(), key=lambda item: item[0]):
            if name == node.name and (then.url, then.slots) == (node.url, node.slots):
                found += [differs] if (differs := judge(model, seen, node.slots)) is not None else []
        return found

    def _tell(self, differing: Mapping[str, Sequence[SlotsDiffer]]) -> None:
        now = {(name, one.model): one for name, found in differing.items() for one in found}
        for (name, model), one in now.items():
            if self._told.get((name, model)) is not one.notice:
                log.warning(
                    "node.slots_differ",
                    node=name,
                    model=model,
                    notice=one.notice.value,
                    declared=one.declared,
                    runs=one.runs,
                    calls=one.calls,
                    remedy=one.notice.remedy,
                )
        for name, model in self._told.keys() - now.keys():
            log.info("node.slots_fit", node=name, model=model)
        self._told = {key: one.notice for key, one in now.items()}

    def _show(self, differing: Mapping[str, Sequence[SlotsDiffer]]) -> None:
        for name, found in differing.items():
            for notice in SlotNotice:
                self._metrics.node_notice.labels(name, notice.value).set(int(notice in {one.notice for one in found}))
