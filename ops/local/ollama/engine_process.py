"""The process of one loaded model: `python -m ops.local.ollama.engine_process`, started by `engine.start`.

Reads one line with what to load, writes one line with where it listens, and lives as long as its input is open.
"""

import os
import signal
import sys
from typing import Protocol, cast

import msgspec
import xllamacpp

from ops.local.ollama.engine import Launch, Order, Ready


class _Model(Protocol):
    path: str


class _Threads(Protocol):
    n_threads: int


class _Parameters(Protocol):
    """The settings of llama.cpp's server that this process uses (common/common.h, common_params)."""

    model: _Model
    cpuparams: _Threads
    n_ctx: int
    n_parallel: int
    kv_unified: bool
    fit_params: bool
    ctx_shift: bool
    n_keep: int
    n_batch: int
    n_ubatch: int
    embedding: bool
    n_gpu_layers: int
    main_gpu: int
    load_mode: object
    hostnames: list[str]
    port: int
    api_keys: list[str]
    cors_origins: str
    ui: bool
    endpoint_slots: bool
    offline: bool
    verbosity: int


class _LoadModes(Protocol):
    @property
    def LLAMA_LOAD_MODE_NONE(self) -> object: ...  # noqa: N802  llama.cpp's name


class _Server(Protocol):
    @property
    def listening_address(self) -> str: ...


class _Native(Protocol):
    """The part of xllamacpp that is used; the package has no types."""

    llama_load_mode: _LoadModes

    def CommonParams(self) -> _Parameters: ...  # noqa: N802  xllamacpp's name
    def Server(self, params: _Parameters, /) -> _Server: ...  # noqa: N802  xllamacpp's name


def main() -> None:
    """Serves until standard input ends, which it does when the node closes it or dies."""
    # Ctrl-C in a terminal reaches every process of the group; the node decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    native = cast("_Native", xllamacpp)
    try:
        server = native.Server(_parameters(native, order.launch, order.key))
    except (RuntimeError, ValueError) as error:
        _say(Ready(error=str(error)))
        return
    _say(Ready(url=server.listening_address))
    # Nobody reads standard output any more: what libraries print there belongs with the errors.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdin.buffer.read()
    # No destructors: they would wait for a generation that nobody reads.
    os._exit(0)


def _say(ready: Ready) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(ready) + b"\n")
    sys.stdout.buffer.flush()


def _parameters(native: _Native, launch: Launch, key: str) -> _Parameters:
    """The settings that Ollama gives llama-server (llm/llama_server.go, startLlamaServer)."""
    options = launch.options
    params = native.CommonParams()
    params.model.path = launch.weights
    # Not unified: llama.cpp then gives each slot exactly its part, so that a slot's context is num_ctx.
    params.n_ctx = options.num_ctx * launch.parallel
    params.n_parallel = launch.parallel
    params.kv_unified = False
    params.fit_params = False
    params.ctx_shift = launch.is_shifting and not launch.is_embedder
    params.n_keep = max(launch.num_keep, 0)
    params.n_batch = params.n_ubatch = max(min(options.num_batch, params.n_ctx), 1)
    params.embedding = launch.is_embedder
    if options.num_gpu >= 0:
        params.n_gpu_layers = options.num_gpu
    if options.main_gpu is not None:
        params.main_gpu = options.main_gpu
    if options.num_thread > 0:
        params.cpuparams.n_threads = options.num_thread
    if options.use_mmap is False:
        params.load_mode = native.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.cors_origins = ""
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.verbosity = -1
    return params


if __name__ == "__main__":
    main()
