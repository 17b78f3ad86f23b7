"""Takes from a process what a parser does not need, before it sees a byte of a document."""

import resource

MEMORY_BYTES = 768 << 20
CPU_S = 30


def confine() -> None:
    """Confine this process for good: whatever it needs must have been imported before.

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
