"""Why a Qdrant peer does not do what it is asked, from its status, its words, or what the HTTP client met."""

from http import HTTPStatus

import msgspec

from app.causes import Cause, Finding, find_network_cause, plain
from app.standing import LOOK

# What is asked of our collection; elsewhere 404 is an answer (there is no such alias yet).
_ON_THE_COLLECTION = frozenset({LOOK, "query", "count", "upsert", "remove"})
STRANGER = Finding(Cause.STRANGER, "it answers, but not as Qdrant")
_FULL = ("no space left", "disk space", "not enough space", "out of disk")


class _Status(msgspec.Struct):
    error: str = ""


class _Refusal(msgspec.Struct):
    status: _Status


def cause_of_status(status: int, content: bytes, operation: str) -> Finding:
    """Return the cause of an answer that is none: a status over 299 and its body.

    Qdrant says `{"status": {"error": "..."}}` (lib/api/src/rest/models.rs, ApiStatus); a proxy says HTML.
    """
    words = _words(content)
    said = f": {words}" if words else ""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Finding(Cause.API_KEY, f"status {status}: the api key is missing, wrong or may not do this")
        case HTTPStatus.NOT_FOUND if words is None:
            return Finding(Cause.STRANGER, "it answers, but not as Qdrant: status 404")
        case HTTPStatus.NOT_FOUND if operation in _ON_THE_COLLECTION:
            return Finding(Cause.MISSING, f"status 404: the collection is missing{said}")
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.REQUEST_TIMEOUT:
            return Finding(Cause.BUSY, f"status {status}: it has too much to do{said}")
        case _ if any(sign in (words or "").lower() for sign in _FULL) or status == HTTPStatus.INSUFFICIENT_STORAGE:
            return Finding(Cause.DISK_FULL, f"status {status}: no space is left on its disk")
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Finding(Cause.BROKEN, f"status {status}{said}")
        case _ if words is None:
            return Finding(Cause.STRANGER, f"it answers, but not as Qdrant: status {status}")
        case _:
            return Finding(Cause.REFUSED, f"status {status}{said}")


def cause_of_error(error: Exception, *, limit_s: float) -> Finding:
    """Return the cause when there was no status: the connection, or an answer that is not Qdrant's."""
    source = getattr(error, "source", None)
    # pydantic's and json's errors: the status was 200, the body was another program's.
    if isinstance(source, ValueError):
        return STRANGER
    return find_network_cause(error, limit_s=limit_s) or Finding(Cause.BROKE_OFF, "the connection broke off")


def _words(content: bytes) -> str | None:
    """Return the server's own words; None when the body is not Qdrant's."""
    try:
        return plain(msgspec.json.decode(content, type=_Refusal).status.error)
    except msgspec.MsgspecError:
        return None
