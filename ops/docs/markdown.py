"""Markdown pages and tables."""

from collections.abc import Sequence

NOTE = "Written by `make docs` from the code; edit the code, not this page."


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; bars inside cells are escaped."""
    lines = [list(head), ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def page(title: str, *parts: str) -> str:
    """Return a page with the note that it is written from the code."""
    return "\n\n".join((f"# {title}", NOTE, *parts)) + "\n"


def code(text: object) -> str:
    """Return `text` as code."""
    return f"`{text}`"
