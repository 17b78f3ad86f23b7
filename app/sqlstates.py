"""What an error of PostgreSQL means: nothing answered, it refuses what an operator set, or our statement is wrong.

Codes are from PostgreSQL's appendix A (https://www.postgresql.org/docs/18/errcodes-appendix.html). A connection that
cannot be made has no code, only text: the client library's own (src/interfaces/libpq/fe-connect.c), the server's FATAL
line (src/backend/libpq/auth.c, utils/init/postinit.c), or PgBouncer's (src/client.c, src/objects.c): 08P01 for all.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never

import psycopg

from app.causes import Cause, Finding, find_network_cause
from app.errors import RowExists, StatementWrong, StoreMisconfigured, StoreUnavailable, SwitchyardError

STORE = "postgres"
_UNIQUE_VIOLATION = "23505"


class Fault(StrEnum):
    """Why PostgreSQL does not do what it is asked."""

    UNREACHABLE = "unreachable"
    LATE = "late"
    STARTING = "starting"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    POOL_EXHAUSTED = "pool_exhausted"
    RESOURCES = "resources"
    TOO_SLOW = "too_slow"
    CONFLICT = "conflict"
    BROKEN = "broken"
    CLOSING = "closing"
    PASSWORD = "password"  # noqa: S105 - a word, no password
    LOGIN = "login"
    DATABASE = "database"
    RIGHTS = "rights"
    SCHEMA = "schema"
    READ_ONLY = "read_only"
    POOLER = "pooler"
    TLS = "tls"
    REFUSED = "refused"
    STATEMENT = "statement"


_CODES: Mapping[str, Fault] = {
    "25006": Fault.READ_ONLY,
    "25P03": Fault.TOO_SLOW,
    "25P04": Fault.TOO_SLOW,
    "26000": Fault.POOLER,
    "28P01": Fault.PASSWORD,
    "3D000": Fault.DATABASE,
    "3F000": Fault.SCHEMA,
    "42501": Fault.RIGHTS,
    "42703": Fault.SCHEMA,
    "42704": Fault.SCHEMA,
    "42883": Fault.SCHEMA,
    "42P01": Fault.SCHEMA,
    "42P05": Fault.POOLER,
    "53300": Fault.TOO_MANY_CONNECTIONS,
    "55P03": Fault.TOO_SLOW,
    "57014": Fault.TOO_SLOW,
    "57P04": Fault.DATABASE,
    "57P05": Fault.UNREACHABLE,
}
# 40: serialization failure, deadlock. 57P: shutdown, crash, "cannot connect now". 58, XX: the server's own trouble.
_CLASSES: Mapping[str, Fault] = {
    "28": Fault.LOGIN,
    "40": Fault.CONFLICT,
    "53": Fault.RESOURCES,
    "57": Fault.STARTING,
    "58": Fault.BROKEN,
    "F0": Fault.BROKEN,
    "XX": Fault.BROKEN,
}
_TEXTS: tuple[tuple[str, Fault], ...] = (
    (r"unsupported startup parameter", Fault.POOLER),
    (r"prepared statement .* (does not|already) exist", Fault.POOLER),
    (r"password authentication failed|no password supplied|SASL authentication failed|wrong password", Fault.PASSWORD),
    (r"role .* does not exist|not permitted to log in|pg_hba\.conf|no such user|authentication failed", Fault.LOGIN),
    (r"database .* does not exist|no such database|not currently accepting connections", Fault.DATABASE),
    (r"permission denied for database", Fault.RIGHTS),
    (
        r"too many clients|too many connections|connection slots are reserved|no more connections",
        Fault.TOO_MANY_CONNECTIONS,
    ),
    (r"query_wait_timeout|pooler is full", Fault.TOO_MANY_CONNECTIONS),
    (r"the database system is|administrator command|pgbouncer .*shut", Fault.STARTING),
    (r"certificate verify failed|does not support SSL|root certificate|server certificate|SSL error", Fault.TLS),
    (r"session is read-only|hot standby mode", Fault.READ_ONLY),
    (r"FATAL: .*could not", Fault.BROKEN),
)
_UNREACHABLE = re.compile(
    r"connection refused|timeout expired|could not translate host name|no route to host|network is unreachable|"
    r"server closed the connection|connection reset|broken pipe|no such file or directory|connection is closed|"
    r"the connection is lost|consuming input failed|connection timeout|name or service not known",
    re.IGNORECASE,
)
_WORDS: tuple[tuple[re.Pattern[str], Fault], ...] = tuple(
    (re.compile(text, re.IGNORECASE), fault) for text, fault in _TEXTS
)


def fault_of(error: psycopg.Error) -> Fault:
    """Return why PostgreSQL did not do what it was asked."""
    code = error.sqlstate or ""
    if code and not code.startswith("08"):
        return _CODES.get(code) or _CLASSES.get(code[:2]) or Fault.STATEMENT
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, psycopg.errors.PipelineAborted):
        return Fault.STATEMENT
    text = str(error)
    found = next((fault for pattern, fault in _WORDS if pattern.search(text)), None)
    if found is not None:
        return found
    # A server may speak another language; `FATAL` it says in most, and it said something.
    is_answer = "FATAL" in text and not _UNREACHABLE.search(text)
    return Fault.REFUSED if is_answer else Fault.UNREACHABLE


def translate(error: psycopg.Error) -> SwitchyardError:
    """Return the fact that `error` is: StoreUnavailable, StoreMisconfigured, or StatementWrong."""
    return fact_of(fault_of(error), error.sqlstate)


def find_fact(error: BaseException) -> SwitchyardError | None:
    """Return what the error of PostgreSQL means that another library's `error` was raised from, if one was."""
    return translate(error.__cause__) if isinstance(error.__cause__, psycopg.Error) else None


def fact_of(fault: Fault, sqlstate: str | None = None) -> SwitchyardError:
    """Return the fact of a fault, with what to do where there is something to do."""
    text = describe(fault)
    match fault:
        case (
            Fault.UNREACHABLE
            | Fault.LATE
            | Fault.STARTING
            | Fault.TOO_MANY_CONNECTIONS
            | Fault.POOL_EXHAUSTED
            | Fault.RESOURCES
            | Fault.TOO_SLOW
            | Fault.CONFLICT
            | Fault.BROKEN
            | Fault.CLOSING
        ):
            return StoreUnavailable(text, store=STORE, reason=fault.value, sqlstate=sqlstate)
        case (
            Fault.PASSWORD
            | Fault.LOGIN
            | Fault.DATABASE
            | Fault.RIGHTS
            | Fault.SCHEMA
            | Fault.READ_ONLY
            | Fault.POOLER
            | Fault.TLS
            | Fault.REFUSED
        ):
            return StoreMisconfigured(text, store=STORE, reason=fault.value, sqlstate=sqlstate)
        case Fault.STATEMENT:
            kind = RowExists if sqlstate == _UNIQUE_VIOLATION else StatementWrong
            return kind(f"{text} ({sqlstate or 'no code'})", store=STORE, reason=fault.value)
        case _:
            assert_never(fault)


def finding_of(fault: Fault, error: psycopg.Error | None = None) -> Finding:
    """Return what a fault says of PostgreSQL itself; `error`, of a connection that was not made, says it nearer."""
    if error is not None and fault is Fault.UNREACHABLE:
        return find_network_cause(error) or Finding(Cause.BROKE_OFF, "the connection broke off")
    if error is not None and fault is Fault.TLS:
        return next((finding for words, finding in _TLS if re.search(words, str(error), re.IGNORECASE)), _TLS_FAILED)
    text, _, remedy = describe(fault).partition(": ")
    return Finding(_CAUSES[fault], text, remedy)


def describe(fault: Fault) -> str:
    """Return a sentence about a fault, and what to do about it."""
    return _SENTENCES[fault]


# Of src/interfaces/libpq/fe-secure-common.c and fe-secure-openssl.c.
_TLS: tuple[tuple[str, Finding], ...] = (
    (r"does not match host name", Finding(Cause.TLS_WRONG_HOST, "TLS: the certificate is for another host")),
    (r"expired", Finding(Cause.TLS_EXPIRED, "TLS: the certificate has expired")),
    (
        r"certificate verify failed|root certificate",
        Finding(Cause.TLS_UNTRUSTED, "TLS: the certificate is not trusted", "name its CA in SWITCHYARD_DATABASE_CA"),
    ),
)
_TLS_FAILED = Finding(Cause.TLS_FAILED, "TLS: PostgreSQL does not agree on it", "look at sslmode in the address")
_CAUSES: Mapping[Fault, Cause] = {
    Fault.UNREACHABLE: Cause.CONNECTION_REFUSED,
    Fault.LATE: Cause.NO_ANSWER,
    Fault.STARTING: Cause.LOADING,
    Fault.TOO_MANY_CONNECTIONS: Cause.BUSY,
    Fault.POOL_EXHAUSTED: Cause.BUSY,
    Fault.RESOURCES: Cause.OUT_OF_MEMORY,
    Fault.TOO_SLOW: Cause.BUSY,
    Fault.CONFLICT: Cause.BUSY,
    Fault.BROKEN: Cause.BROKEN,
    Fault.CLOSING: Cause.BUSY,
    Fault.PASSWORD: Cause.PASSWORD,
    Fault.LOGIN: Cause.PASSWORD,
    Fault.DATABASE: Cause.DATABASE,
    Fault.RIGHTS: Cause.RIGHTS,
    Fault.SCHEMA: Cause.SCHEMA,
    Fault.READ_ONLY: Cause.READ_ONLY,
    Fault.POOLER: Cause.REFUSED,
    Fault.TLS: Cause.TLS_FAILED,
    Fault.REFUSED: Cause.REFUSED,
    Fault.STATEMENT: Cause.REFUSED,
}

_SENTENCES: Mapping[Fault, str] = {
    Fault.UNREACHABLE: "PostgreSQL does not answer",
    Fault.LATE: "PostgreSQL does not answer in time",
    Fault.STARTING: "PostgreSQL is starting or stopping",
    Fault.TOO_MANY_CONNECTIONS: "PostgreSQL or its pooler takes no more connections: raise its limit, or lower "
    "SWITCHYARD_DATABASE_POOL_SIZE",
    Fault.POOL_EXHAUSTED: "every connection of this process to PostgreSQL is in use (SWITCHYARD_DATABASE_POOL_SIZE)",
    Fault.RESOURCES: "PostgreSQL is out of memory or disk",
    Fault.TOO_SLOW: "PostgreSQL took too long over a statement, or a lock was not to be had in time",
    Fault.CONFLICT: "PostgreSQL undid a transaction that collided with another",
    Fault.BROKEN: "PostgreSQL reports trouble of its own: its log says more",
    Fault.CLOSING: "this process is stopping",
    Fault.PASSWORD: "PostgreSQL refuses the password of the database's address",
    Fault.LOGIN: "PostgreSQL does not let the role of the database's address log in from here",
    Fault.DATABASE: "PostgreSQL has no database of the name in the database's address, or closes it to us",
    Fault.RIGHTS: "the role of the database's address may not use the tables: let it own them, or run "
    "`switchyard migrate` as their owner and grant it SELECT, INSERT, UPDATE and DELETE on all of them",
    Fault.SCHEMA: "the tables in PostgreSQL are not those of this version: run `switchyard migrate`",
    Fault.READ_ONLY: "PostgreSQL at this address is read-only: a standby, or after a failover; name the primary",
    Fault.POOLER: "a pooler in transaction mode seems to stand before PostgreSQL: set "
    "SWITCHYARD_DATABASE_POOLER=transaction and SWITCHYARD_DATABASE_DIRECT_URL",
    Fault.TLS: "the encrypted connection to PostgreSQL cannot be made or trusted: look at SWITCHYARD_DATABASE_CA "
    "and sslmode",
    Fault.REFUSED: "PostgreSQL refuses the connection: the log has its words",
    Fault.STATEMENT: "PostgreSQL refuses a statement",
}
