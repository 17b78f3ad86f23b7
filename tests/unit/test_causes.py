"""Why a server does not do what it is asked, from what libraries raise and servers answer."""

import errno
import socket
import ssl

import httpx
import pytest
from qdrant_client.http.exceptions import ResponseHandlingException
from redis import exceptions

from app.causes import REMEDIES, Cause, Finding, find_network_cause, plain
from app.inference.fleet.node_causes import cause_of_status as node_cause
from app.redis import find_cause
from app.retrieval.peer_causes import cause_of_error, cause_of_status


def certificate(code: int) -> ssl.SSLCertVerificationError:
    """Return what OpenSSL raises with this verify code."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def caused(error: BaseException, cause: BaseException) -> BaseException:
    """Return `error` as raised from `cause`."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(111, "refused"), Cause.CONNECTION_REFUSED),
        (socket.gaierror(-2, "Name or service not known"), Cause.NAME_UNKNOWN),
        (TimeoutError(), Cause.NO_ANSWER),
        (ConnectionResetError(104, "reset"), Cause.BROKE_OFF),
        (OSError(errno.EHOSTUNREACH, "no route"), Cause.UNREACHABLE),
        (OSError(errno.ENOSPC, "full"), Cause.DISK_FULL),
        (OSError(errno.EROFS, "read-only"), Cause.READ_ONLY),
        (PermissionError(errno.EACCES, "denied"), Cause.RIGHTS),
        (certificate(10), Cause.TLS_EXPIRED),
        (certificate(18), Cause.TLS_UNTRUSTED),
        (certificate(62), Cause.TLS_WRONG_HOST),
        (ssl.SSLError(1, "wrong version number"), Cause.TLS_FAILED),
        (httpx.ReadTimeout(""), Cause.NO_ANSWER),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), Cause.BROKE_OFF),
        # asyncio's create_connection, with two addresses of one name.
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1)"), Cause.CONNECTION_REFUSED),
        (httpx.ConnectError("All connection attempts failed"), None),
        (
            caused(httpx.ConnectError(""), caused(OSError("all"), ConnectionRefusedError(111, ""))),
            Cause.CONNECTION_REFUSED,
        ),
        (caused(OSError("x"), ExceptionGroup("many", [socket.gaierror(-2, "")])), Cause.NAME_UNKNOWN),
        # A TLS failure is raised inside of a connection that broke for it.
        (caused(ConnectionResetError(), certificate(10)), Cause.TLS_EXPIRED),
        (ValueError("nothing of the kind"), None),
    ],
)
def test_the_network_cause_is_found_wherever_a_library_hangs_it(error: BaseException, cause: Cause | None) -> None:
    finding = find_network_cause(error)
    assert (finding.cause if finding else None) is cause


def test_a_late_answer_tells_how_long_was_waited() -> None:
    assert find_network_cause(TimeoutError(), limit_s=2.0) == Finding(Cause.NO_ANSWER, "no answer in 2 s")


def test_every_cause_has_a_remedy() -> None:
    assert REMEDIES.keys() == set(Cause)


# The texts are those of Valkey 9 and Redis 8 (src/server.c, acl.c, db.c, networking.c), less the first word that
# redis-py takes away (redis/_parsers/base.py).
@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        (
            exceptions.AuthenticationError("invalid username-password pair or user is disabled."),
            Cause.PASSWORD,
            "WRONGPASS",
        ),
        (exceptions.ResponseError("DB index is out of range"), Cause.DATABASE, "no such database"),
        (
            exceptions.NoPermissionError("User app has no permissions to run the 'eval' command"),
            Cause.RIGHTS,
            "no permission for EVAL (NOPERM)",
        ),
        (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), Cause.LOADING, "LOADING"),
        (
            exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
            Cause.OUT_OF_MEMORY,
            "OOM",
        ),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), Cause.READ_ONLY, "READONLY"),
        (exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), Cause.DISK_FULL, "MISCONF"),
        (exceptions.ConnectionError("max number of clients reached"), Cause.BUSY, "maxclients"),
        (exceptions.ConnectionError("No connection available."), Cause.BUSY, "in use"),
        (exceptions.InvalidResponse("Protocol Error: b'HTTP/1.1 400'"), Cause.STRANGER, "not as Redis"),
        (exceptions.ResponseError("WRONGTYPE Operation against a key"), Cause.REFUSED, "WRONGTYPE"),
        (exceptions.TimeoutError("Timeout connecting to server"), Cause.NO_ANSWER, "no answer in 0.25 s"),
        (
            exceptions.ConnectionError("Error 111 connecting to h:1. Connect call failed."),
            Cause.CONNECTION_REFUSED,
            "refused",
        ),
    ],
)
def test_what_redis_says_is_told_by_its_cause(error: Exception, cause: Cause, text: str) -> None:
    finding = find_cause(error, limit_s=0.25)
    assert finding.cause is cause
    assert text in finding.text


def qdrants(words: str) -> bytes:
    """Return the body of Qdrant's refusals (lib/api/src/rest/models.rs, ApiStatus)."""
    return b'{"time": 0.1, "status": {"error": "%b"}, "result": null}' % words.encode()


@pytest.mark.parametrize(
    ("status", "body", "cause", "text"),
    [
        (401, b"Must provide an API key", Cause.API_KEY, "status 401: the api key is missing, wrong"),
        (403, qdrants("Forbidden"), Cause.API_KEY, "status 403"),
        (
            404,
            qdrants("Not found: Collection `x` doesn't exist!"),
            Cause.MISSING,
            "the collection is missing: Not found",
        ),
        (404, b"<html>nginx</html>", Cause.STRANGER, "not as Qdrant: status 404"),
        (500, qdrants("Service internal error: No space left on device"), Cause.DISK_FULL, "no space"),
        (500, qdrants("Service internal error: task panicked"), Cause.BROKEN, "status 500: Service internal error"),
        (502, b"<html>bad gateway</html>", Cause.BROKEN, "status 502"),
        (429, qdrants("rate limit"), Cause.BUSY, "status 429"),
        (400, qdrants("Wrong input: Vector dimension error"), Cause.REFUSED, "status 400: Wrong input"),
        (405, b"", Cause.STRANGER, "not as Qdrant"),
    ],
)
def test_what_qdrant_answers_is_told_by_its_cause(status: int, body: bytes, cause: Cause, text: str) -> None:
    finding = cause_of_status(status, body, "query")
    assert finding.cause is cause
    assert text in finding.text


def test_what_qdrants_client_wraps_is_unwrapped() -> None:
    refused = caused(httpx.ConnectError("All connection attempts failed"), ConnectionRefusedError(111, ""))
    assert isinstance(refused, httpx.ConnectError)
    assert cause_of_error(ResponseHandlingException(refused), limit_s=2).text == "connection refused"
    page = ResponseHandlingException(ValueError("1 validation error for ParsingModel"))
    assert cause_of_error(page, limit_s=2).text == "it answers, but not as Qdrant"


@pytest.mark.parametrize(
    ("status", "cause", "text"),
    [
        (404, Cause.STRANGER, "it answers, but not as Ollama: status 404"),
        (401, Cause.RIGHTS, "status 401"),
        (503, Cause.BUSY, "status 503"),
        (500, Cause.BROKEN, "status 500"),
    ],
)
def test_what_a_node_answers_to_a_look_is_told_by_its_cause(status: int, cause: Cause, text: str) -> None:
    finding = node_cause(status)
    assert finding.cause is cause
    assert text in finding.text


def test_a_servers_words_are_one_bounded_line() -> None:
    assert plain("a\r\nb\x1b[31m c") == "a b [31m c"
    assert len(plain("word " * 1000)) <= 210
