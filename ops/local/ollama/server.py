"""Ollama's routes: bodies in, JSON and streams of JSON lines out."""

import asyncio
import ipaddress
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ops.local.ollama import catalogue, chat, embed, generate, names, replies, wire
from ops.local.ollama.faults import Refused, RefusedLate, bad_request, model_not_found
from ops.local.ollama.gojson import Json, encode
from ops.local.ollama.node import Node
from ops.local.ollama.origins import allowed_origins, cross_origin, is_allowed_host
from ops.local.ollama.replies import Line
from ops.local.ollama.store import BadStore

VERSION = "0.33.0"  # the Ollama whose API this is
_LARGEST_BODY_BYTES = 64 * 2**20
_JSON = "application/json; charset=utf-8"
_LINES = "application/x-ndjson"
_TEXT = "text/plain; charset=utf-8"

_PATHS = ("/api/chat", "/api/generate", "/api/embed", "/api/tags", "/api/ps", "/api/show", "/api/version")


def create(node: Node) -> web.Application:
    """The application; its handlers stop, and free what they hold, when their client leaves."""
    routes = _Routes(node)
    app = web.Application(client_max_size=_LARGEST_BODY_BYTES, middlewares=[_guard(node), _as_gin])
    app.on_response_prepare.append(_as_go)
    for path, handler in (("/", _running), ("/api/version", _version), ("/api/tags", routes.tags)):
        app.router.add_get(path, handler, allow_head=True)
    app.router.add_get("/api/ps", routes.ps, allow_head=False)
    for path, handler in (
        ("/api/chat", routes.chat),
        ("/api/generate", routes.generate),
        ("/api/embed", routes.embed),
        ("/api/show", routes.show),
    ):
        app.router.add_post(path, handler)
    return app


class _Routes:
    def __init__(self, node: Node) -> None:
        self._node = node

    async def chat(self, request: web.Request) -> web.StreamResponse:
        asked = wire.chat_request(await request.read())
        return await _answer(request, chat.lines(self._node, asked), is_stream=asked.call.stream)

    async def generate(self, request: web.Request) -> web.StreamResponse:
        asked = wire.generate_request(await request.read())
        return await _answer(request, generate.lines(self._node, asked), is_stream=asked.call.stream)

    async def embed(self, request: web.Request) -> web.StreamResponse:
        return _json(await embed.reply(self._node, wire.embed_request(await request.read())))

    async def tags(self, _request: web.Request) -> web.StreamResponse:
        models = await asyncio.to_thread(self._node.store.models)
        return _json(encode({"models": [catalogue.listed(model) for model in models]}))

    async def ps(self, _request: web.Request) -> web.StreamResponse:
        scheduler = self._node.scheduler
        shown: list[Json] = [
            catalogue.running(
                runner.model,
                size_bytes=runner.size_bytes,
                expires_at=scheduler.expires_at(runner),
                num_ctx=runner.num_ctx,
            )
            for runner in scheduler.loaded()
        ]
        return _json(encode({"models": shown}))

    async def show(self, request: web.Request) -> web.StreamResponse:
        asked = wire.show_request(await request.read())
        if not asked.model:
            raise bad_request("model is required")
        name = names.resolve(asked.model, bad_request("model is required"))
        model = await self._node.model(name, model_not_found(asked.model))
        try:
            header = await asyncio.to_thread(self._node.store.whole_header, model) if asked.verbose else model.header
        except BadStore as error:
            raise Refused(500, str(error)) from error
        return _json(await asyncio.to_thread(lambda: encode(catalogue.shown(model, asked, header))))


async def _running(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"Ollama is running", headers={"Content-Type": _TEXT})


async def _version(_request: web.Request) -> web.StreamResponse:
    return _json(encode({"version": VERSION}))


def _json(body: bytes, status: int = 200, content_type: str = _JSON) -> web.Response:
    return web.Response(status=status, body=body, headers={"Content-Type": content_type})


async def _answer(request: web.Request, lines: AsyncGenerator[Line], *, is_stream: bool) -> web.StreamResponse:
    async with aclosing(lines):
        try:
            first = await anext(lines, None)
        except RefusedLate as refused:
            # A streamed reply has its type already (server/routes.go, streamResponse).
            kind = "application/json" if is_stream else _JSON
            return _json(encode({"error": refused.text}), refused.status, kind)
        if first is not None and first.is_whole:
            return _json(encode(first.fields))
        if is_stream:
            return await _stream(request, first, lines)
        return await _joined(first, lines)


async def _joined(first: Line | None, lines: AsyncGenerator[Line]) -> web.StreamResponse:
    whole: dict[str, Json] = first.fields if first is not None else {}
    async for line in lines:
        whole = replies.joined(whole, line.fields)
    return _json(encode(whole))


async def _stream(request: web.Request, first: Line | None, lines: AsyncGenerator[Line]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": _LINES})
    response.enable_chunked_encoding()
    await response.prepare(request)
    if first is not None:
        await response.write(encode(first.fields) + b"\n")
    try:
        async for line in lines:
            await response.write(encode(line.fields) + b"\n")
    except Refused as refused:
        await response.write(encode({"error": refused.text}) + b"\n")
    await response.write_eof()
    return response


def _guard(node: Node) -> Middleware:
    """Ollama's checks before a route: Origin, then Host when only this machine should reach the node."""
    patterns = allowed_origins(node.environment.origins)
    is_local = _is_loopback(node.environment.host)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = cross_origin(request, patterns)
        if headers is None or (is_local and not is_allowed_host(request.host)):
            return web.Response(status=403)
        if headers and request.method == "OPTIONS":
            return web.Response(status=204, headers=headers)
        request["cross_origin"] = headers
        return await handler(request)

    return guard


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@web.middleware
async def _as_gin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors in the shape that Ollama's web framework gives them."""
    try:
        return await handler(request)
    except Refused as refused:
        return _json(encode({"error": refused.text}), refused.status)
    except web.HTTPRequestEntityTooLarge:
        return _json(encode({"error": "http: request body too large"}), 413)
    except web.HTTPMethodNotAllowed as error:
        headers = {"Content-Type": "text/plain", "Allow": ", ".join(sorted(error.allowed_methods))}
        return web.Response(status=405, body=b"405 method not allowed", headers=headers)
    except web.HTTPNotFound:
        shorter = request.path.rstrip("/")
        if shorter and shorter != request.path and shorter in _PATHS:
            status = 301 if request.method == "GET" else 307
            return web.Response(status=status, headers={"Location": shorter})
        return web.Response(status=404, body=b"404 page not found", headers={"Content-Type": "text/plain"})


async def _as_go(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(request.get("cross_origin") or {})
    response.headers["Server"] = ""
    del response.headers["Server"]
