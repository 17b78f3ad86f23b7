"""What a fake node has in memory, and drops for another model: Ollama's scheduler (server/sched.go) in small."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.fakes.scripts import FakeModel

NS = 1_000_000_000
KEEP_NS = 300 * NS
"""envconfig/config.go, KeepAlive."""
MODELS_PER_GPU = 3
FREE_SHARE = 0.8


@dataclass(slots=True)
class NodeMemory:
    """The models in memory, by name, with their contexts. Without `gpu_bytes` only their number is bounded.

    `loaded` may be set from outside: what nobody asked for stays for the node's own time.
    """

    gpu_bytes: int | None = None
    most_models: int = MODELS_PER_GPU
    own_keep_ns: int = KEEP_NS
    loaded: dict[str, int] = field(default_factory=dict[str, int])
    _digests: dict[str, str] = field(default_factory=dict[str, str])
    _keep_ns: dict[str, int] = field(default_factory=dict[str, int])
    _idle_at: dict[str, float] = field(default_factory=dict[str, float])
    _calls: Counter[str] = field(default_factory=Counter[str])
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _idle: asyncio.Condition = field(default_factory=asyncio.Condition)

    def tidy(self) -> None:
        """Drop idle models whose time is over (processCompleted: expireTimer)."""
        now = time.time()
        for name in list(self.loaded):
            if not self._calls[name] and self.leaves_at_s(name) <= now:
                self._forget(name)

    def leaves_at_s(self, name: str) -> float:
        """Return when a model leaves, in seconds of the epoch; while a call uses it, as before that."""
        return self._idle_at.setdefault(name, time.time()) + self._keep_ns.get(name, self.own_keep_ns) / NS

    def told(self, model: FakeModel) -> dict[str, object]:
        """Return what `/api/ps` says of its place (PsHandler)."""
        at = datetime.fromtimestamp(self.leaves_at_s(model.name), UTC)
        taken = 0 if self.gpu_bytes is None else model.size_bytes
        return {"expires_at": at.isoformat(), "size_vram": taken, "context_length": self.loaded[model.name]}

    def drop(self, name: str) -> None:
        """Drop a model, at the end of the calls that use it (expireRunner)."""
        if name in self.loaded:
            self._keep_ns[name] = 0
            self._idle_at[name] = time.time()
            self.tidy()

    @asynccontextmanager
    async def use(
        self, model: FakeModel, num_ctx: int, keep_ns: int | None, sizes: dict[str, int]
    ) -> AsyncGenerator[tuple[float, bool]]:
        """Hold a model in memory with that context; yields the seconds that this took, and whether it was loaded."""
        started = time.perf_counter()
        async with self._loading:
            is_loaded = await self._load(model, num_ctx, sizes)
            self._calls[model.name] += 1
            if keep_ns is not None or is_loaded:
                # useLoadedRunner: a call that says nothing changes nothing.
                self._keep_ns[model.name] = self.own_keep_ns if keep_ns is None else keep_ns
        try:
            yield time.perf_counter() - started, is_loaded
        finally:
            self._calls[model.name] -= 1
            self._idle_at[model.name] = time.time()
            self.tidy()
            async with self._idle:
                self._idle.notify_all()

    async def _load(self, model: FakeModel, num_ctx: int, sizes: dict[str, int]) -> bool:
        self.tidy()
        if self.loaded.get(model.name) == num_ctx:
            return False
        while model.name in self.loaded or not self._fits(model, sizes):
            await self._leave(model.name if model.name in self.loaded else self._victim())
        await asyncio.sleep(model.load_s)
        self.loaded[model.name], self._digests[model.name] = num_ctx, model.sha
        return True

    def _fits(self, model: FakeModel, sizes: dict[str, int]) -> bool:
        if not self.loaded:
            return True
        if len(self.loaded) >= self.most_models:
            return False
        if self.gpu_bytes is None:
            return True
        free = self.gpu_bytes - sum(sizes.get(name, 0) for name in self.loaded)
        return model.size_bytes <= free * FREE_SHARE

    def _victim(self) -> str:
        """Return who leaves: idle before busy, then who was told to stay shortest (findRunnerToUnload).

        Of equals the first by the path of their weights, which ends with their digest (ByDurationAndName).
        """

        def rank(name: str) -> tuple[bool, int, str]:
            digest = self._digests.get(name) or FakeModel(name=name).sha
            return self._calls[name] > 0, self._keep_ns.get(name, self.own_keep_ns), digest

        return min(self.loaded, key=rank)

    async def _leave(self, name: str) -> None:
        self._keep_ns[name] = 0
        async with self._idle:
            await self._idle.wait_for(lambda: not self._calls[name])
        self._forget(name)

    def _forget(self, name: str) -> None:
        for kept in (self.loaded, self._keep_ns, self._idle_at):
            kept.pop(name, None)
