"""What becomes of every field of the clients' dialects: served, ignored or refused, and why."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache

import msgspec

from app.errors import FieldRefused


class Treatment(StrEnum):
    """What becomes of a field that a client sends."""

    SERVED = "served"
    """It does what the dialect says."""
    IGNORED = "ignored"
    """It is taken, and changes nothing: it is the installation's own affair, or has no effect in the original."""
    REFUSED = "refused"
    """A request that asks for it is refused by its name; one that says it is not wanted goes on."""


class Field(msgspec.Struct, frozen=True):
    """One field: its path (`options.seed`, `messages[].role`), what becomes of it, and a word why or how."""

    path: str
    treatment: Treatment
    why: str


def refuse_fields(body: msgspec.Struct, fields: Mapping[str, Field]) -> None:
    """Raise FieldRefused for the first refused field of `body` that asks for something.

    Null, false, 0 and what is empty ask for nothing: clients send them for fields that nobody set.
    """
    for name, path in _names(type(body)).items():
        field = fields.get(path)
        if field is not None and field.treatment is Treatment.REFUSED and getattr(body, name):
            raise FieldRefused(f"`{path}` is not served here: {field.why}", field=path)


@cache
def _names(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {field.name: field.encode_name for field in msgspec.structs.fields(kind)}


def served(path: str, how: str = "") -> Field:
    """Return a field that does what it says."""
    return Field(path, Treatment.SERVED, how)


def ignored(path: str, why: str) -> Field:
    """Return a field that changes nothing."""
    return Field(path, Treatment.IGNORED, why)


def refused(path: str, why: str) -> Field:
    """Return a field that cannot be had."""
    return Field(path, Treatment.REFUSED, why)


def table(*fields: Field) -> Mapping[str, Field]:
    """Return the fields by their path."""
    return {field.path: field for field in fields}
