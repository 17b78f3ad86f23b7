"""Problem documents (RFC 9457): one table from error class to status."""

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.exceptions import HTTPException

from app import errors
from app.agents.feedback import FeedbackUnknown
from app.agents.scheduler.refusals import EventUnknown
from app.agents.task_refusals import TaskNotRequeuable, TooManyTasks
from app.api.queue_headers import refused_headers
from app.callback_urls import CallbackRefused
from app.errors import Refused, SwitchyardError, Unavailable
from app.jobs.refusals import FollowersFull, JobNotCancellable
from app.webhooks.rows import DeliveryUnknown

MEDIA_TYPE = "application/problem+json"
INTERNAL_DETAIL = "The request failed inside Switchyard. Its request_id finds the cause in the logs."


class ClientLeft(SwitchyardError):
    """The client closed the connection before its answer."""

    code = "client_left"


class BodyTooSlow(Refused):
    """The request's body stopped coming."""

    code = "body_too_slow"


class RangeUnsatisfiable(Refused):
    """The range that is asked for begins behind the end of the file."""

    code = "range_unsatisfiable"


class CodingUnknown(Refused):
    """This content coding is not taken here."""

    code = "content_coding_unknown"


class RateLimited(Unavailable):
    """Too many requests came with this key or from this address."""

    code = "rate_limited"


class StillRunning(Unavailable):
    """The run has not ended in the time that a JSON request may wait; read it at `/api/v1/runs/{run_id}`."""

    code = "still_running"


# Every class of app/errors.py that may reach the edge; a test walks the tree.
STATUSES: Mapping[type[SwitchyardError], int] = {
    errors.BadInput: 422,
    errors.FieldRefused: 422,
    errors.KeyUnknown: 401,
    errors.NotPermitted: 403,
    errors.TenantUnknown: 404,
    errors.TenantRevoked: 403,
    errors.SessionUnknown: 404,
    errors.SessionBusy: 409,
    errors.RunNotWaiting: 409,
    errors.InterruptUnknown: 409,
    errors.InterruptExpired: 409,
    errors.RunUnknown: 404,
    FeedbackUnknown: 404,
    errors.RouteUnknown: 404,
    errors.DocumentUnknown: 404,
    errors.JobUnknown: 404,
    JobNotCancellable: 409,
    TaskNotRequeuable: 409,
    CallbackRefused: 422,
    DeliveryUnknown: 404,
    EventUnknown: 404,
    errors.ModelUnknown: 422,
    errors.NodeUnknown: 404,
    errors.NodeExists: 409,
    errors.IdempotencyMismatch: 422,
    errors.ContractUnmet: 409,
    errors.AbilityMissing: 422,
    errors.ContextTooLong: 422,
    errors.NodeRefused: 422,
    errors.ToolRefused: 422,
    errors.RunCancelled: 409,
    errors.MediaTypeUnknown: 415,
    errors.BodyTooLarge: 413,
    RangeUnsatisfiable: 416,
    errors.NoNodeAvailable: 503,
    errors.NoSlotInTime: 503,
    errors.NodeFailed: 503,
    errors.AnswerEmpty: 503,
    errors.AnswerBroken: 503,
    errors.StructureUnmet: 503,
    errors.ToolFailed: 503,
    errors.DeadlineExceeded: 504,
    errors.TimeLimitReached: 503,
    errors.StoreUnavailable: 503,
    errors.StoreMisconfigured: 503,
    FollowersFull: 503,
    errors.Draining: 503,
    errors.RunFailed: 500,
    errors.LeaseLost: 500,
    errors.StatementWrong: 500,
    errors.RowExists: 500,
    errors.Refused: 422,
    errors.Unavailable: 503,
    ClientLeft: 499,
    BodyTooSlow: 408,
    CodingUnknown: 415,
    StillRunning: 504,
    RateLimited: 429,
    TooManyTasks: 429,
    SwitchyardError: 500,
}
# What the router itself refuses, and what nobody foresaw.
ROUTER_CODES = (
    ("bad_request", 400, "The request cannot be read"),
    ("not_found", 404, "There is nothing at this path"),
    ("method_not_allowed", 405, "This path does not take this method"),
    ("internal", 500, "Something broke inside Switchyard"),
)
_OWN_MEMBERS = frozenset({"type", "title", "status", "detail", "code", "request_id", "retryable"})


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A problem as it is written (RFC 9457). Facts of the case follow as further members."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    retryable: bool


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, before it is written; `facts` become further members of the document."""

    status: int
    code: str
    title: str
    detail: str
    retryable: bool = False
    headers: Mapping[str, str] = {}
    facts: Mapping[str, Any] = {}

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the members in the order that RFC 9457 lists them, then ours."""
        facts = {key: value for key, value in self.facts.items() if key not in _OWN_MEMBERS and value is not None}
        return {
            "type": f"/docs/errors#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            "retryable": self.retryable,
            **facts,
        }


def title_of(kind: type[SwitchyardError]) -> str:
    """Return the first sentence of the class's docstring."""
    return (inspect.getdoc(kind) or kind.code).splitlines()[0].partition(";")[0].rstrip(".")


_HTTP_CODES: Mapping[int, tuple[str, str]] = {
    **{status: (code, title) for code, status, title in ROUTER_CODES},
    **{STATUSES[kind]: (kind.code, title_of(kind)) for kind in (errors.BodyTooLarge, errors.MediaTypeUnknown)},
}


def status_of(kind: type[SwitchyardError]) -> int:
    """Return the status of the nearest class in the table."""
    return next(STATUSES[parent] for parent in kind.__mro__ if parent in STATUSES)


def describe(error: Exception) -> Problem:
    """Return the problem that `error` is for a client. Anything unforeseen is `internal` and tells nothing."""
    if isinstance(error, HTTPException):
        return _describe_http(error)
    if isinstance(error, SwitchyardError) and status_of(type(error)) != 500:
        return _describe_own(error)
    if isinstance(error, errors.RunFailed):
        return _describe_own(error)
    return _broken()


def _broken() -> Problem:
    code, title = _HTTP_CODES[500]
    return Problem(status=500, code=code, title=title, detail=INTERNAL_DETAIL)


def _describe_own(error: SwitchyardError) -> Problem:
    kind = type(error)
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, errors.KeyUnknown):
        headers["www-authenticate"] = 'Bearer realm="switchyard"'
    if isinstance(error, CodingUnknown):
        # RFC 9110 section 15.5.16: what would have been taken.
        headers["accept-encoding"] = "identity"
    if isinstance(error, RangeUnsatisfiable):
        headers["content-range"] = f"bytes */{error.facts['size_bytes']}"
    if isinstance(error, errors.NoSlotInTime):
        headers |= refused_headers(error.facts)
    title = title_of(kind)
    detail = error.detail if error.detail and error.detail != kind.code else f"{title}."
    return Problem(
        status=status_of(kind),
        code=kind.code,
        title=title,
        detail=detail,
        retryable=errors.is_retryable(kind),
        headers=headers,
        facts=error.facts,
    )


def _describe_http(error: HTTPException) -> Problem:
    status = error.status_code
    if status >= 500:
        return _broken()
    code, title = _HTTP_CODES.get(status, _HTTP_CODES[400])
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return Problem(status=status, code=code, title=title, detail=f"{title}.", headers=headers)
