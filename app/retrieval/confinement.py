"""Takes from a process what a parser does not need, before it sees a byte of a document."""

import ctypes
import os
import resource
import signal

MEMORY_BYTES = 768 << 20
CPU_S = 30
_SET_PDEATHSIG = 1


def confine(parent: int) -> None:
    """Confine this process for good: whatever it needs must have been imported before.

    Three descriptors are open and no more can be: no file, no socket, no pipe, so no network. It can start no process
    (unless it is root, whom RLIMIT_NPROC does not bind) and write no file; its memory and CPU time are bounded. It ends
    with `parent`, the process that started it.
    """
    _end_with(parent)
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


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends: PR_SET_PDEATHSIG of prctl(2)."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It ended before the kernel was told.
        os._exit(1)
