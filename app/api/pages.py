"""Cursors: a list is read page by page, from a place that new rows do not move."""

import base64
import binascii
from typing import TypeVar

import msgspec

from app.api.auth import HttpRequest
from app.api.routing import Parameter
from app.errors import BadInput

T = TypeVar("T")

DEFAULT_LIMIT = 20
LIMIT = 100
CURSOR_CHARACTERS = 300

PARAMETERS = (
    Parameter(
        "limit",
        "query",
        f"How many at most; {DEFAULT_LIMIT} unless told.",
        {"type": "integer", "minimum": 1, "maximum": LIMIT, "default": DEFAULT_LIMIT},
    ),
    Parameter("cursor", "query", "`next_cursor` of the page before."),
)


def limit_of(request: HttpRequest) -> int:
    """Return the asked page size. Raises BadInput."""
    given = request.query_params.get("limit")
    if given is None:
        return DEFAULT_LIMIT
    if not (given.isascii() and given.isdecimal() and len(given) <= 3 and 1 <= int(given) <= LIMIT):
        raise BadInput(f"limit is a number from 1 to {LIMIT}", field="limit")
    return int(given)


def cursor_of(request: HttpRequest, kind: type[T]) -> T | None:
    """Return the place where the asked page begins, a `kind`. Raises BadInput for what no page gave out."""
    given = request.query_params.get("cursor")
    if given is None:
        return None
    try:
        raw = base64.b64decode(given[:CURSOR_CHARACTERS].encode("ascii"), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, UnicodeError, msgspec.MsgspecError) as error:
        raise BadInput("this cursor was not given out here", field="cursor") from error


def next_cursor(full: object, last: object) -> str | None:
    """Return the cursor of the page after `last`, or None when this page was not `full`."""
    if last is None or not full:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(last)).decode("ascii")
