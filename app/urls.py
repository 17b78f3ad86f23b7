"""Addresses of servers, taken apart and checked. No reason quotes the address: it may hold a password."""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import SplitResult, parse_qsl, urlsplit

MOST_PORT = 65_535
DEFAULT_PORTS = {"http": 80, "https": 443}
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")


class AddressWrong(Exception):
    """A text is not the address that is asked for; the message is the reason and quotes nothing of it."""


def is_host(text: str) -> bool:
    """Whether `text` is a host name, an IPv4 address or an IPv6 address without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        # What ends in a number would be an IPv4 address (WHATWG URL, "ends in a number"), and is none.
        last = text.removesuffix(".").rpartition(".")[2]
        return len(text) <= 253 and _NAME.fullmatch(text) is not None and not last.isdecimal()
    return True


def split_address(text: str, schemes: Collection[str]) -> SplitResult:
    """Return the parts of `scheme://[user[:password]@]host[:port]…`. Raises AddressWrong.

    The scheme is one of `schemes`, the host a name or an address, the port 1 to 65535; there are no blanks.
    """
    if not text:
        raise AddressWrong("is empty")
    if _BLANKS.search(text):
        raise AddressWrong("has a blank or a control character in it")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise AddressWrong("its host in brackets is not an IPv6 address") from None
    if parts.scheme not in schemes or not text.lower().startswith(f"{parts.scheme}://"):
        raise AddressWrong(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return parts


def check_host(parts: SplitResult) -> None:
    """Raise AddressWrong unless there is one host, and a port that can be if there is one."""
    host = _host(parts)
    if not host:
        raise AddressWrong("has no host")
    if not is_host(host):
        raise AddressWrong("its host is neither a name nor an address")
    if parts.netloc.endswith(":"):
        raise AddressWrong("has a colon and no port after it")
    try:
        is_port = parts.port is None or 1 <= parts.port <= MOST_PORT
    except ValueError:
        is_port = False
    if not is_port:
        raise AddressWrong(f"its port must be a number from 1 to {MOST_PORT}")


def _host(parts: SplitResult) -> str:
    try:
        return parts.hostname or ""
    except ValueError:
        return ""


def read_http_address(text: str) -> str:
    """Return the address of an HTTP server, without a slash at its end. Raises AddressWrong.

    It may have a path, but no user, password, query or fragment.
    """
    parts = split_address(text, ("http", "https"))
    if "@" in parts.netloc:
        raise AddressWrong("has a user or a password in it, which do not belong there")
    check_host(parts)
    if "?" in text or "#" in text:
        raise AddressWrong("has a query or a fragment, which do not belong there")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def read_bucket_address(text: str) -> str:
    """Return the address of a bucket: an HTTP server's, with the bucket as its path. Raises AddressWrong."""
    found = read_http_address(text)
    folders = urlsplit(found).path.split("/")[1:]
    if not folders or not all(_FOLDER.fullmatch(folder) for folder in folders):
        raise AddressWrong("has no bucket as its path, or one with other signs than letters, digits, `.`, `_` and `-`")
    return found


def normal_address(text: str) -> str:
    """Return a checked HTTP address in the one way of writing it, to compare addresses (RFC 3986, 6.2.2 and 6.2.3).

    Case of scheme and host, the scheme's own port and a slash or dot at the end make no difference. `localhost` is
    127.0.0.1: a node that is written both ways is one node.
    """
    parts = urlsplit(text)
    host = (parts.hostname or "").rstrip(".")
    try:
        host = ipaddress.ip_address(host).compressed
    except ValueError:
        host = "127.0.0.1" if host == "localhost" else host
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}{parts.path.rstrip('/')}"


def read_origin(text: str) -> str:
    """Return an origin as browsers send it (RFC 6454, 6.2): small letters, no default port. Raises AddressWrong."""
    parts = split_address(text, ("http", "https"))
    if "@" in parts.netloc:
        raise AddressWrong("has a user or a password in it, which do not belong there")
    check_host(parts)
    if parts.path or "?" in text or "#" in text:
        raise AddressWrong("is an origin: scheme://host[:port] and nothing after it, not even a slash")
    host = parts.hostname or ""
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def read_redis_address(text: str) -> str:
    """Return the address of a Redis: `redis://`, `rediss://` (TLS) or `unix:///socket`. Raises AddressWrong.

    redis-py (`redis.asyncio.connection.parse_url`) takes a path that is no number for database 0, and lets options of
    the query replace time limits, so both are checked here.
    """
    parts = split_address(text, ("redis", "rediss", "unix"))
    if "#" in text:
        raise AddressWrong("has a fragment, which does not belong there; write # in a password as %23")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "unix":
        if parts.hostname or not parts.path.strip("/"):
            raise AddressWrong("must name a socket file: unix:///path")
        if options.keys() - {"db"} or not options.get("db", "0").isdecimal():
            raise AddressWrong("its query may have a number for `db` only")
        return text
    check_host(parts)
    number = parts.path.removeprefix("/")
    if number and not (number.isascii() and number.isdecimal()):
        raise AddressWrong("its path must be the number of a database, like /0; write / in a password as %2F")
    if (parts.scheme == "redis" and options) or any(not key.startswith("ssl_") for key in options):
        raise AddressWrong("its query may have ssl_… options of rediss:// only")
    return text
