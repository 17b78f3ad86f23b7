"""The throw-away process that parses one document: bytes come on stdin, chunks leave on stdout as JSON lines."""

import json
import os
import resource
import sys
from enum import IntEnum

from app.retrieval.chunks import split
from app.retrieval.media import MediaType
from app.retrieval.parse import clean_text, sections

TEXT_BYTES = 16 << 20
CHUNKS = 20_000
MEMORY_BYTES = 768 << 20
CPU_S = 30


class Exit(IntEnum):
    """The exit status: why there are no chunks. Clear of Python's own 1, 2 and 120, and of the shell's 126 and up."""

    DONE = 0
    TOO_LARGE = 10
    NO_TEXT = 11
    MALFORMED = 12
    MEMORY = 13


def _confine() -> None:
    """Take from this process what a parser does not need, before it sees a byte of the document.

    Three descriptors are open and no more can be: no file, no socket, no pipe, so no network. It can start no process
    (unless it is root, whom RLIMIT_NPROC does not bind) and write no file; its memory and CPU time are bounded.
    """
    for limit, soft, hard in (
        (resource.RLIMIT_AS, MEMORY_BYTES, MEMORY_BYTES),
        # SIGXCPU comes at the soft limit, SIGKILL at the hard one.
        (resource.RLIMIT_CPU, CPU_S, CPU_S + 5),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_NOFILE, 3, 3),
    ):
        _, most = resource.getrlimit(limit)
        ceiling = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(limit, (min(soft, ceiling), ceiling))


def _chunk(media_type: MediaType) -> Exit:
    raw = sys.stdin.buffer.read(TEXT_BYTES + 1)
    if len(raw) > TEXT_BYTES:
        return Exit.TOO_LARGE
    text = clean_text(raw)
    if not text.strip():
        return Exit.NO_TEXT
    lines: list[bytes] = []
    for chunk in split(text, sections(text, media_type), media_type):
        if len(lines) >= CHUNKS:
            return Exit.TOO_LARGE
        fields = (chunk.heading, chunk.start, chunk.end, chunk.text)
        lines.append(json.dumps(fields, ensure_ascii=False).encode())
    sys.stdout.buffer.write(b"\n".join(lines))
    sys.stdout.buffer.flush()
    return Exit.DONE


def main(media_type: MediaType) -> Exit:
    """Confine this process, then write the chunks of the document on stdin."""
    _confine()
    try:
        return _chunk(media_type)
    except UnicodeDecodeError:
        return Exit.MALFORMED
    except MemoryError:
        return Exit.MEMORY


if __name__ == "__main__":
    # Not sys.exit: nothing is left to tidy, and tidying could open files.
    os._exit(main(MediaType(sys.argv[1])))
