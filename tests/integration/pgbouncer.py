"""A real PgBouncer before the tests' PostgreSQL."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg

from ops.local.process import Identity, launch_command
from tests.programs import missing

ROOT = Path(__file__).parents[2]
BROUGHT = ROOT / ".venv"
READY_WITHIN_S = 15.0
# https://www.pgbouncer.org/config.html: a server connection belongs to a client for one transaction only.
CONFIGURATION = """
[databases]
{name} = host={host} port={port} dbname={name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 200
auth_type = plain
auth_file = {users}
{more}
"""


def program() -> str:
    """Return PgBouncer, on PATH or where `ops/pgbouncer.sh` puts it; skip if there is none."""
    search = os.pathsep.join([os.environ.get("PATH", ""), str(BROUGHT / "bin"), "/usr/sbin"])
    found = shutil.which("pgbouncer", path=search)
    if found is None:
        missing("pgbouncer", "run ops/pgbouncer.sh, which brings it where Debian's packages can be had")
    return found


@contextmanager
def pgbouncer(directory: Path, database_url: str, *, servers: int = 4, more: str = "") -> Generator[str]:
    """Run PgBouncer in transaction mode before a database; yield the database's address through it."""
    command = program()
    parts = urlsplit(database_url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = int(free.getsockname()[1])
    users, settings = directory / "users.txt", directory / "pgbouncer.ini"
    users.write_text(f'"{parts.username}" "{unquote(parts.password or "")}"\n')
    settings.write_text(
        CONFIGURATION.format(
            name=parts.path[1:],
            host=parts.hostname,
            port=parts.port,
            listen=listen,
            servers=servers,
            users=users,
            more=more,
        )
    )
    # It refuses root (src/main.c), and must read its files.
    identity = Identity.NOBODY if os.geteuid() == 0 else Identity.SAME
    if identity is Identity.NOBODY:
        nobody = pwd.getpwnam("nobody")
        for path in (users, settings):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    libraries = os.pathsep.join([str(BROUGHT / "lib" / "debian"), os.environ.get("LD_LIBRARY_PATH", "")])
    process = subprocess.Popen(  # noqa: S603 - our own program
        launch_command([command, "-q", str(settings)], identity, signal.SIGKILL),
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
    )
    url = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{listen}"))
    try:
        _until_it_answers(process, url)
        yield url
    finally:
        process.kill()
        process.wait()


def _until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
