"""Runs a module of ours in a process that can be thrown away."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

END_S = 5.0
ROOT = Path(__file__).parents[2]


class Ended(msgspec.Struct, frozen=True):
    """How the process ended: its exit status, minus the signal that killed it, and all that it wrote."""

    status: int
    output: bytes


class TookTooLong(Exception):
    """The process was killed, for it ran longer than it may."""


class SaidTooMuch(Exception):
    """The process was killed, for it wrote more than it may."""


class Sandbox:
    """Starts one process a call and keeps it from our environment, our session and our time."""

    def __init__(self, module: str, *, wall_s: float, output_bytes: int, root: Path = ROOT) -> None:
        self._module = module
        self._wall_s = wall_s
        self._output_bytes = output_bytes
        self._root = root

    async def run(self, source: BinaryIO, *arguments: str) -> Ended:
        """Run the module with `source`, a file opened for reading, as its input, and return how it ended.

        Its first argument is the number of this process.

        Whatever happens, the process and all that it started are gone. Raises TookTooLong, SaidTooMuch.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-s", "-B", "-m", self._module, str(os.getpid()), *arguments),
            stdin=source,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env={"PYTHONPATH": str(self._root), "PYTHONUTF8": "1"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._wall_s):
                output = await self._read(process)
                status = await process.wait()
        except TimeoutError as error:
            raise TookTooLong from error
        finally:
            await _end(process)
        return Ended(status, output)

    async def _read(self, process: asyncio.subprocess.Process) -> bytes:
        output = bytearray()
        while process.stdout is not None and (piece := await process.stdout.read(1 << 20)):
            output += piece
            if len(output) > self._output_bytes:
                raise SaidTooMuch
        return bytes(output)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the child and whatever it started, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # The pipe is closed only when it was read to its end. A descendant that left the group may still hold it: it must
    # not hold us up.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            while process.stdout is not None and await process.stdout.read(1 << 20):
                pass
            await process.wait()
