"""What an error of PostgreSQL means. Codes: appendix A of its manual; texts: libpq, the server, PgBouncer 1.18."""

import psycopg
import pytest
from psycopg import errors as pg

from app.causes import Cause
from app.errors import RowExists, StatementWrong, StoreMisconfigured, StoreUnavailable
from app.sqlstates import Fault, describe, fact_of, fault_of, finding_of, translate

UNREACHABLE = (
    'connection failed: connection to server at "127.0.0.1", port 1 failed: Connection refused',
    "connection timeout expired",
    "failed to resolve host 'nowhere': [Errno -2] Name or service not known",
    "consuming input failed: server closed the connection unexpectedly",
    "the connection is closed",
    'connection to server on socket "/x/.s.PGSQL.5432" failed: No such file or directory',
)
REFUSED_TEXTS = (
    ('FATAL:  password authentication failed for user "switchyard"', Fault.PASSWORD),
    ("fe_sendauth: no password supplied", Fault.PASSWORD),
    ('FATAL:  role "nobody" does not exist', Fault.LOGIN),
    ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "a", database "b", no encryption', Fault.LOGIN),
    ('FATAL:  database "none" does not exist', Fault.DATABASE),
    ('FATAL:  permission denied for database "switchyard"', Fault.RIGHTS),
    ("FATAL:  unsupported startup parameter: options", Fault.POOLER),
    ("FATAL:  no such user: a", Fault.LOGIN),
    ("server does not support SSL, but SSL was required", Fault.TLS),
    ("SSL error: certificate verify failed", Fault.TLS),
    ('root certificate file "/none" does not exist', Fault.TLS),
    ("session is read-only", Fault.READ_ONLY),
    ("FATAL:  Rolle »x« existiert nicht", Fault.REFUSED),
)
BUSY_TEXTS = (
    ("FATAL:  sorry, too many clients already", Fault.TOO_MANY_CONNECTIONS),
    ('FATAL:  too many connections for role "a"', Fault.TOO_MANY_CONNECTIONS),
    (
        "FATAL:  remaining connection slots are reserved for roles",
        Fault.TOO_MANY_CONNECTIONS,
    ),
    ("FATAL:  no more connections allowed (max_client_conn)", Fault.TOO_MANY_CONNECTIONS),
    ("FATAL:  query_wait_timeout", Fault.TOO_MANY_CONNECTIONS),
    ("FATAL:  the database system is starting up", Fault.STARTING),
    ("FATAL:  the database system is shutting down", Fault.STARTING),
)


@pytest.mark.parametrize("text", UNREACHABLE)
def test_it_does_not_answer_when_nothing_answered(text: str) -> None:
    fact = translate(psycopg.OperationalError(text))
    assert type(fact) is StoreUnavailable
    assert (fact.detail, fact.facts["reason"]) == ("PostgreSQL does not answer", "unreachable")


@pytest.mark.parametrize(("text", "fault"), REFUSED_TEXTS)
def test_a_connection_that_is_refused_by_configuration_says_by_what(text: str, fault: Fault) -> None:
    fact = translate(psycopg.OperationalError(f'connection to server at "h", port 5432 failed: {text}'))
    assert type(fact) is StoreMisconfigured
    assert fact.facts["reason"] == fault.value
    assert "answer" not in fact.detail


@pytest.mark.parametrize(("text", "fault"), BUSY_TEXTS)
def test_a_server_that_is_full_or_starting_says_so(text: str, fault: Fault) -> None:
    fact = translate(psycopg.OperationalError(f'connection to server at "h", port 5432 failed: {text}'))
    assert type(fact) is StoreUnavailable
    assert fact.facts["reason"] == fault.value
    assert "does not answer" not in fact.detail


@pytest.mark.parametrize(
    ("kind", "fault", "fact"),
    [
        (pg.TooManyConnections, Fault.TOO_MANY_CONNECTIONS, StoreUnavailable),
        (pg.DiskFull, Fault.RESOURCES, StoreUnavailable),
        (pg.AdminShutdown, Fault.STARTING, StoreUnavailable),
        (pg.CannotConnectNow, Fault.STARTING, StoreUnavailable),
        (pg.QueryCanceled, Fault.TOO_SLOW, StoreUnavailable),
        (pg.LockNotAvailable, Fault.TOO_SLOW, StoreUnavailable),
        (pg.IdleInTransactionSessionTimeout, Fault.TOO_SLOW, StoreUnavailable),
        (pg.DeadlockDetected, Fault.CONFLICT, StoreUnavailable),
        (pg.SerializationFailure, Fault.CONFLICT, StoreUnavailable),
        (pg.DataCorrupted, Fault.BROKEN, StoreUnavailable),
        (pg.IoError, Fault.BROKEN, StoreUnavailable),
        (pg.InvalidPassword, Fault.PASSWORD, StoreMisconfigured),
        (pg.InvalidAuthorizationSpecification, Fault.LOGIN, StoreMisconfigured),
        (pg.InvalidCatalogName, Fault.DATABASE, StoreMisconfigured),
        (pg.InsufficientPrivilege, Fault.RIGHTS, StoreMisconfigured),
        (pg.UndefinedTable, Fault.SCHEMA, StoreMisconfigured),
        (pg.UndefinedColumn, Fault.SCHEMA, StoreMisconfigured),
        (pg.UndefinedFunction, Fault.SCHEMA, StoreMisconfigured),
        (pg.InvalidSchemaName, Fault.SCHEMA, StoreMisconfigured),
        (pg.ReadOnlySqlTransaction, Fault.READ_ONLY, StoreMisconfigured),
        (pg.DuplicatePreparedStatement, Fault.POOLER, StoreMisconfigured),
        (pg.InvalidSqlStatementName, Fault.POOLER, StoreMisconfigured),
        (pg.SyntaxError, Fault.STATEMENT, StatementWrong),
        (pg.NumericValueOutOfRange, Fault.STATEMENT, StatementWrong),
        (pg.NotNullViolation, Fault.STATEMENT, StatementWrong),
        (pg.UniqueViolation, Fault.STATEMENT, RowExists),
        (psycopg.ProgrammingError, Fault.STATEMENT, StatementWrong),
        (psycopg.InterfaceError, Fault.STATEMENT, StatementWrong),
        (pg.PipelineAborted, Fault.STATEMENT, StatementWrong),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_every_class_of_codes_is_one_of_three_facts(kind: type[psycopg.Error], fault: Fault, fact: type) -> None:
    error = kind("what a user wrote")
    assert (fault_of(error), type(translate(error))) == (fault, fact)
    assert "what a user wrote" not in str(translate(error))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.SCHEMA, "switchyard migrate"),
        (Fault.RIGHTS, "grant"),
        (Fault.POOLER, "SWITCHYARD_DATABASE_POOLER=transaction"),
        (Fault.TOO_MANY_CONNECTIONS, "SWITCHYARD_DATABASE_POOL_SIZE"),
        (Fault.TLS, "SWITCHYARD_DATABASE_CA"),
    ],
)
def test_a_fault_says_what_to_do(fault: Fault, words: str) -> None:
    assert words in describe(fault)


def test_every_fault_has_its_fact_and_its_sentence() -> None:
    assert all(fact_of(fault).facts["reason"] == fault.value and describe(fault) for fault in Fault)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (UNREACHABLE[0], Cause.CONNECTION_REFUSED),
        (UNREACHABLE[1], Cause.NO_ANSWER),
        (UNREACHABLE[2], Cause.NAME_UNKNOWN),
        (UNREACHABLE[3], Cause.BROKE_OFF),
        ('server certificate for "a" does not match host name "b"', Cause.TLS_WRONG_HOST),
        ("SSL error: certificate verify failed", Cause.TLS_UNTRUSTED),
        ("server does not support SSL, but SSL was required", Cause.TLS_FAILED),
        ('FATAL:  password authentication failed for user "a"', Cause.PASSWORD),
    ],
)
def test_a_connection_that_is_not_made_has_a_cause_and_a_remedy(text: str, cause: Cause) -> None:
    error = psycopg.OperationalError(text)
    finding = finding_of(fault_of(error), error)
    assert finding.cause is cause
    assert finding.advice
    assert finding.advice != finding.text


def test_every_fault_says_its_cause_and_what_to_do() -> None:
    for fault in Fault:
        assert finding_of(fault).text
        assert finding_of(fault).advice
