"""Which documents of a tenant are meant, by what is known of them."""

from typing import LiteralString

import msgspec

from app.retrieval.metadata import clean_date, clean_set, clean_tags, clean_ticker
from app.retrieval.states import SHOWN, DocumentState

NAME_CHARACTERS = 255


class DocumentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a document must have to be meant; what is None or empty asks nothing.

    All of `tags`; a date from `date_from` to `date_to`, both included; one of `states`; `name` somewhere in its name,
    in capitals or not. Make it with `read`.
    """

    set_name: str | None = None
    ticker: str | None = None
    tags: tuple[str, ...] = ()
    date_from: str | None = None
    date_to: str | None = None
    name: str | None = None
    states: tuple[DocumentState, ...] = ()

    @classmethod
    def read(
        cls,
        *,
        set_name: str | None = None,
        ticker: str | None = None,
        tags: tuple[str, ...] = (),
        date_from: str | None = None,
        date_to: str | None = None,
    ) -> "DocumentFilter":
        """Return what is asked in the form in which it is stored. Raises BadInput naming the field."""
        return cls(
            set_name=None if set_name is None else clean_set(set_name),
            ticker=None if ticker is None else clean_ticker(ticker),
            tags=clean_tags(tags),
            date_from=None if date_from is None else clean_date(date_from, "date_from"),
            date_to=None if date_to is None else clean_date(date_to, "date_to"),
        )

    @property
    def asks(self) -> bool:
        """Whether any document could be left out by it."""
        return self != EVERYTHING

    @property
    def values(self) -> dict[str, object]:
        """The parameters of `CONDITION`."""
        return {
            "set_name": self.set_name,
            "ticker": self.ticker,
            "tags": list(self.tags),
            "date_from": self.date_from,
            "date_to": self.date_to,
            "name": self.name,
            "states": [state.value for state in self.states],
        }


EVERYTHING = DocumentFilter()

# Of a row `d` of documents; the tenant stands beside it, in the statement.
CONDITION: LiteralString = f"""
    (%(set_name)s::text IS NULL OR d.set_name = %(set_name)s)
    AND (%(ticker)s::text IS NULL OR d.metadata @> jsonb_build_object('ticker', %(ticker)s::text))
    AND (cardinality(%(tags)s::text[]) = 0 OR d.metadata @> jsonb_build_object('tags', to_jsonb(%(tags)s::text[])))
    AND (%(date_from)s::text IS NULL OR d.metadata ->> 'date' >= %(date_from)s)
    AND (%(date_to)s::text IS NULL OR d.metadata ->> 'date' <= %(date_to)s)
    AND (%(name)s::text IS NULL OR strpos(lower(d.name), lower(%(name)s)) > 0)
    AND (cardinality(%(states)s::text[]) = 0 OR {SHOWN} = ANY(%(states)s))
"""
