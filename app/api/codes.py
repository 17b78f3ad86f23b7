"""Every code that somebody can meet, in one table: both pages of codes are written from it."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from app import errors
from app.api.problems import ROUTER_CODES, STATUSES, ClientLeft, status_of, title_of
from app.errors import Refused, SwitchyardError, Unavailable, is_retryable
from app.retrieval.states import GONE, DocumentState, code_of
from app.retrieval.unreadable import WORDS, Unreadable


class Place(StrEnum):
    """Where a code is met."""

    ANSWER = "answer"
    """A problem document, or the `error` event of a stream."""
    JOB = "job"
    """`error` of an ingestion job."""
    LOG = "log"
    """A line of the log, or the command line: the client is told `internal` where it is told at all."""


class Code(msgspec.Struct, frozen=True, order=True):
    """A code as the pages tell of it; `status` is the answer's."""

    name: str
    status: int | None
    text: str
    may_work_later: bool
    place: Place


TITLE = "Error codes"
TEXT = (
    "Every refusal is a problem document (RFC 9457, `application/problem+json`) with `type`, `title`, `status`, "
    "`detail`, `code`, `request_id` and `retryable`; facts of the case follow as further members. `code` is stable. "
    "Responses with status 429, 503 or 504 carry `Retry-After`. After the first byte of a stream, the same document "
    "comes as its `error` event. nginx, in front of the replicas, says `unavailable`, mostly `rate_limited`, and what "
    "it refuses itself in the same shape. A job that failed or waits has a code in its `error`: one met in a job "
    "or in an answer. Clients are told `internal` where the log says more. `reason` of `run_failed` is "
    "one of the words of RunFailure."
)
HEAD = ("code", "status", "met in", "what happened", "the same request may work later")

# Nobody reads an answer with these; one has a status that is counted all the same.
LOGGED: Mapping[type[SwitchyardError], int | None] = {
    ClientLeft: STATUSES[ClientLeft],
    errors.LeaseLost: None,
    errors.StatementWrong: None,
    errors.RowExists: None,
    errors.TenantUnknown: None,
    errors.TenantRevoked: None,
}
# Branches of the tree, which nobody raises as they are.
BRANCHES = (SwitchyardError, Refused, Unavailable)
# nginx alone says it: no replica answered.
EDGE_CODES = ((Unavailable.code, 503, "No replica answered"),)
LEFT: dict[DocumentState, str] = {
    DocumentState.FAILED: "The document had failed before the job came to it.",
    DocumentState.SUPERSEDED: "A newer version of the document became ready first.",
    DocumentState.DELETED: "The document was removed before the job came to it.",
}


def codes() -> Sequence[Code]:
    """Return every code once, in the order of their names."""
    return sorted((*_of_errors(), *_of_the_way(), *_of_jobs()))


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the cells of a line for each code, under HEAD; the texts are Markdown."""
    for code in codes():
        status = "" if code.status is None else str(code.status)
        yield f"`{code.name}`", status, code.place.value, code.text, "yes" if code.may_work_later else "no"


def _of_errors() -> Iterator[Code]:
    for kind in STATUSES:
        if kind in BRANCHES:
            continue
        place = Place.LOG if kind in LOGGED else Place.ANSWER
        yield Code(kind.code, LOGGED.get(kind, status_of(kind)), f"{title_of(kind)}.", is_retryable(kind), place)


def _of_the_way() -> Iterator[Code]:
    for name, status, title in ROUTER_CODES:
        yield Code(name, status, f"{title}.", may_work_later=False, place=Place.ANSWER)
    for name, status, title in EDGE_CODES:
        yield Code(name, status, f"{title}.", may_work_later=True, place=Place.ANSWER)


def _of_jobs() -> Iterator[Code]:
    for why in Unreadable:
        yield Code(why.value, None, f"{WORDS[why][0].upper()}{WORDS[why][1:]}.", may_work_later=False, place=Place.JOB)
    for state in GONE:
        yield Code(code_of(state), None, LEFT[state], may_work_later=False, place=Place.JOB)
