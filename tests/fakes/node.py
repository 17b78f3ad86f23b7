"""A scriptable node with Ollama's API: slots, speeds, loads, a prefix cache, exact text, and every way to break."""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias, TypeVar

import msgspec
from aiohttp import web

from ops.local.ollama import names, options, wire
from ops.local.ollama.faults import Refused, bad_request, model_not_found, server_busy
from ops.local.ollama.gojson import parse
from ops.local.ollama.options import LoadOptions, SampleOptions
from ops.local.ollama.wire import Message
from tests.fakes import replies
from tests.fakes.asked import Asked, read_chat, read_completion, read_generate, read_input, refusal
from tests.fakes.control import Control
from tests.fakes.gateway import Gateway
from tests.fakes.node_memory import NodeMemory
from tests.fakes.replies import done_reason_of, entry, refusing, rest_of, running, shown, thinking_of, tokens_of
from tests.fakes.scripts import FakeCall, FakeModel, Script, take
from tests.fakes.speaker import NS, Counts, Speaker
from tests.fakes.words import count_tokens, vector_of

CONTEXT_ERROR = "the prompt is longer than the context length currently available to the model"
ONE_TOKEN = re.compile(rb'"num_predict":\s*1\b')

A = TypeVar("A", Asked, wire.EmbedRequest)
Answering: TypeAlias = Callable[[web.Request, FakeCall, Script, A], Awaitable[web.StreamResponse]]


class FakeNode:
    """The node; `url` once started."""

    def __init__(
        self,
        models: Sequence[FakeModel],
        *,
        slots: int = 2,
        queue: int = 8,
        answer_tokens: int = 24,
        gpu_bytes: int | None = None,
    ) -> None:
        self.models = {model.name: model for model in models}
        self.calls: list[FakeCall] = []
        self.scripts: deque[Script] = deque()
        self.memory = NodeMemory(gpu_bytes)
        self.loaded = self.memory.loaded
        self.answer_tokens = answer_tokens
        self.quotes = False
        self.obeys = False
        self.scripts_trials = True
        """Whether a script for one call may meet a call for a single token, as the probe's trials are."""
        self.most_active = 0
        self.looks = 0
        self.shows = 0
        self.peers: set[object] = set()
        self.under_way: set[asyncio.Task[object]] = set()
        self.port = 0
        self.gateway = Gateway()
        self._queue = queue
        self._slots = asyncio.Semaphore(slots)
        self._waiting = 0
        self._active = 0
        self._prompts: dict[str, str] = {}
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.port}"

    def script(self, **what: object) -> None:
        """Add a script; see Script for the names."""
        self.scripts.append(msgspec.convert(what, Script))

    async def start(self, port: int = 0, *, control: bool = False) -> None:
        """Listen on `port` (0: any free one; after `stop` the same as before)."""
        app = web.Application(client_max_size=64_000_000, middlewares=[self.gateway.guard, refusing])
        app.router.add_get("/", running)
        app.router.add_get("/api/version", self._version)
        app.router.add_get("/api/tags", self._tags)
        app.router.add_get("/api/ps", self._ps)
        app.router.add_post("/api/show", self._show)
        app.router.add_post("/api/chat", self._chat)
        app.router.add_post("/api/generate", self._generate)
        app.router.add_post("/api/embed", self._embed)
        app.router.add_post("/v1/chat/completions", self._completions)
        if control:
            Control(self).add(app.router)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self.port, reuse_address=True)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def listen_too(self, addresses: Collection[str]) -> None:
        """Listen at further addresses of this machine, at the same port: one node that passes for several."""
        if self._runner is not None:
            for address in addresses:
                await web.TCPSite(self._runner, address, self.port, reuse_address=True).start()

    async def stop(self) -> None:
        """Stop listening and cut every connection; what was in memory is gone."""
        runner, self._runner = self._runner, None
        self.loaded.clear()
        if runner is not None:
            await runner.cleanup()

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": "0.33.0"})

    async def _tags(self, _request: web.Request) -> web.Response:
        self.looks += 1
        return web.json_response({"models": [entry(model) for model in self.models.values()]})

    async def _ps(self, _request: web.Request) -> web.Response:
        self.memory.tidy()
        loaded = [self.models[name] for name in self.loaded if name in self.models]
        return web.json_response({"models": [{**entry(model), **self.memory.told(model)} for model in loaded]})

    async def _show(self, request: web.Request) -> web.Response:
        self.shows += 1
        asked = wire.show_request(await request.read())
        model = self._find(asked.model, missing=model_not_found(asked.model))
        return web.json_response(shown(model))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, read_chat, self._text)

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, read_generate, self._text)

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, read_completion, self._text)

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, wire.embed_request, self._vectors)

    async def _serve(
        self, request: web.Request, read: Callable[[bytes], A], answer: Answering[A]
    ) -> web.StreamResponse:
        raw = await request.read()
        asked = read(raw)
        body = msgspec.convert(parse(raw), dict[str, object])
        call = FakeCall(path=request.path, model=str(asked.model), body=body, started_at=time.time())
        self.calls.append(call)
        self.peers.add(request.transport.get_extra_info("peername") if request.transport is not None else None)
        script = self._take(call.model, raw)
        task = asyncio.current_task()
        self.under_way |= {task} if task is not None else set()
        try:
            if script.status != 200:
                raise Refused(script.status, script.error)
            return await answer(request, call, script, asked)
        except (asyncio.CancelledError, ConnectionResetError):
            call.aborted = True
            raise
        finally:
            call.ended_at = time.time()
            self.under_way -= {task}

    def _find(self, name: str, missing: Refused) -> FakeModel:
        """Return a model by any of its spellings (server/routes.go, getExistingName). Raises Refused."""
        if name in self.models:
            return self.models[name]
        wanted = names.resolve(name, bad_request("model is required")).full.lower()
        for model in self.models.values():
            if names.parse(model.name).full.lower() == wanted:
                return model
        raise missing

    def _take(self, model: str, raw: bytes) -> Script:
        if self.scripts_trials or ONE_TOKEN.search(raw) is None:
            return take(self.scripts, model, raw)
        return take(deque(script for script in self.scripts if script.times < 0), model, raw)

    @asynccontextmanager
    async def _slot(self) -> AsyncGenerator[None]:
        if self._waiting >= self._queue:
            raise server_busy()
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        self._active += 1
        self.most_active = max(self.most_active, self._active)
        try:
            yield
        finally:
            self._active -= 1
            self._slots.release()

    @asynccontextmanager
    async def _load(
        self, call: FakeCall, model: FakeModel, wanted: LoadOptions, keep_ns: int | None
    ) -> AsyncGenerator[float]:
        """Hold the model in memory with the asked context; yields the seconds that it took to have it there."""
        sizes = {name: one.size_bytes for name, one in self.models.items()}
        async with self.memory.use(model, wanted.num_ctx, keep_ns, sizes) as (load_s, is_loaded):
            call.loaded = is_loaded
            yield load_s

    async def _text(self, request: web.Request, call: FakeCall, script: Script, asked: Asked) -> web.StreamResponse:
        model = self._find(asked.model, missing=model_not_found(asked.model))
        speaker = Speaker(request, asked, script)
        if not asked.messages and asked.keep_alive_ns == 0:
            self.memory.drop(model.name)
            return await speaker.end("unload")
        refused = refusal(asked, model)
        if refused is not None:
            raise refused
        wanted = options.choose([asked.options], context_length=None, is_embedding=False)
        async with AsyncExitStack() as stack:
            came = time.perf_counter()
            await stack.enter_async_context(self._slot())
            wait_s = time.perf_counter() - came
            load_s = await stack.enter_async_context(self._load(call, model, wanted.load, asked.keep_alive_ns))
            if not asked.messages:
                return await speaker.end("load")
            prompt_tokens = count_tokens([message.content for message in asked.messages])
            if prompt_tokens >= self.loaded[model.name] and not asked.truncate:
                raise bad_request(CONTEXT_ERROR)
            prefill_s = await self._prefill(model, prompt_tokens, asked.messages)
            started = time.perf_counter()
            thought = thinking_of(model, asked, script)
            tokens = self._words(asked, wanted.sample) if script.text is None else rest_of(script, asked.messages)
            cut = await self._say(speaker, call, script, model, (thought, tokens))
            if cut is not None:
                return cut
            call.done = True
            decode_s = time.perf_counter() - started
            reason = done_reason_of(wanted.sample, call.tokens)
            return await speaker.end(reason, Counts(load_s, prefill_s, decode_s, prompt_tokens, call.tokens, wait_s))

    def _words(self, asked: Asked, sample: SampleOptions) -> list[str]:
        wanted = replies.words_wanted(asked.messages) if self.obeys else None
        return tokens_of(asked.messages, sample, wanted or self.answer_tokens, quotes=self.quotes)

    async def _prefill(self, model: FakeModel, tokens: int, messages: Sequence[Message]) -> float:
        prompt = "\n".join(message.content for message in messages)
        known = self._prompts.get(model.name, "")
        self._prompts[model.name] = prompt
        new = tokens - count_tokens([known]) if known and prompt.startswith(known) else tokens
        started = time.perf_counter()
        if model.prefill_per_s:
            await asyncio.sleep(max(0, new) / model.prefill_per_s)
        return time.perf_counter() - started

    async def _say(
        self,
        speaker: Speaker,
        call: FakeCall,
        script: Script,
        model: FakeModel,
        said: tuple[Sequence[str], Sequence[str]],
    ) -> web.StreamResponse | None:
        """Say what is thought, then what is answered; return the reply if the script ended it."""
        thought, tokens = len(said[0]), [*said[0], *said[1]]
        per_s = model.tokens_per_s if script.tokens_per_s is None else script.tokens_per_s
        for number in range(len(tokens) + 1):
            cut = await speaker.trouble(script, number)
            if cut is not None or number == len(tokens):
                return cut
            if per_s:
                await asyncio.sleep(1 / per_s)
            await (speaker.think if number < thought else speaker.say)(tokens[number])
            call.tokens += 1
        return None

    async def _vectors(
        self, _request: web.Request, call: FakeCall, script: Script, asked: wire.EmbedRequest
    ) -> web.StreamResponse:
        texts = read_input(asked)
        if script.hang_after is not None:
            await asyncio.Event().wait()
        missing = f'model "{asked.model}" not found, try pulling it first'
        model = self._find(asked.model, missing=Refused(404, missing))
        wanted = options.choose([asked.options], context_length=None, is_embedding=True)
        async with self._slot(), self._load(call, model, wanted.load, asked.keep_alive_ns) as load_s:
            if not asked.truncate and any(count_tokens([text]) > self.loaded[model.name] for text in texts):
                raise bad_request("the input length exceeds the context length")
            await asyncio.sleep(count_tokens(texts) / model.prefill_per_s if model.prefill_per_s else 0)
            own = [vector_of(text, model.vector_size, first=asked.dimensions or model.vector_size) for text in texts]
            vectors = own if script.vectors is None else script.vectors
            call.done = True
            times = {"total_duration": int(load_s * NS) + 1_000_000, "load_duration": int(load_s * NS)}
            return web.json_response(
                {"model": asked.model, "embeddings": vectors, **times, "prompt_eval_count": count_tokens(texts)}
            )
