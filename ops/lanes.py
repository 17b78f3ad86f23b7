"""Runs command lines side by side and ends all when one fails: `python -m ops.lanes LINE... FRONT`.

The last line is in front: what it writes is seen as it comes. The others give way to it (a lower priority), and what
one of them writes is shown as a whole when it ends.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from time import monotonic
from typing import BinaryIO

from app.finish import INTERRUPTED, finish
from ops.local.console import Console

GIVES_WAY = ("nice", "-n", "10")
HEARS_INTERRUPTS = ("env", "--default-signal=INT")
"""What a shell starts in the background ignores them, and so would all that it starts."""
SIGNALLED = 128
END_S = 90.0
"""How long an interrupted line may take to end the servers that its tests began."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A line that runs, in a process group of its own; without `output` it is the one in front."""

    line: str
    process: asyncio.subprocess.Process
    output: BinaryIO | None

    async def end(self, limit_s: float) -> None:
        """Interrupt it as Ctrl-C does, and kill what is left of it after the limit."""
        for sent in (signal.SIGINT, signal.SIGKILL):
            if self.process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self.process.pid, sent)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.process.wait(), limit_s)

    def written(self) -> str:
        """Return what it wrote, if that was not seen as it came."""
        if self.output is None:
            return ""
        self.output.seek(0)
        return self.output.read().decode(errors="replace")


async def start(line: str, output: BinaryIO | None) -> Lane:
    """Start a line of bash."""
    first = () if output is None else GIVES_WAY
    program = (*HEARS_INTERRUPTS, *first, "bash", "-euo", "pipefail", "-c", line)
    # A group of its own is in the background of a terminal, where reading would stop it.
    no_input = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *program, process_group=0, stdin=no_input, stdout=output, stderr=output
    )
    return Lane(line, process, output)


async def side_by_side(lines: Sequence[str], console: Console, *, end_s: float = END_S) -> int:
    """Run all lines; returns 0, or the status of the first that failed, whose output is then told last."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in lines[1:]]
        lanes: list[Lane] = []
        try:
            for line, output in zip(lines, [*files, None], strict=True):
                lanes.append(await start(line, output))
            failed = await _first_failed(lanes, console)
            if failed is None:
                return 0
            await _end_others(lanes, failed, console, end_s)
            status = failed.process.returncode or 0
            console.say(f"\n{failed.written()}== failed with {status}: {failed.line}")
            return status if status > 0 else SIGNALLED - status
        finally:
            await asyncio.gather(*(lane.end(end_s) for lane in lanes))


async def _first_failed(lanes: Sequence[Lane], console: Console) -> Lane | None:
    """Return the first that fails, None when all have ended well; tell of each that does."""
    began = monotonic()
    running = {asyncio.create_task(lane.process.wait()): lane for lane in lanes}
    while running:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for lane in [running.pop(task) for task in done]:
            if lane.process.returncode:
                return lane
            console.say(f"\n{lane.written()}== done after {monotonic() - began:.0f} s: {lane.line}")
    return None


async def _end_others(lanes: Sequence[Lane], failed: Lane, console: Console, end_s: float) -> None:
    others = [lane for lane in lanes if lane is not failed and lane.process.returncode is None]
    for lane in others:
        console.say(f"\n== ended, because something beside it failed: {lane.line}")
    await asyncio.gather(*(lane.end(end_s) for lane in others))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m ops.lanes", description=__doc__)
    parser.add_argument("lines", nargs="+", metavar="LINE", help="a line of bash")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: the lanes end too
    try:
        return asyncio.run(side_by_side(given.lines, Console(sys.stdout)))
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    finish(main)
