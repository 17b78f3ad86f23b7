"""What requests say of documents, and which of them they mean: fields of a form, JSON, and a query."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.api.auth import HttpRequest
from app.api.routing import Parameter
from app.errors import BadInput
from app.retrieval.filters import NAME_CHARACTERS, DocumentFilter
from app.retrieval.metadata import DATE, TAGS, TICKER, Said, read_said
from app.retrieval.states import DocumentState

E = TypeVar("E", bound=StrEnum)

SET, METADATA = "set", "metadata"
FORM_FIELDS = frozenset({SET, TICKER, DATE, TAGS, METADATA})
LISTED = (
    DocumentState.RECEIVED,
    DocumentState.PARSED,
    DocumentState.CHUNKED,
    DocumentState.INDEXED,
    DocumentState.READY,
    DocumentState.COLD,
    DocumentState.FAILED,
)
"""The states in which a list shows a version."""

FORM_SCHEMA: Mapping[str, object] = {
    SET: {"type": "string", "description": "The set in which the document stands."},
    TICKER: {"type": "string", "description": "Of the company that it is about."},
    DATE: {"type": "string", "format": "date"},
    TAGS: {"type": "string", "description": "Separated by commas; the field may come several times."},
    METADATA: {"type": "string", "description": 'A JSON object of further strings: `{"company": "Apple"}`.'},
}
FILTERS = (
    Parameter("set", "query", "Those in this set."),
    Parameter("ticker", "query", "Those with this ticker."),
    Parameter("tag", "query", "Those with this tag; may come several times: with all of them."),
    Parameter("date_from", "query", "Those dated so or later.", {"type": "string", "format": "date"}),
    Parameter("date_to", "query", "Those dated so or earlier.", {"type": "string", "format": "date"}),
    Parameter("name", "query", "Those with this in their name, in capitals or not."),
    Parameter(
        "state",
        "query",
        "Those in this state; may come several times: in one of them.",
        {"type": "string", "enum": [state.value for state in LISTED]},
    ),
)


class DocumentChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is said of a document: what is absent stays as it is, null takes it away (RFC 7396)."""

    set_name: Annotated[
        str | UnsetType | None, Meta(description="The set in which it stands; null takes it out of its set.")
    ] = msgspec.field(name="set", default=UNSET)
    metadata: Annotated[
        dict[str, str | tuple[str, ...] | None],
        Meta(description="`ticker`, `date` (YYYY-MM-DD), `tags` (a list) and further strings, by name."),
    ] = {}

    def said(self) -> Said:
        """Return it in the form that is stored. Raises BadInput."""
        return read_said(self.metadata, self.set_name)


def said_in_form(fields: Mapping[str, Sequence[str]]) -> Said:
    """Return what the fields beside a file say; an empty one says nothing. Raises BadInput."""
    metadata: dict[str, object] = {}
    if further := _one(fields, METADATA):
        try:
            metadata |= msgspec.json.decode(further, type=dict[str, str | list[str]])
        except msgspec.MsgspecError as error:
            raise BadInput("`metadata` must be a JSON object of strings", field=METADATA) from error
    metadata |= {name: text for name in (TICKER, DATE) if (text := _one(fields, name))}
    if tags := [tag for text in fields.get(TAGS, ()) for tag in text.split(",") if tag.strip()]:
        metadata[TAGS] = tags
    return read_said(metadata, _one(fields, SET) or UNSET)


def filter_of(request: HttpRequest) -> DocumentFilter:
    """Return which documents a query means. Raises BadInput."""
    query = request.query_params
    asked = DocumentFilter.read(
        set_name=query.get("set"),
        ticker=query.get("ticker"),
        tags=tuple(query.getall("tag", [])),
        date_from=query.get("date_from"),
        date_to=query.get("date_to"),
    )
    name = query.get("name")
    if name is not None and (not name or "\0" in name or len(name) > NAME_CHARACTERS):
        raise BadInput(f"`name` is 1 to {NAME_CHARACTERS} characters of a name", field="name")
    return msgspec.structs.replace(asked, name=name, states=words_of(request, "state", LISTED))


def words_of(request: HttpRequest, name: str, known: Sequence[E]) -> tuple[E, ...]:
    """Return the words of a closed set that a parameter names, each once. Raises BadInput."""
    given = dict.fromkeys(request.query_params.getall(name, []))
    words = {word.value: word for word in known}
    for one in given:
        if one not in words:
            raise BadInput(f"`{name}` is one of {', '.join(words)}", field=name)
    return tuple(words[one] for one in given)


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    given = [text.strip() for text in fields.get(name, ())]
    if len(given) > 1:
        raise BadInput(f"the form says `{name}` more than once", field=name)
    return given[0] if given else ""
