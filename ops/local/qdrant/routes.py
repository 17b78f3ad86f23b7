"""The REST routes, with paths, bodies and answers as in Qdrant's OpenAPI document."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from ops.local.qdrant import faults
from ops.local.qdrant.described import described
from ops.local.qdrant.engine import Engine
from ops.local.qdrant.placement import shown_cluster, shown_copies
from ops.local.qdrant.points import check_sparse, shown_scored
from ops.local.qdrant.requests import (
    ChangeAliases,
    ClusterOperation,
    CountPoints,
    CreateCollection,
    CreateIndex,
    DeletePoints,
    QueryBatch,
    QueryPoints,
    ScrollPoints,
    UpdateCollection,
    UpsertPoints,
)
from ops.local.qdrant.search import query
from ops.local.qdrant.shards import Collection

# The release whose answers these are: `GET /` tells it, and clients warn when it is too far from theirs.
VERSION = "1.19.0"
TITLE = "qdrant - vector search engine"
MAX_BODY_BYTES = 32 * 1024 * 1024
UNSAFE_IN_NAMES = '<>:"/\\|?*\0\x1f'

Body = TypeVar("Body", bound=msgspec.Struct)
Answer = Callable[[web.Request], Awaitable[object]]


def envelope(status: object, started: float | None, **result: object) -> bytes:
    """The JSON around every answer; `time` is seconds of work."""
    took_s = 0.0 if started is None else time.perf_counter() - started
    return msgspec.json.encode({**result, "status": status, "time": took_s})


def timed(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A route whose value goes out as `result`, with `status: ok`."""

    async def route(request: web.Request) -> web.Response:
        started = time.perf_counter()
        result = await answer(request)
        return web.Response(body=envelope("ok", started, result=result), content_type="application/json")

    return route


async def body(request: web.Request, shape: type[Body]) -> Body:
    """The parsed body, whatever it says of itself.

    Every route takes its body as actix-web-validator's `Json`, which asks for no content type (its `src/json.rs`:
    `JsonBody::new(…, false)`); texts of what is too large: actix-web's `src/error/mod.rs`.

    Raises:
        Fault: it is not JSON, or not of the shape.
    """
    length = request.content_length
    if length is not None and length > MAX_BODY_BYTES:
        text = f"JSON payload ({length} bytes) is larger than allowed (limit: {MAX_BODY_BYTES} bytes)."
        raise faults.Fault(400, text)
    try:
        return msgspec.json.decode(await request.read(), type=shape)
    except web.HTTPRequestEntityTooLarge as error:
        raise faults.Fault(400, f"JSON payload has exceeded limit ({MAX_BODY_BYTES} bytes).") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise faults.bad_format(str(error)) from error


def name(request: web.Request) -> str:
    """The collection's name or alias in the path.

    Raises:
        Fault: it is too long, or not safe as a name.
    """
    given = request.match_info["name"]
    if not 1 <= len(given) <= 255:
        text = f"value {given!r} invalid, must be from 1 to 255 characters"
    elif unsafe := next((mark for mark in given if mark in UNSAFE_IN_NAMES), ""):
        text = f'collection name cannot contain "{unsafe}" char'
    elif given in {".", ".."}:
        text = 'collection name cannot be "." or ".."'
    else:
        return given
    raise faults.Fault(422, f"Validation error in path parameters: [collection_name: {text}]")


class Routes:
    """Answers; each is the `result` of one route."""

    def __init__(self, engine: Engine, place: int) -> None:
        """`place` is that of the peer that answers."""
        self._engine = engine
        self._catalog = engine.catalog
        self._place = place

    def table(self) -> list[web.RouteDef]:
        """Every route that is served."""
        one, points = "/collections/{name}", "/collections/{name}/points"
        return [
            web.get("/", self.version),
            web.get("/healthz", self.alive),
            web.get("/livez", self.alive),
            web.get("/readyz", self.ready),
            web.get("/cluster", timed(self.cluster)),
            web.get("/collections", timed(self.collections)),
            web.get("/aliases", timed(self.aliases)),
            web.post("/collections/aliases", timed(self.change_aliases)),
            web.get(one, timed(self.collection)),
            web.put(one, timed(self.create)),
            web.patch(one, timed(self.change)),
            web.delete(one, timed(self.delete)),
            web.get(one + "/cluster", timed(self.copies)),
            web.post(one + "/cluster", timed(self.change_copies)),
            web.get(one + "/exists", timed(self.exists)),
            web.get(one + "/aliases", timed(self.collection_aliases)),
            web.put(one + "/index", timed(self.create_index)),
            web.put(points, timed(self.upsert)),
            web.post(points + "/delete", timed(self.delete_points)),
            web.post(points + "/count", timed(self.count)),
            web.post(points + "/scroll", timed(self.scroll)),
            web.post(points + "/query", timed(self.query)),
            web.post(points + "/query/batch", timed(self.query_batch)),
        ]

    async def version(self, _: web.Request) -> web.Response:
        """Title and version; a client asks when it starts."""
        return web.Response(
            body=msgspec.json.encode({"title": TITLE, "version": VERSION}), content_type="application/json"
        )

    async def alive(self, _: web.Request) -> web.Response:
        """The process answers."""
        return web.Response(text="healthz check passed")

    async def ready(self, _: web.Request) -> web.Response:
        """Ports open only after every shard is loaded."""
        return web.Response(text="all shards are ready")

    async def collections(self, _: web.Request) -> object:
        """Names of all collections."""
        return {"collections": [{"name": one} for one in sorted(self._catalog.collections)]}

    async def aliases(self, _: web.Request) -> object:
        """All aliases."""
        return {"aliases": _shown_aliases(self._catalog.aliases)}

    async def collection_aliases(self, request: web.Request) -> object:
        """The aliases of one collection."""
        wanted = name(request)
        self._catalog.get(wanted)
        return {"aliases": _shown_aliases({a: c for a, c in self._catalog.aliases.items() if c == wanted})}

    async def change_aliases(self, request: web.Request) -> object:
        """Create, delete and rename aliases."""
        asked = await body(request, ChangeAliases)
        await self._engine.run(self._catalog.change_aliases, asked.actions)
        return True

    async def collection(self, request: web.Request) -> object:
        """Counts and configuration of one collection."""
        return await self._engine.run(described, self._readable(request))

    async def exists(self, request: web.Request) -> object:
        """Whether there is a collection or alias of that name."""
        return {"exists": self._catalog.find(name(request)) is not None}

    async def create(self, request: web.Request) -> object:
        """Make a collection."""
        wanted = name(request)
        await self._engine.run(self._catalog.create, wanted, await body(request, CreateCollection))
        return True

    async def change(self, request: web.Request) -> object:
        """Change what of a collection can be changed in place."""
        wanted = name(request)
        asked = await body(request, UpdateCollection)
        await self._engine.run(self._catalog.change, wanted, asked)
        return True

    async def cluster(self, _: web.Request) -> object:
        """The peers of the cluster."""
        return shown_cluster(self._catalog.cluster, self._place)

    async def copies(self, request: web.Request) -> object:
        """Which peers hold a copy of which shard."""
        found = self._catalog.get(name(request))
        points = await self._engine.run(lambda: [shard.info().points_count for shard in found.shards])
        return shown_copies(found.configuration, found.replicas, points, self._place)

    async def change_copies(self, request: web.Request) -> object:
        """Have a peer hold one more copy of a shard."""
        wanted = name(request)
        asked = await body(request, ClusterOperation)
        await self._engine.run(self._catalog.replicate, wanted, asked.replicate_shard)
        return True

    def _readable(self, request: web.Request) -> Collection:
        """The collection in the path. Raises Fault where there is none, or a part cannot be read."""
        found = self._catalog.get(name(request))
        found.check_readable()
        return found

    async def delete(self, request: web.Request) -> object:
        """Delete a collection; false when there was none."""
        return await self._engine.run(self._catalog.delete, name(request))

    async def create_index(self, request: web.Request) -> object:
        """Index a payload field."""
        wanted = name(request)
        found = await self._engine.run(self._catalog.create_index, wanted, await body(request, CreateIndex))
        return _updated(request, found.operations)

    async def upsert(self, request: web.Request) -> object:
        """Insert or replace points."""
        asked = await body(request, UpsertPoints)
        check_sparse(asked.points)
        found = self._catalog.get(name(request))
        await self._engine.run(found.upsert, asked)
        return _updated(request, found.operations)

    async def delete_points(self, request: web.Request) -> object:
        """Delete points."""
        asked = await body(request, DeletePoints)
        found = self._catalog.get(name(request))
        await self._engine.run(found.delete, asked)
        return _updated(request, found.operations)

    async def count(self, request: web.Request) -> object:
        """Count points."""
        asked = await body(request, CountPoints)
        return {"count": await self._engine.run(self._readable(request).count, asked)}

    async def scroll(self, request: web.Request) -> object:
        """A page of points by id."""
        asked = await body(request, ScrollPoints)
        return await self._engine.run(self._readable(request).scroll, asked)

    async def query(self, request: web.Request) -> object:
        """Search or fusion."""
        asked = await body(request, QueryPoints)
        found = await self._engine.run(query, self._readable(request), asked)
        return {"points": [shown_scored(point) for point in found]}

    async def query_batch(self, request: web.Request) -> object:
        """Several queries; the answers in their order. One that is refused refuses them all."""
        asked = await body(request, QueryBatch)
        collection = self._readable(request)
        answers = await self._engine.run(lambda: [query(collection, one) for one in asked.searches])
        return [{"points": [shown_scored(point) for point in found]} for found in answers]


def _shown_aliases(aliases: dict[str, str]) -> list[dict[str, str]]:
    return [{"alias_name": alias, "collection_name": target} for alias, target in sorted(aliases.items())]


def _updated(request: web.Request, operation_id: int) -> dict[str, object]:
    """Everything is applied before it is answered; without `wait=true` Qdrant only says that it is written."""
    waited = request.query.get("wait", "false") == "true"
    return {"operation_id": operation_id, "status": "completed" if waited else "acknowledged"}
