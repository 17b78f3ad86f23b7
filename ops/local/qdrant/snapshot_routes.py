"""The REST routes of collections' snapshots at one peer; sources, at v1.19.0: `src/actix/api/snapshot_api.rs`."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import aiohttp
import msgspec
from aiohttp import web

from ops.local.qdrant import faults
from ops.local.qdrant.engine import Engine
from ops.local.qdrant.recovery import Priority, recover
from ops.local.qdrant.routes import body, envelope, name, timed
from ops.local.qdrant.snapshots import Snapshots, checksum

FETCH_TIMEOUT_S = 60.0
PIECE_BYTES = 1 << 16
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")

log = logging.getLogger(__name__)


class RecoverSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`PUT /collections/{name}/snapshots/recover`."""

    location: str
    priority: Priority | None = None
    checksum: str | None = None
    api_key: str | None = None


class SnapshotRoutes:
    """Answers of the peer at `place`, whose snapshots lie below `directory`."""

    def __init__(self, engine: Engine, place: int, directory: Path) -> None:
        self._engine = engine
        self._catalog = engine.catalog
        self._place = place
        self._snapshots = Snapshots(directory, place)
        self._accepted: set[asyncio.Task[object]] = set()

    def table(self) -> list[web.RouteDef]:
        """Every route that is served."""
        all_ = "/collections/{name}/snapshots"
        return [
            web.get(all_, timed(self.list)),
            web.post(all_, self._or_accepted(self.create)),
            web.put(all_ + "/recover", self._or_accepted(self.recover)),
            web.post(all_ + "/upload", timed(self.upload)),
            web.get(all_ + "/{snapshot}", self.download),
            web.delete(all_ + "/{snapshot}", self._or_accepted(self.remove)),
        ]

    async def list(self, request: web.Request) -> object:
        """The snapshots of a collection that were made at, or uploaded to, this peer."""
        wanted = name(request)
        self._catalog.get(wanted)
        return await self._engine.run(self._snapshots.list, self._catalog.real_name(wanted))

    async def create(self, request: web.Request) -> object:
        """Make a snapshot of the shards of which this peer has a copy."""
        wanted = name(request)

        def created() -> object:
            shards = self._catalog.written_out(wanted, self._place)
            configuration = self._catalog.get(wanted).configuration
            return self._snapshots.create(self._catalog.real_name(wanted), configuration, shards)

        return await self._engine.run(created)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The file itself, whole or a range of it."""
        wanted, snapshot = name(request), request.match_info["snapshot"]
        self._catalog.get(wanted)
        path = await self._engine.run(self._snapshots.find, self._catalog.real_name(wanted), snapshot)
        shown = {
            "content-type": "application/octet-stream",
            "content-disposition": f'attachment; filename="{path.name}"',
        }
        return web.FileResponse(path, headers=shown)

    async def remove(self, request: web.Request) -> object:
        """Delete a snapshot."""
        wanted, snapshot = name(request), request.match_info["snapshot"]
        self._catalog.get(wanted)
        return await self._engine.run(self._snapshots.remove, self._catalog.real_name(wanted), snapshot)

    async def recover(self, request: web.Request) -> object:
        """Recover a collection from a file of this peer, or from what another server hands out."""
        wanted = name(request)
        asked = await body(request, RecoverSnapshot)
        _check_digits(asked.checksum, "JSON body")
        location = urlsplit(asked.location)
        match location.scheme:
            case "":
                raise faults.bad_format("relative URL without a base")
            case "file":
                if location.netloc not in {"", "localhost"} or not location.path.startswith("/"):
                    raise faults.bad_request("Invalid snapshot URI, file path must be absolute or on localhost")
                path = await self._engine.run(self._snapshots.local, Path(unquote(location.path)))
                return await self._recover(wanted, path, asked)
            case "http" | "https":
                fetched = self._scratch()
                try:
                    await _fetch(asked, fetched)
                    return await self._recover(wanted, fetched, asked)
                finally:
                    fetched.unlink(missing_ok=True)
            case scheme:
                raise faults.bad_request(f"URL {asked.location} with scheme {scheme} is not supported")

    async def _recover(self, wanted: str, path: Path, asked: RecoverSnapshot) -> object:
        if asked.checksum is not None:
            found = await self._engine.run(checksum, path)
            if found != asked.checksum.lower():
                raise faults.wrong_input(f"Snapshot checksum mismatch: expected {asked.checksum}, got {found}")
        await self._engine.run(recover, self._catalog, self._place, wanted, path, asked.priority or "snapshot")
        return True

    async def upload(self, request: web.Request) -> object:
        """Recover a collection from an archive that the body brings."""
        if request.query.get("wait", "true") == "false":
            raise faults.not_served("An upload that is not waited for")
        wanted = name(request)
        given, priority = request.query.get("checksum"), _priority(request)
        _check_digits(given, "query parameters")
        brought = self._scratch()
        try:
            file_name = await _receive(request, brought)
            if given is not None and (found := await self._engine.run(checksum, brought)) != given.lower():
                raise faults.Fault(400, f"Checksum mismatch: expected {found}, actual {given}")
            path = await self._engine.run(self._snapshots.take_in, wanted, file_name, brought)
        finally:
            brought.unlink(missing_ok=True)
        return await self._recover(wanted, path, RecoverSnapshot(location="", priority=priority))

    def _scratch(self) -> Path:
        self._catalog.scratch.mkdir(exist_ok=True)
        return self._catalog.scratch / uuid4().hex

    def _or_accepted(
        self, answer: Callable[[web.Request], Awaitable[object]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """A route that with `wait=false` is answered before it is done."""
        route = timed(answer)

        async def begun(request: web.Request) -> web.Response:
            if request.query.get("wait", "true") != "false":
                return await route(request)
            started = time.perf_counter()
            if request.can_read_body:
                await request.read()  # what is read later is what came now
            task = asyncio.ensure_future(answer(request))
            self._accepted.add(task)
            task.add_done_callback(self._done)
            return web.Response(status=202, body=envelope("accepted", started), content_type="application/json")

        return begun

    def _done(self, task: "asyncio.Task[object]") -> None:
        self._accepted.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Error processing request: %s", error)


def _priority(request: web.Request) -> Priority | None:
    given = request.query.get("priority")
    try:
        return msgspec.convert(given, Priority | None)
    except msgspec.ValidationError as error:
        raise faults.Fault(400, f"Deserialize error in query parameters: unknown variant `{given}`") from error


def _check_digits(given: str | None, where: str) -> None:
    if given is not None and _SHA256.fullmatch(given) is None:
        raise faults.Fault(
            422, f"Validation error in {where}: [checksum: Validation error: invalid_sha256_hash [{{}}]]"
        )


async def _fetch(asked: RecoverSnapshot, target: Path) -> None:
    """Write what the location answers into a file. Raises Fault."""
    headers = {"api-key": asked.api_key} if asked.api_key else {}
    timeout = aiohttp.ClientTimeout(sock_connect=FETCH_TIMEOUT_S, sock_read=FETCH_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as client,
            client.get(asked.location, headers=headers) as got,
        ):
            if got.status >= 300:
                status = f"{got.status} {got.reason}"
                raise faults.wrong_input(f"Failed to download tar from {asked.location}: status - {status}")
            with target.open("wb") as file:
                async for piece in got.content.iter_chunked(PIECE_BYTES):
                    file.write(piece)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise faults.internal_error(f"Http request error: {error}") from error


async def _receive(request: web.Request, target: Path) -> str:
    """Write the part `snapshot` of a form into a file; the name that it came under. Raises Fault."""
    if not request.content_type.startswith("multipart/"):
        raise faults.Fault(400, "Could not find Content-Type header")
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if isinstance(part, aiohttp.BodyPartReader) and part.name == "snapshot":
            with target.open("wb") as file:
                while piece := await part.read_chunk(PIECE_BYTES):
                    file.write(piece)
            return part.filename or ""
    raise faults.Fault(400, "Field with name 'snapshot' is required")
