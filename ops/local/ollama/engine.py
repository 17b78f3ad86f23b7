"""One loaded model: a process of its own that runs llama.cpp's server on a loopback port.

A process each, as Ollama has it: a crash ends one model, not the node, and unloading gives all memory back.
"""

import asyncio
import os
import secrets
import sys

import msgspec

from ops.local.ollama.options import LoadOptions

_STOP_WITHIN_S = 5.0
_ENVIRONMENT = {
    # OpenMP threads that spin while they wait starve every other process of a shared machine. Read when the native
    # library loads, so it must be there before the process starts.
    "OMP_WAIT_POLICY": "PASSIVE",
    # No debugger over a crashed process: its dump would print prompts.
    "GGML_NO_BACKTRACE": "1",
}


class LoadFailed(RuntimeError):
    """llama.cpp could not load the weights; the message is its own, or says how the process ended."""


class Launch(msgspec.Struct, frozen=True):
    """What a model is loaded with; `num_ctx` tokens are for each of `parallel` slots."""

    weights: str
    options: LoadOptions
    parallel: int
    is_embedder: bool
    is_shifting: bool
    num_keep: int


class Order(msgspec.Struct, frozen=True):
    """The one line that the model's process reads; `key` guards its port."""

    launch: Launch
    key: str


class Ready(msgspec.Struct, frozen=True):
    """The one line that the model's process writes: where it listens, or why it cannot."""

    url: str = ""
    error: str = ""


class Engine:
    """A running model process. `url` and `key` reach its server."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, key: str) -> None:
        self._process = process
        self.url = url
        self.key = key

    @property
    def is_running(self) -> bool:
        """Whether the process is alive; asyncio learns of its end only some turns of the loop later."""
        if self._process.returncode is not None:
            return False
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    async def close(self) -> None:
        """Ends the process, which frees its memory; returns when it is gone."""
        await _end(self._process)


async def start(launch: Launch) -> Engine:
    """Loads a model and waits until it can answer; no process is left when this is cancelled. Raises LoadFailed."""
    key = secrets.token_hex(32)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ops.local.ollama.engine_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **_ENVIRONMENT},
    )
    try:
        ready = await _told(process, Order(launch, key))
    except BaseException:
        await asyncio.shield(_end(process))
        raise
    if ready.error:
        await _end(process)
        raise LoadFailed(ready.error)
    return Engine(process, ready.url, key)


async def _told(process: asyncio.subprocess.Process, order: Order) -> Ready:
    if process.stdin is None or process.stdout is None:
        raise LoadFailed("the model's process has no pipes")
    process.stdin.write(msgspec.json.encode(order) + b"\n")
    # The answer is the first line in this form; libraries may have printed before it.
    while line := await process.stdout.readline():
        try:
            return msgspec.json.decode(line, type=Ready)
        except msgspec.DecodeError:
            continue
    return Ready(error=f"the model's process ended with {await process.wait()}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """The process leaves when its input is closed; it is killed when it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
