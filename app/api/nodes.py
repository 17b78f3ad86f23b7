"""The nodes, for keys that may operate: added, changed, drained and removed while everything runs."""

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import UNSET, UnsetType

from app import errors
from app.api.auth import HttpRequest, Permission
from app.api.bodies import read_json
from app.api.operator_doors import Nodes
from app.api.replies import no_content, reply
from app.api.routing import Doc, Success, route
from app.inference.fleet.node import Node
from app.inference.operating import NodeReport

EXAMPLE = {
    "name": "c",
    "url": "http://10.0.0.3:11434",
    "slots": 4,
    "gpu": "NVIDIA L4",
    "vram_bytes": 24_000_000_000,
    "watts": 72,
    "price_usd_per_hour": 0.71,
    "labels": {"zone": "a"},
    "models": ["llama3.1:8b"],
}


class NodeChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What changes of a node; what is not given stays. Its name stays too: another name is another node."""

    url: str | UnsetType = UNSET
    slots: int | UnsetType = UNSET
    gpus: int | UnsetType = UNSET
    gpu: str | UnsetType = UNSET
    vram_bytes: int | UnsetType | None = UNSET
    watts: int | UnsetType | None = UNSET
    price_usd_per_hour: float | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The model that is pinned, or is not any more."""

    model: str


class NodeList(msgspec.Struct, frozen=True):
    """Every node, by name."""

    nodes: tuple[NodeReport, ...]


BODY = (errors.BadInput, errors.BodyTooLarge, errors.MediaTypeUnknown)
KEY = (errors.NotPermitted,)
LIST = Doc(
    summary="List nodes",
    tag="nodes",
    text="As they were declared, and as this replica sees them. A token for a gateway is in no reply.",
    successes={200: Success("Every node", body=NodeList)},
    refusals=KEY,
)
GET = Doc(
    summary="Read a node",
    tag="nodes",
    successes={200: Success("The node", body=NodeReport)},
    refusals=(*KEY, errors.NodeUnknown),
)
ADD = Doc(
    summary="Add a node",
    tag="nodes",
    text="Every replica and worker uses it within seconds; nothing is restarted. Its models have to be among those of "
    "the nodes file. A node that was removed may be added again.",
    successes={201: Success("The node", body=NodeReport)},
    refusals=(*KEY, *BODY, errors.NodeExists),
    body=Node,
    example=EXAMPLE,
)
CHANGE = Doc(
    summary="Change a node",
    tag="nodes",
    text="What is given replaces what was. Another `url` is another server, of which nothing is known yet.",
    successes={200: Success("The node", body=NodeReport)},
    refusals=(*KEY, *BODY, errors.NodeUnknown, errors.NodeExists),
    body=NodeChange,
    example={"slots": 8},
)
REMOVE = Doc(
    summary="Remove a node",
    tag="nodes",
    text="It gets nothing new; calls that are under way there go on to their end. It stays away, whatever the nodes "
    "file says, until it is added again.",
    successes={204: Success("The node is removed")},
    refusals=(*KEY, errors.NodeUnknown),
)
DRAIN = Doc(
    summary="Drain a node",
    tag="nodes",
    text="It gets nothing new, waiting calls go to others, and those under way go on to their end: `calls` of them, "
    "which should be over in `calls_end_in_s`. It stays drained through restarts of everything.",
    successes={200: Success("The node", body=NodeReport)},
    refusals=(*KEY, errors.NodeUnknown),
)
UNDRAIN = Doc(
    summary="Have a drained node take calls again",
    tag="nodes",
    successes={200: Success("The node", body=NodeReport)},
    refusals=(*KEY, errors.NodeUnknown),
)

PIN = Doc(
    summary="Keep a model in a node's memory",
    tag="nodes",
    text="It is loaded where it fits beside what is in use, pinned or asked for, and stays, whoever asks for it: calls "
    "tell the node to keep it for ever, and nothing of ours pushes it out.",
    successes={200: Success("The node", body=NodeReport)},
    refusals=(*KEY, *BODY, errors.NodeUnknown),
    body=Pin,
    example={"model": "llama3.1:8b"},
)
UNPIN = Doc(
    summary="Let a pinned model leave again",
    tag="nodes",
    text="It leaves as any other does, once nobody has asked for it for long enough.",
    successes={200: Success("The node", body=NodeReport)},
    refusals=(*KEY, *BODY, errors.NodeUnknown),
    body=Pin,
    example={"model": "llama3.1:8b"},
)


class NodeRoutes:
    """The routes under /api/v1/nodes."""

    def __init__(self, nodes: Nodes, *, body_limit_bytes: int) -> None:
        self._nodes = nodes
        self._limit_bytes = body_limit_bytes
        self._added = msgspec.json.Decoder(Node)
        self._changed = msgspec.json.Decoder(NodeChange)
        self._pinned = msgspec.json.Decoder(Pin)

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        one = "/api/v1/nodes/{node:str}"
        return [
            route("GET", "/api/v1/nodes", self.list, Permission.OPERATE, LIST),
            route("POST", "/api/v1/nodes", self.add, Permission.OPERATE, ADD),
            route("GET", one, self.get, Permission.OPERATE, GET),
            route("PATCH", one, self.change, Permission.OPERATE, CHANGE),
            route("DELETE", one, self.remove, Permission.OPERATE, REMOVE),
            route("POST", f"{one}/drain", self.drain, Permission.OPERATE, DRAIN),
            route("POST", f"{one}/undrain", self.undrain, Permission.OPERATE, UNDRAIN),
            route("POST", f"{one}/pin", self.pin, Permission.OPERATE, PIN),
            route("POST", f"{one}/unpin", self.unpin, Permission.OPERATE, UNPIN),
        ]

    async def list(self, request: HttpRequest) -> ASGIApp:  # noqa: ARG002
        """Return every node."""
        return reply(NodeList(tuple(await self._nodes.list())))

    async def get(self, request: HttpRequest) -> ASGIApp:
        """Return one node."""
        return reply(await self._nodes.get(_name(request)))

    async def add(self, request: HttpRequest) -> ASGIApp:
        """Add a node."""
        node = await read_json(request, self._added, self._limit_bytes)
        return reply(await self._nodes.add(node), status=201, headers={"location": f"/api/v1/nodes/{node.name}"})

    async def change(self, request: HttpRequest) -> ASGIApp:
        """Change a node."""
        change = await read_json(request, self._changed, self._limit_bytes)
        given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
        return reply(await self._nodes.change(_name(request), given))

    async def remove(self, request: HttpRequest) -> ASGIApp:
        """Remove a node."""
        await self._nodes.remove(_name(request))
        return no_content()

    async def drain(self, request: HttpRequest) -> ASGIApp:
        """Drain a node."""
        return reply(await self._nodes.drain(_name(request)))

    async def undrain(self, request: HttpRequest) -> ASGIApp:
        """Have a drained node take calls again."""
        return reply(await self._nodes.undrain(_name(request)))

    async def pin(self, request: HttpRequest) -> ASGIApp:
        """Keep a model in a node's memory."""
        pin = await read_json(request, self._pinned, self._limit_bytes)
        return reply(await self._nodes.pin(_name(request), pin.model))

    async def unpin(self, request: HttpRequest) -> ASGIApp:
        """Let a model leave a node's memory again."""
        pin = await read_json(request, self._pinned, self._limit_bytes)
        return reply(await self._nodes.unpin(_name(request), pin.model))


def _name(request: HttpRequest) -> str:
    return str(request.path_params["node"])
