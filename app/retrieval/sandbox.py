"""Parses a document in a process that can be thrown away."""

import asyncio
import contextlib
import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, assert_never

import msgspec

from app.retrieval import parse_child
from app.retrieval.chunks import Chunk
from app.retrieval.media import MediaType
from app.retrieval.parse_child import Exit

OUTPUT_BYTES = 48 << 20
"""The parsed text with its headings; JSON at most doubles it, and 120 characters of headings go with each chunk."""
END_S = 5.0
ROOT = Path(__file__).parents[2]


class Unreadable(StrEnum):
    """Why a document has no chunks: the stable error code of its job."""

    TOO_LARGE = "too_large"
    NO_TEXT = "no_text"
    MALFORMED = "malformed"
    MEMORY = "memory"
    TIMEOUT = "timeout"


class DocumentUnreadable(Exception):
    """The document cannot be parsed; trying again would end the same way."""

    def __init__(self, why: Unreadable) -> None:
        super().__init__(why.value)
        self.why = why


_Line = tuple[str, int, int, str]
_LINE: msgspec.json.Decoder[_Line] = msgspec.json.Decoder(_Line)


class Parser:
    """Runs `parse_child` for one document at a time and believes nothing that it says without checking it.

    `module` and `wall_s` are what tests replace: a hostile parser, and a shorter patience.
    """

    def __init__(self, *, wall_s: float = 60.0, module: str = parse_child.__name__, root: Path = ROOT) -> None:
        self._wall_s = wall_s
        self._module = module
        self._root = root

    async def chunks(self, source: BinaryIO, media_type: MediaType) -> list[Chunk]:
        """Return the chunks of the document in `source`, a file opened for reading.

        Raises DocumentUnreadable. The child gets no environment, its own session, and at most `wall_s` seconds.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-s", "-B", "-m", self._module, media_type.value),
            stdin=source,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env={"PYTHONPATH": str(self._root), "PYTHONUTF8": "1"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._wall_s):
                output = await _read(process)
                status = await process.wait()
        except TimeoutError as error:
            raise DocumentUnreadable(Unreadable.TIMEOUT) from error
        finally:
            await _end(process)
        why = _reason(status)
        if why is not None:
            raise DocumentUnreadable(why)
        return _decoded(output)


async def _read(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise DocumentUnreadable(Unreadable.MALFORMED)
    output = bytearray()
    while piece := await process.stdout.read(1 << 20):
        output += piece
        if len(output) > OUTPUT_BYTES:
            raise DocumentUnreadable(Unreadable.TOO_LARGE)
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


def _reason(status: int) -> Unreadable | None:
    if status < 0:
        return _by_signal(-status)
    if status not in set(Exit):
        return Unreadable.MALFORMED
    outcome = Exit(status)
    match outcome:
        case Exit.DONE:
            return None
        case Exit.TOO_LARGE:
            return Unreadable.TOO_LARGE
        case Exit.NO_TEXT:
            return Unreadable.NO_TEXT
        case Exit.MALFORMED:
            return Unreadable.MALFORMED
        case Exit.MEMORY:
            return Unreadable.MEMORY
        case _:
            assert_never(outcome)


def _by_signal(number: int) -> Unreadable:
    if number == signal.SIGXCPU:
        return Unreadable.TIMEOUT
    # Rust aborts when it gets no memory; the kernel kills when the machine has none.
    return Unreadable.MEMORY if number in {signal.SIGABRT, signal.SIGKILL} else Unreadable.MALFORMED


def _decoded(output: bytes) -> list[Chunk]:
    try:
        lines = [_LINE.decode(line) for line in output.split(b"\n")]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentUnreadable(Unreadable.MALFORMED) from error
    chunks = [Chunk(heading, start, end, text) for heading, start, end, text in lines]
    if any(not chunk.text or chunk.end - chunk.start != len(chunk.text) for chunk in chunks):
        raise DocumentUnreadable(Unreadable.MALFORMED)
    return chunks
