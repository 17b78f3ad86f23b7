"""A loaded model with the calls that use it and the time it stays."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ops.local.ollama.duration import FOREVER_NS
from ops.local.ollama.engine import Engine, Launch
from ops.local.ollama.llama import Llama
from ops.local.ollama.options import Options
from ops.local.ollama.slots import Slots
from ops.local.ollama.store import Model

_NS_PER_S = 1_000_000_000
_BYTES_PER_HALF = 2


@dataclass(slots=True)
class Runner:
    """What the scheduler keeps of a loaded model; `keep_ns` counts from the end of the last call."""

    model: Model
    launch: Launch
    is_num_ctx_automatic: bool
    is_num_batch_automatic: bool
    keep_ns: int
    engine: Engine
    llama: Llama
    slots: Slots
    calls: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    _expires_at_s: float | None = None
    _timer: asyncio.TimerHandle | None = None

    @property
    def num_ctx(self) -> int:
        """Tokens of context in each slot."""
        return self.launch.options.num_ctx

    @property
    def size_bytes(self) -> int:
        """Weights plus the keys and values of all slots in half precision (llm/llama_server.go, PredictServerVRAM)."""
        header = self.model.header
        heads = header.number("attention.head_count", 1)
        width = header.number("embedding_length") // max(heads, 1) * header.number("attention.head_count_kv", heads)
        tokens = self.num_ctx * self.launch.parallel
        cache = 2 * header.number("block_count") * tokens * width * _BYTES_PER_HALF
        return self.model.weights.stat().st_size + cache

    def needs_reload(self, options: Options, is_shifting: bool) -> bool:  # noqa: FBT001  a fact, not a switch
        """Whether a call with these options cannot use the model as it is loaded (server/sched.go, needsReload)."""
        if not self.engine.is_running:
            return True
        mine, wanted = self.launch.options, options.load
        trained = self.model.header.number("context_length")
        if trained > 0:
            wanted = msgspec.structs.replace(wanted, num_ctx=min(wanted.num_ctx, trained))
        if self.is_num_ctx_automatic and options.is_num_ctx_automatic:
            wanted = msgspec.structs.replace(wanted, num_ctx=mine.num_ctx)
        if self.is_num_batch_automatic and options.is_num_batch_automatic:
            wanted = msgspec.structs.replace(wanted, num_batch=mine.num_batch)
        if wanted.num_gpu < 0:
            wanted = msgspec.structs.replace(wanted, num_gpu=mine.num_gpu)
        return self.launch.is_shifting != is_shifting or mine != wanted

    def expires_at_s(self, now_s: float) -> float:
        """Seconds of the epoch; while calls run, as if they ended now."""
        return now_s + self.keep_ns / _NS_PER_S if self._expires_at_s is None else self._expires_at_s

    def start_timer(self, now_s: float, expire: Callable[[], None]) -> None:
        """Calls `expire` after the model's keep_alive, never when that is for ever."""
        self.stop_timer()
        self._expires_at_s = now_s + self.keep_ns / _NS_PER_S
        if self.keep_ns < FOREVER_NS:
            self._timer = asyncio.get_running_loop().call_later(self.keep_ns / _NS_PER_S, expire)

    def stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
