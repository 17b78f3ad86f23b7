"""Which models are loaded: loads, reloads, keeps and unloads them as Ollama's scheduler does."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ops.local.ollama import engine
from ops.local.ollama.engine import Engine, Launch, LoadFailed
from ops.local.ollama.environment import Environment
from ops.local.ollama.faults import Refused
from ops.local.ollama.llama import Llama
from ops.local.ollama.options import LoadOptions, Options
from ops.local.ollama.runner import Runner
from ops.local.ollama.slots import Queue, Slots
from ops.local.ollama.store import Model

_DEFAULT_MAX_LOADED = 3  # server/sched.go, defaultModelsPerGPU; a machine without one counts as one
_NS_PER_S = 1_000_000_000

_log = logging.getLogger(__name__)

Start = Callable[[Launch], Awaitable[Engine]]
Connect = Callable[[Engine], Llama]


class Wanted(msgspec.Struct, frozen=True):
    """A model with what a call needs it loaded with; `shift` None leaves context shifting to Ollama."""

    model: Model
    options: Options
    keep_alive_ns: int | None = None
    shift: bool | None = None

    @property
    def is_shifting(self) -> bool:
        return self.shift is not False

    @property
    def key(self) -> Path:
        return self.model.weights


class Scheduler:
    """Owns the loaded models. One is loaded at a time; calls to loaded ones pass by (server/sched.go)."""

    def __init__(
        self,
        environment: Environment,
        connect: Connect,
        start: Start = engine.start,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._environment = environment
        self._connect = connect
        self._start = start
        self._clock = clock
        self._queue = Queue(environment.max_queue)
        self._loading = asyncio.Lock()
        self._loaded: dict[Path, Runner] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def loaded(self) -> list[Runner]:
        """The loaded models, the one that stays longest first (server/routes.go, PsHandler)."""
        return sorted(self._loaded.values(), key=lambda runner: runner.expires_at_s(self._clock()), reverse=True)

    def expires_at(self, runner: Runner) -> datetime:
        """When the model leaves if no more calls come."""
        return datetime.fromtimestamp(runner.expires_at_s(self._clock()), UTC)

    @asynccontextmanager
    async def lease(self, wanted: Wanted) -> AsyncGenerator[Runner]:
        """Holds the model in memory, loading it first if need be.

        Raises Refused: 503 when too many wait, 500 when it cannot be loaded.
        """
        runner = await self._take(wanted)
        try:
            yield runner
        finally:
            self._release(runner)

    def expire(self, model: Model) -> None:
        """Unloads the model as soon as no call uses it; nothing happens when it is not loaded."""
        runner = self._loaded.get(model.weights)
        if runner is not None:
            self._expire(runner)

    async def close(self) -> None:
        """Unloads everything, whatever still runs."""
        for runner in list(self._loaded.values()):
            self._unload(runner)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _take(self, wanted: Wanted) -> Runner:
        if (runner := self._usable(wanted)) is not None:
            return self._use(runner, wanted)
        if self._loading.locked():
            with self._queue.place():
                await self._loading.acquire()
        else:
            await self._loading.acquire()
        try:
            return await self._make_room_and_load(wanted)
        finally:
            self._loading.release()

    def _usable(self, wanted: Wanted) -> Runner | None:
        runner = self._loaded.get(wanted.key)
        return runner if runner is not None and not runner.needs_reload(wanted.options, wanted.is_shifting) else None

    def _use(self, runner: Runner, wanted: Wanted) -> Runner:
        runner.calls += 1
        runner.stop_timer()
        if wanted.keep_alive_ns is not None:
            runner.keep_ns = wanted.keep_alive_ns
        return runner

    async def _make_room_and_load(self, wanted: Wanted) -> Runner:
        while True:
            if (runner := self._usable(wanted)) is not None:
                return self._use(runner, wanted)
            leaving = self._loaded.get(wanted.key) or self._one_too_many()
            if leaving is None:
                return self._use(await self._load(wanted), wanted)
            self._expire(leaving)
            await leaving.gone.wait()

    def _one_too_many(self) -> Runner | None:
        """Whom to unload when no more may be loaded: idle before busy, then the shortest keep_alive, then by the path.

        (server/sched.go, findRunnerToUnload, ByDurationAndName: the path of the weights, which has their digest)
        """
        if len(self._loaded) < (self._environment.max_loaded_models or _DEFAULT_MAX_LOADED):
            return None
        return min(
            self._loaded.values(), key=lambda runner: (runner.calls > 0, runner.keep_ns, str(runner.model.weights))
        )

    async def _load(self, wanted: Wanted) -> Runner:
        launch = self._launch(wanted)
        try:
            async with asyncio.timeout(self._environment.load_timeout_ns / _NS_PER_S):
                started = await self._start(launch)
        except TimeoutError as error:
            raise Refused(500, "timed out waiting for llama runner to start") from error
        except LoadFailed as error:
            _log.warning("loading %s failed: %s", wanted.model.name.shortest, error)
            raise Refused(500, f"unable to load model: {launch.weights}") from error
        runner = Runner(
            model=wanted.model,
            launch=launch,
            is_num_ctx_automatic=wanted.options.is_num_ctx_automatic,
            is_num_batch_automatic=wanted.options.is_num_batch_automatic,
            keep_ns=self._environment.keep_alive_ns,
            engine=started,
            llama=self._connect(started),
            slots=Slots(launch.parallel, self._queue),
        )
        self._loaded[wanted.key] = runner
        return runner

    def _launch(self, wanted: Wanted) -> Launch:
        header = wanted.model.header
        trained = header.number("context_length")
        load = wanted.options.load
        num_ctx = min(load.num_ctx, trained) if trained > 0 else load.num_ctx
        options: LoadOptions = msgspec.structs.replace(load, num_ctx=num_ctx)
        return Launch(
            weights=str(wanted.model.weights),
            options=options,
            # server/sched.go, load: an embedding model runs one call at a time.
            parallel=1 if header.is_embedder else self._environment.num_parallel,
            is_embedder=header.is_embedder,
            is_shifting=wanted.is_shifting,
            num_keep=wanted.options.sample.num_keep,
        )

    def _release(self, runner: Runner) -> None:
        runner.calls -= 1
        if runner.calls > 0 or self._loaded.get(runner.model.weights) is not runner:
            return
        if runner.keep_ns <= 0:
            self._unload(runner)
        else:
            runner.start_timer(self._clock(), lambda: self._expire(runner))

    def _expire(self, runner: Runner) -> None:
        runner.stop_timer()
        runner.keep_ns = 0
        if runner.calls <= 0:
            self._unload(runner)

    def _unload(self, runner: Runner) -> None:
        if self._loaded.get(runner.model.weights) is runner:
            del self._loaded[runner.model.weights]
            runner.stop_timer()
            self._own(self._free(runner))

    async def _free(self, runner: Runner) -> None:
        try:
            await runner.engine.close()
        finally:
            runner.gone.set()

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
