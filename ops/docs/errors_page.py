"""The table of error codes."""

from app.api import codes
from ops.docs.markdown import page, table


def write_errors() -> str:
    """Return the page; `/docs/errors` says the same."""
    return page(codes.TITLE, codes.TEXT, table(codes.HEAD, list(codes.rows())))
