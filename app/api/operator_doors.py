"""What the HTTP surface needs of the platform to show nodes and models."""

from collections.abc import Sequence
from typing import Protocol

from app.inference.fleet.node import Node
from app.inference.models import ModelReport
from app.inference.operating import NodeReport


class ModelList(Protocol):
    """Shows models."""

    def list(self) -> Sequence[ModelReport]:
        """Return every model."""
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

    async def undrain(self, name: str, /) -> NodeReport:
        """Have a drained node take calls again. Raises NodeUnknown."""
        ...
