"""Times and durations as Go writes them."""

import time
from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with Go's fraction: no trailing zeros, none at all when it is zero."""
    whole = moment.astimezone(UTC)
    fraction = f".{whole.microsecond:06d}".rstrip("0") if whole.microsecond else ""
    return f"{whole:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def now_text() -> str:
    """The time of a reply's `created_at`, in nanoseconds as Go has it."""
    now_ns = time.time_ns()
    seconds, fraction_ns = divmod(now_ns, 1_000_000_000)
    fraction = f".{fraction_ns:09d}".rstrip("0") if fraction_ns else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
