"""How documents and their jobs are shown by `switchyard documents`."""

from collections.abc import Mapping
from typing import Any

HEADS = ("NAME", "STATE", "VERSION", "BYTES", "SET", "TICKER", "DATE", "TAGS", "ID")
STEPS: Mapping[str, str] = {"received": "reading", "parsed": "cutting", "chunked": "embedding", "indexed": "finishing"}
"""What goes on after each state that a document reached."""


def describe_counts(job: Mapping[str, Any]) -> str:
    """Return what is known of a document's size, and how much of it is done: `12 pages, 96 of 240 chunks`."""
    pages = f"{job['pages']} pages" if job["pages"] else ""
    if not job["chunks"]:
        return pages
    is_whole = job["chunks_done"] == job["chunks"]
    chunks = f"{job['chunks']} chunks" if is_whole else f"{job['chunks_done'] or 0} of {job['chunks']} chunks"
    return ", ".join(part for part in (pages, chunks) if part)


def describe_error(job: Mapping[str, Any]) -> str:
    """Return why a job did not do what it was for."""
    error = job["error"] or {"code": "unsaid", "detail": ""}
    return f"{error['code']}: {error['detail']}" if error["detail"] else error["code"]


def facts_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a document by itself, under its heads."""
    names = ("name", "title", "state", "error_code", "version", "media_type", "size_bytes", "sha256", "id")
    return {name.replace("_", " "): document[name] for name in names}


def cells_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a document's row in a list, under HEADS."""
    said = document["metadata"]
    state = f"{document['state']}: {document['error_code']}" if document["error_code"] else document["state"]
    told = (document["set"] or "", said.get("ticker", ""), said.get("date", ""), ", ".join(said.get("tags", ())))
    return document["name"], state, str(document["version"]), str(document["size_bytes"]), *told, document["id"]


def shown(value: object) -> str:
    """Return a value as a line shows it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
    return "-" if value is None or value == "" else str(value)
