"""CPU time of a process and all that it started."""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = 100.0
"""USER_HZ, the unit of /proc/<pid>/stat (proc(5)); 100 on every architecture that Linux runs on today but alpha."""
CPUCLOCK_SCHED = 2
"""The kind of CPU clock that counts exact run time (include/linux/posix-timers.h)."""


def tree_s(root: int) -> float:
    """Return the CPU seconds (user and system) of a process, its descendants, and those of them that have ended.

    Living processes are read from their CPU clocks, in nanoseconds: the ticks of /proc/<pid>/stat are 10 ms, more
    than some rows use. Ended ones are what their parents have waited for (`cutime`, `cstime`). Sampled twice, the
    difference is what the tree used in between; a process that ended moves from the first sum to the second.
    """
    return sum(_own_s(pid) + _waited_s(pid) for pid in descendants(root))


def descendants(root: int) -> list[int]:
    """Return the ids of a process and of everything below it that still runs."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _stat(pid)
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def model_name() -> str:
    """Return the CPU's model, as /proc/cpuinfo says it."""
    with suppress(OSError):
        for line in (PROC / "cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown"


def _pids() -> Iterable[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def _own_s(pid: int) -> float:
    # clock_getcpuclockid(3) for another process, as glibc computes it.
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
    return 0.0


def _waited_s(pid: int) -> float:
    fields = _stat(pid)
    return 0.0 if fields is None else (int(fields[13]) + int(fields[14])) / TICKS_PER_S


def _stat(pid: int) -> list[bytes] | None:
    """Return the fields of /proc/<pid>/stat from the third on: state, parent, …"""
    try:
        stat = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    return stat[stat.rindex(b")") + 2 :].split()


def listener(port: int) -> int | None:
    """Return the process of this user that listens on a TCP port of this machine, None if none can be seen."""
    inodes = {inode for name in ("tcp", "tcp6") for inode in _listening(PROC / "net" / name, port)}
    for pid in _pids():
        with suppress(OSError):
            for entry in (PROC / str(pid) / "fd").iterdir():
                if _inode(entry) in inodes:
                    return pid
    return None


def _listening(table: Path, port: int) -> Iterable[str]:
    """Yield the inodes of sockets in state LISTEN (0A) on a port, from /proc/net/tcp (proc(5))."""
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _inode(entry: Path) -> str:
    with suppress(OSError):
        return str(entry.readlink()).removeprefix("socket:[").removesuffix("]")
    return ""
