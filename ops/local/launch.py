"""Runs first in every child process: ties it to its parent, gives up root where asked, then becomes the program.

    python -I -S launch.py PARENT_PID DEATH_SIGNAL IDENTITY PROGRAM [ARGUMENT...]

A script of its own, of the standard library only: code between fork and exec is not safe in a process that has threads.
IDENTITY is a member of `Identity` in `ops/local/process.py`.
"""

import ctypes
import os
import pwd
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """Raise OSError with errno when a libc call returned nonzero."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unprivileged_user() -> pwd.struct_passwd:
    """Return `nobody`, or else any user but root: programs that refuse root also ask for the name of their user."""
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return next(user for user in pwd.getpwall() if user.pw_uid != 0)


def enter_user_namespace() -> None:
    """Be another user inside a namespace, the same outside: files stay owned by, and open to, the real user."""
    user, uid, gid = unprivileged_user(), os.geteuid(), os.getegid()
    check(libc.unshare(CLONE_NEWUSER), "unshare")
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user.pw_uid} {uid} 1"),
        ("gid_map", f"{user.pw_gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def become_nobody() -> None:
    """Change to an unprivileged user for good, but keep the right to walk through root's folders to the program."""
    user = unprivileged_user()
    check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keepcaps")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    only = 1 << CAP_DAC_OVERRIDE
    sets = (ctypes.c_uint32 * 6)(only, only, only, 0, 0, 0)  # effective, permitted, inheritable; then bits 32-63
    if libc.capset(header, sets) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main() -> None:
    """Become the program of the command line."""
    parent, death_signal, identity = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if identity == "namespace":
        enter_user_namespace()
    elif identity == "nobody":
        become_nobody()
    # After the change of user, which would clear it (prctl(2)).
    check(libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0), "pdeathsig")
    if os.getppid() != parent:  # it died before we could ask to be told
        sys.exit(1)
    os.execvp(sys.argv[4], sys.argv[4:])  # noqa: S606 - becoming the program is the point


if __name__ == "__main__":
    main()
