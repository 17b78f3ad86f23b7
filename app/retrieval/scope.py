"""Which documents a search looks into."""

import msgspec

from app.retrieval.filters import EVERYTHING, DocumentFilter
from app.retrieval.media import MediaType


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The live documents for which all of it holds: one of those named by id or name, of one of the types, as `among`.

    What is empty asks nothing.
    """

    documents: tuple[str, ...] = ()
    media_types: tuple[MediaType, ...] = ()
    among: DocumentFilter = EVERYTHING


ALL = Scope()
