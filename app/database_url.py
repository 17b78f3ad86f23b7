"""PostgreSQL's address, parsed once, for whatever connects: replicas, workers, migrations and the command line."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.urls import MOST_PORT, AddressWrong, split_address

SCHEMES = ("postgresql", "postgres")
_CHECKS_NAMES = "verify-full"
# libpq, "SSL Mode Descriptions": these two check the server's certificate against sslrootcert.
_CHECKS = ("verify-ca", _CHECKS_NAMES)


class Pooler(StrEnum):
    """What stands between this platform and PostgreSQL."""

    NONE = "none"
    TRANSACTION = "transaction"
    """A pooler, such as PgBouncer, that lends a server connection for one transaction at a time."""


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """What libpq is told; the settings in its `options` are apart, in `session`."""

    parameters: Mapping[str, str]
    session: Mapping[str, str]

    def connect_parameters(self, session: Mapping[str, str]) -> dict[str, str]:
        """Return libpq's parameters of a connection with these settings, and the address' own over them."""
        merged = {**session, **self.session}
        options = " ".join(f"-c {name}={_escape(value)}" for name, value in merged.items())
        return {**DEFAULTS, **self.parameters, **({"options": options} if options else {})}


DEFAULTS: Mapping[str, str] = {"application_name": "switchyard", "connect_timeout": "3", "tcp_user_timeout": "10000"}


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """How the database is reached: for short transactions, and, for what needs a session of its own, directly."""

    address: DatabaseAddress
    direct: DatabaseAddress
    pooler: Pooler = Pooler.NONE


def address_of(parameters: Mapping[str, object]) -> str:
    """Return the address that libpq's parameters are, without its credentials and options."""
    hosts = str(parameters.get("host") or "localhost").split(",")
    ports = str(parameters.get("port") or "5432").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    hosts = [f"[{host}]" if ":" in host else host for host in hosts]
    places = ",".join(f"{host}:{port or 5432}" for host, port in zip(hosts, ports, strict=False))
    return f"postgresql://{places}/{parameters.get('dbname') or ''}"


def make_access(
    url: str, *, ca: str | None = None, pooler: str = Pooler.NONE, direct_url: str | None = None
) -> DatabaseAccess:
    """Return how to reach the database. Raises AddressWrong, also for a pooler without a direct address beside it."""
    kind = Pooler(pooler)
    if kind is Pooler.NONE:
        if direct_url:
            raise AddressWrong("a direct address is given, and no pooler (SWITCHYARD_DATABASE_POOLER=transaction)")
        address = parse_database_url(url, ca=ca)
        return DatabaseAccess(address, address)
    if not direct_url:
        raise AddressWrong(
            "behind a pooler in transaction mode, migrations and the job queue need PostgreSQL's own address: "
            "set SWITCHYARD_DATABASE_DIRECT_URL"
        )
    return DatabaseAccess(parse_database_url(url, ca=ca), parse_database_url(direct_url, ca=ca), kind)


def parse_database_url(url: str, *, ca: str | None = None) -> DatabaseAddress:
    """Parse `postgresql://user:password@host:port/name?parameter=value`, with libpq's own parameters.

    More than libpq takes, a `=` in a value may stand as it is: `?options=-csearch_path=mine`.

    With `ca` the server must prove its name with a certificate of that authority. Raises AddressWrong.
    """
    _check_scheme(url)
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(_with_one_sign(url)).items() if value is not None}
    except psycopg.Error as error:
        # libpq quotes the address, password and all.
        raise AddressWrong(_why(str(error))) from None
    _check_ports(given.get("port", ""))
    session = _session(given.pop("options", ""))
    return DatabaseAddress(given | _tls(given, ca), session)


def _with_one_sign(url: str) -> str:
    """Write a second `=` in a parameter as %3D: libpq refuses it ("extra key/value separator"), others take it."""
    # What stands before the first @ is a user's name and password, which may hold a ? of their own.
    user, at, rest = url.partition("@") if "@" in url else ("", "", url)
    address, mark, query = rest.partition("?")
    pairs = (pair.partition("=") for pair in query.split("&"))
    return user + at + address + mark + "&".join(name + sign + value.replace("=", "%3D") for name, sign, value in pairs)


def _check_scheme(url: str) -> None:
    if url.startswith(tuple(f"{scheme}+" for scheme in SCHEMES)):
        raise AddressWrong("must begin with postgresql://, without the name of a driver")
    split_address(url, SCHEMES)
    if "#" in url:
        raise AddressWrong("has a fragment, which does not belong there; write # in a password as %23")


def _check_ports(ports: str) -> None:
    for port in ports.split(","):
        if port and not (port.isascii() and port.isdecimal() and 1 <= int(port) <= MOST_PORT):
            raise AddressWrong(f"its port must be a number from 1 to {MOST_PORT}")


def _tls(given: Mapping[str, str], ca: str | None) -> dict[str, str]:
    if ca is None:
        return {}
    mode, root = given.get("sslmode"), given.get("sslrootcert")
    if mode is not None and mode not in _CHECKS:
        raise AddressWrong(f"sslmode={mode} does not check the certificate for which a CA is given: leave it out")
    if root is not None and root != ca:
        raise AddressWrong("sslrootcert names another file than the setting of the CA")
    return {"sslmode": mode or _CHECKS_NAMES, "sslrootcert": ca}


def _session(options: str) -> dict[str, str]:
    """Return the settings in libpq's `options`: `-c name=value` or `--name=value`, as PostgreSQL takes them."""
    try:
        words = shlex.split(options)
    except ValueError:
        raise AddressWrong("its options cannot be read: a quote or a backslash is not closed") from None
    settings: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word == "-c" and words:
            word = words.pop(0)
        elif word.startswith(("-c", "--")):
            word = word[2:]
        else:
            raise AddressWrong("its options may hold -c name=value only")
        name, found, value = word.partition("=")
        if not (found and name.replace("-", "_").replace(".", "_").isidentifier()):
            raise AddressWrong("its options may hold -c name=value only")
        settings[name.replace("-", "_").lower()] = value
    return settings


def _escape(value: str) -> str:
    """Escape as pg_split_opts reads it (src/backend/utils/init/postinit.c): a backslash before blanks and itself."""
    return "".join(f"\\{letter}" if letter.isspace() or letter == "\\" else letter for letter in value)


def _why(error: str) -> str:
    for needle, why in (
        ("invalid port", f"its port must be a number from 1 to {MOST_PORT}"),
        ("invalid percent-encoded token", "a % in it is not followed by two hexadecimal digits: write % as %25"),
        ("invalid URI query parameter", "has a parameter that PostgreSQL's library does not know"),
        ("unexpected character", "a : or / in its password or host must be written %3A or %2F"),
        ("end of string reached when looking for matching", "its IPv6 address lacks the closing ]"),
    ):
        if needle in error:
            return why
    return "is not an address that PostgreSQL's library understands"
