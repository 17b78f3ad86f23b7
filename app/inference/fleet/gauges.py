"""The gauges of nodes: there for each node that there is, and gone with it."""

from collections.abc import Collection

from app.inference.fleet.catalogue import Node
from app.inference.fleet.overlap import SlotNotice
from app.inference.fleet.views import NodeState
from app.telemetry.metrics import Metrics


class NodeGauges:
    """Sets and forgets the gauges of nodes. Counters stay as they are: what was counted was so."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def declare(self, node: Node, before: Node | None = None) -> None:
        """Show what is declared of a node, and forget what no longer is."""
        self._metrics.slots_limit.labels(node.name).set(node.slots)
        self._metrics.node_gpus.labels(node.name).set(node.gpus)
        self._metrics.slots_taken.labels(node.name)
        for notice in SlotNotice:
            self._metrics.node_notice.labels(node.name, notice.value)
        for model in node.models:
            self._metrics.node_model_misconfigured.labels(node.name, model)
        for model in set(before.models if before is not None else ()) - set(node.models):
            self._metrics.node_model_misconfigured.remove(node.name, model)

    def forget(self, node: Node) -> None:
        """Forget a node that was removed."""
        for gauge in (self._metrics.slots_limit, self._metrics.node_gpus, self._metrics.slots_taken):
            gauge.remove(node.name)
        for model in node.models:
            self._metrics.node_model_misconfigured.remove(node.name, model)
        for state in NodeState:
            self._metrics.node_state.remove(node.name, state.value)
        for notice in SlotNotice:
            self._metrics.node_notice.remove(node.name, notice.value)

    def show_state(self, name: str, state: NodeState) -> None:
        """Show which state a node is in."""
        for one in NodeState:
            self._metrics.node_state.labels(name, one.value).set(int(one is state))

    def show_taken(self, name: str, count: int) -> None:
        """Show how many slots of a node are leased."""
        self._metrics.slots_taken.labels(name).set(count)

    def show_misconfigured(self, node: Node, wrong: Collection[str]) -> None:
        """Show which models of a node it may not serve."""
        for model in node.models:
            self._metrics.node_model_misconfigured.labels(node.name, model).set(int(model in wrong))
