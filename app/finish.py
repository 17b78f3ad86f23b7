"""How a command ends: with its status, and quietly where nobody reads what it writes or somebody interrupts it."""

import os
import select
import signal
import sys
from collections.abc import Callable
from typing import NoReturn, TextIO

UNREAD = 128 + signal.SIGPIPE
"""The exit status where nobody read to the end: what a shell says of any program that SIGPIPE ended."""
INTERRUPTED = 128 + signal.SIGINT


def finish(main: Callable[[], int], *, unread: int = UNREAD) -> NoReturn:
    """Do `main` and end this process with its status.

    Where the reader of its output has gone, `head` perhaps, it ends with `unread` and without a word: of a command
    that judges something, nobody knows what it would have found. Raises what `main` raises otherwise.
    """
    try:
        try:
            status = main()
        finally:
            # Else the interpreter writes what is left when nothing can be caught any more.
            _flush()
    except BrokenPipeError:
        if not (left := [stream for stream in _streams() if _is_unread(stream)]):
            raise
        for stream in left:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        status = unread
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        status = INTERRUPTED
    sys.exit(status)


def _streams() -> list[TextIO]:
    """Return the streams that the process was started with: one that is closed is None."""
    given: tuple[TextIO | None, ...] = (sys.stdout, sys.stderr)
    return [stream for stream in given if stream is not None]


def _flush() -> None:
    for stream in _streams():
        stream.flush()


def _is_unread(stream: TextIO) -> bool:
    """Whether the stream is a pipe or socket whose other end is closed: poll(2) says so without being asked."""
    poll = select.poll()
    poll.register(stream.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
