"""What the HTTP surface needs of the platform to show nodes and models."""

from collections.abc import Sequence
from typing import Protocol

from app.inference.fleet.node import Node
from app.inference.models import ModelReport
from app.inference.operating import NodeReport
from app.inference.warmth.advice import Planned


class ModelList(Protocol):
    """Shows models."""

    def list(self) -> Sequence[ModelReport]:
        """Return every model."""
        ...

    async def plan(self) -> Sequence[Planned]:
        """Return what is to be done with each model on each node, and why. Raises StoreUnavailable."""
        ...


class Nodes(Protocol):
    """Shows and changes nodes."""

    async def list(self) -> Sequence[NodeReport]:
        """Return every node, by name."""
        ...

    async def get(self, name: str, /) -> NodeReport:
        """Return one node. Raises NodeUnknown."""
        ...

    async def add(self, node: Node, /) -> NodeReport:
        """Add a node, or one again that was removed. Raises BadInput, NodeExists."""
        ...

    async def change(self, name: str, given: dict[str, object], /) -> NodeReport:
        """Change what is given of a node. Raises BadInput, NodeUnknown, NodeExists."""
        ...

    async def remove(self, name: str, /) -> None:
        """Remove a node; what runs there goes on to its end. Raises NodeUnknown."""
        ...

    async def drain(self, name: str, /) -> NodeReport:
        """Have a node take nothing new. Raises NodeUnknown."""
        ...

    async def pin(self, name: str, model: str, /) -> NodeReport:
        """Keep a model in a node's memory. Raises BadInput, NodeUnknown."""
        ...

    async def unpin(self, name: str, model: str, /) -> NodeReport:
        """Let a model leave a node's memory again. Raises BadInput, NodeUnknown."""
        ...

    async def undrain(self, name: str, /) -> NodeReport:
        """Have a drained node take calls again. Raises NodeUnknown."""
        ...
