"""The table of error codes."""

from app.api.docs import EDGE_CODES, ROUTER_CODES
from app.api.problems import STATUSES, title_of
from app.errors import LeaseLost, Refused, SwitchyardError, Unavailable, is_retryable
from ops.docs.markdown import code, page, table

# Branches of the tree, and what never leaves the process.
NOT_SHOWN = {SwitchyardError, Refused, Unavailable, LeaseLost}


def write_errors() -> str:
    """Return the page."""
    rows = [
        (kind.code, status, title_of(kind), is_retryable(kind))
        for kind, status in STATUSES.items()
        if kind not in NOT_SHOWN
    ]
    rows += [(name, status, title, False) for name, status, title in ROUTER_CODES]
    rows += [(name, status, title, True) for name, status, title in EDGE_CODES]
    lines = [
        (code(name), str(status), f"{title}.", "yes" if again else "no") for name, status, title, again in sorted(rows)
    ]
    return page(
        "Error codes",
        "Every refusal is a problem document (RFC 9457, `application/problem+json`) with `type`, `title`, `status`, "
        "`detail`, `code`, `request_id` and `retryable`; facts of the case follow as further members. `code` is "
        "stable. Responses with status 429, 503 or 504 carry `Retry-After`. `unavailable` is said by "
        "nginx, in front of the replicas, and `rate_limited` mostly. "
        "After the first byte of a stream, the same document comes as its "
        "`error` event.",
        table(("code", "status", "what happened", "the same request may work later"), lines),
    )
