"""Why a store or a node does not do what it is asked, in words of a closed set, and what to do about each."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

TEXT_CHARS = 200
CHAIN_LIMIT = 20


class Cause(StrEnum):
    """Why. Those up to `broke_off` mean that nothing answered; with all others something did."""

    CONNECTION_REFUSED = "connection_refused"
    """Nothing listens at the address."""
    NO_ANSWER = "no_answer"
    """No answer came in time."""
    NAME_UNKNOWN = "name_unknown"
    """The host's name is not known."""
    UNREACHABLE = "unreachable"
    """There is no way to the host."""
    BROKE_OFF = "broke_off"
    """The connection was closed before an answer."""
    TLS_EXPIRED = "tls_expired"
    """The server's certificate has expired or is not valid yet."""
    TLS_UNTRUSTED = "tls_untrusted"
    """Nobody who is trusted signed the server's certificate."""
    TLS_WRONG_HOST = "tls_wrong_host"
    """The certificate is for another host."""
    TLS_FAILED = "tls_failed"
    """TLS was not agreed on."""
    PASSWORD = "password"  # noqa: S105 - a word, no password
    """User or password are wrong."""
    API_KEY = "api_key"
    """The api key is missing, wrong or may not do this."""
    RIGHTS = "rights"
    """The user may not do this."""
    DATABASE = "database"
    """There is no such database."""
    SCHEMA = "schema"
    """The tables are not those of this version."""
    MISSING = "missing"
    """The collection, or each model of a node, is not there."""
    READ_ONLY = "read_only"
    """It cannot be written now."""
    DISK_FULL = "disk_full"
    """No space is left."""
    LOADING = "loading"
    """It is starting or stopping."""
    OUT_OF_MEMORY = "out_of_memory"
    """Its memory is used up."""
    BUSY = "busy"
    """It has too much to do, or takes no more connections."""
    BROKEN = "broken"
    """It reports trouble of its own."""
    STRANGER = "stranger"
    """Another program answers there."""
    REFUSED = "refused"
    """It refuses a request of ours."""
    UNSEEN = "unseen"
    """Nobody has looked at the node yet."""
    DRAINED = "drained"
    """An operator drains the node."""

    @property
    def is_silence(self) -> bool:
        """Whether nothing answered."""
        return self in _SILENT

    @property
    def is_setting(self) -> bool:
        """Whether an operator must change something: waiting alone does not help."""
        return self in _SETTINGS


_SILENT = frozenset({Cause.CONNECTION_REFUSED, Cause.NO_ANSWER, Cause.NAME_UNKNOWN, Cause.UNREACHABLE, Cause.BROKE_OFF})
_SETTINGS = frozenset(
    {
        *(Cause.TLS_EXPIRED, Cause.TLS_UNTRUSTED, Cause.TLS_WRONG_HOST, Cause.TLS_FAILED),
        *(Cause.PASSWORD, Cause.API_KEY, Cause.RIGHTS, Cause.DATABASE, Cause.SCHEMA, Cause.STRANGER),
    }
)

REMEDIES: Mapping[Cause, str] = {
    Cause.CONNECTION_REFUSED: "start the server, or correct its address and port",
    Cause.NO_ANSWER: "see whether the server hangs or is overloaded, and whether a firewall drops what is sent to it",
    Cause.NAME_UNKNOWN: "correct the host's name in the address, or add it to DNS",
    Cause.UNREACHABLE: "look at routes and firewalls between this process and the server",
    Cause.BROKE_OFF: "read the server's log: it closed the connection",
    Cause.TLS_EXPIRED: "renew the server's certificate, or correct this machine's clock",
    Cause.TLS_UNTRUSTED: "name the CA that signed the server's certificate in the setting that ends in _CA",
    Cause.TLS_WRONG_HOST: "use a name in the address that is in the server's certificate",
    Cause.TLS_FAILED: "see whether the server speaks TLS at this port, and which versions",
    Cause.PASSWORD: "correct user and password in the address",
    Cause.API_KEY: "give the server's api key in SWITCHYARD_QDRANT_API_KEY",
    Cause.RIGHTS: "give the user of the address the right that is named",
    Cause.DATABASE: "correct the database in the address, or make it",
    Cause.SCHEMA: "run `switchyard migrate`",
    Cause.MISSING: "wait a moment: this process makes it; if it stays away, read the server's log",
    Cause.READ_ONLY: "name the primary in the address, or make the place writable",
    Cause.DISK_FULL: "free space on the disk, or give it more",
    Cause.LOADING: "wait: it reads its data, and serves after that",
    Cause.OUT_OF_MEMORY: "give it more memory, or have it hold less",
    Cause.BUSY: "wait, or raise the limit of connections and requests that it names",
    Cause.BROKEN: "read the server's log: it reports trouble of its own",
    Cause.STRANGER: "correct the address: another program answers there",
    Cause.REFUSED: "read what it answered: it does not take what this version of Switchyard asks",
    Cause.UNSEEN: "wait a moment: each node is looked at every few seconds",
    Cause.DRAINED: "undrain it when it may take calls again",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a store or node: the cause, a text for people without credentials, and what to do."""

    cause: Cause
    text: str
    remedy: str = ""

    @property
    def advice(self) -> str:
        """What to do, in one sentence."""
        return self.remedy or REMEDIES[self.cause]


def plain(text: str) -> str:
    """Return a server's words as one bounded line."""
    shown = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return shown if len(shown) <= TEXT_CHARS else f"{shown[:TEXT_CHARS].rpartition(' ')[0]} ..."


def find_network_cause(error: BaseException, *, limit_s: float | None = None) -> Finding | None:
    """Return why a server could not be asked, from the first error of the chain that says so; None if none does.

    `limit_s` is how long was waited, for the text.
    """
    links = list(_chain(error))
    for find in (_tls, _by_class, _by_number, _by_text):
        for link in links:
            finding = find(link)
            if finding is not None:
                return _late(limit_s) if finding.cause is Cause.NO_ANSWER else finding
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, what caused it, and what libraries hang elsewhere: groups, `source`, `os_error`."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < CHAIN_LIMIT:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__, getattr(link, "source", None), getattr(link, "os_error", None)]
        waiting += getattr(link, "exceptions", ())
        waiting += [argument for argument in link.args if isinstance(argument, BaseException)]


def _late(limit_s: float | None) -> Finding:
    return Finding(Cause.NO_ANSWER, "no answer in time" if limit_s is None else f"no answer in {limit_s:g} s")


# OpenSSL's include/openssl/x509_vfy.h: X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_MISMATCH.
_EXPIRED, _WRONG_HOST = frozenset({9, 10}), frozenset({62, 64})


def _tls(error: BaseException) -> Finding | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _EXPIRED:
            return Finding(Cause.TLS_EXPIRED, "TLS: the certificate has expired or is not valid yet")
        if error.verify_code in _WRONG_HOST:
            return Finding(Cause.TLS_WRONG_HOST, "TLS: the certificate is for another host")
        return Finding(Cause.TLS_UNTRUSTED, "TLS: the certificate is not trusted")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        reason = getattr(error, "reason", None)  # one that was not raised by OpenSSL has none
        return Finding(Cause.TLS_FAILED, f"TLS: {plain(reason or 'the handshake failed').lower()}")
    return None


def _by_class(error: BaseException) -> Finding | None:
    match error:
        case socket.gaierror():
            return Finding(Cause.NAME_UNKNOWN, "the host's name is not known")
        case ConnectionRefusedError():
            return Finding(Cause.CONNECTION_REFUSED, "connection refused")
        case TimeoutError():
            return Finding(Cause.NO_ANSWER, "")
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError() | ssl.SSLEOFError():
            return Finding(Cause.BROKE_OFF, "the connection broke off")
        case _:
            return None


_NUMBERS: Mapping[int, Finding] = {
    errno.EHOSTUNREACH: Finding(Cause.UNREACHABLE, "no route to the host"),
    errno.ENETUNREACH: Finding(Cause.UNREACHABLE, "the network is unreachable"),
    errno.ENOSPC: Finding(Cause.DISK_FULL, "no space is left on the disk"),
    errno.EDQUOT: Finding(Cause.DISK_FULL, "the quota of the disk is used up"),
    errno.EROFS: Finding(Cause.READ_ONLY, "the file system is read-only"),
    errno.EACCES: Finding(Cause.RIGHTS, "no permission for the file or directory"),
    errno.EPERM: Finding(Cause.RIGHTS, "the operation is not permitted"),
    errno.EMFILE: Finding(Cause.BUSY, "this process has too many open files"),
    errno.ENFILE: Finding(Cause.BUSY, "this machine has too many open files"),
    errno.EIO: Finding(Cause.BROKEN, "the disk reports an error"),
}


def _by_number(error: BaseException) -> Finding | None:
    return _NUMBERS.get(error.errno or 0) if isinstance(error, OSError) else None


# What is left when a library keeps the text alone: httpcore, anyio, redis-py and asyncio's "Multiple exceptions".
_TEXTS: tuple[tuple[re.Pattern[str], Finding], ...] = tuple(
    (re.compile(words, re.IGNORECASE), finding)
    for words, finding in (
        (r"connection refused|connect call failed|errno 111", Finding(Cause.CONNECTION_REFUSED, "connection refused")),
        (
            r"name or service not known|name resolution|nodename nor servname|getaddrinfo|no address associated",
            Finding(Cause.NAME_UNKNOWN, "the host's name is not known"),
        ),
        (r"no route to host|network is unreachable", Finding(Cause.UNREACHABLE, "no route to the host")),
        (r"timed? ?out|timeout", Finding(Cause.NO_ANSWER, "")),
        (
            r"disconnected|closed by server|connection reset|connection lost|incomplete|closed connection",
            Finding(Cause.BROKE_OFF, "the connection broke off"),
        ),
    )
)


def _by_text(error: BaseException) -> Finding | None:
    text = f"{type(error).__name__} {error}"
    return next((finding for pattern, finding in _TEXTS if pattern.search(text)), None)
