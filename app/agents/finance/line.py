"""A line of a financial statement: how rows call it, how questions do, and where it stands."""

import re
from collections.abc import Sequence
from enum import Enum

import msgspec


class Statement(Enum):
    """Where a line stands, in the words by which it is searched for."""

    INCOME = "consolidated statements of income, operations, earnings"
    BALANCE = "consolidated balance sheets"
    CASH = "consolidated statements of cash flows"
    OTHER = "financial highlights, results"

    @property
    def title(self) -> str:
        """A pattern of what it calls itself; "" for what has no name of its own."""
        return _TITLES.get(self, "")


_TITLES = {
    Statement.INCOME: "statements? of (?:consolidated )?(?:income|operations|earnings)",
    Statement.BALANCE: "balance sheets?",
    Statement.CASH: "statements? of (?:consolidated )?cash flows?",
}


class Under(msgspec.Struct, frozen=True):
    """A label that alone says too little.

    It counts below a `section` of that name, or behind rows of which one is `after` and none is `no_more`.
    """

    label: re.Pattern[str]
    section: re.Pattern[str] | None = None
    after: re.Pattern[str] | None = None
    no_more: re.Pattern[str] | None = None

    def counts(self, label: str, section: str, before: Sequence[str]) -> bool:
        """Return whether a row of that label is meant."""
        if not self.label.fullmatch(label) or (self.section is not None and not self.section.match(section)):
            return False
        is_behind = self.after is None or any(self.after.match(one) for one in before)
        return is_behind and (self.no_more is None or not any(self.no_more.search(one) for one in before))


class Line(msgspec.Struct, frozen=True):
    """A line of a statement: how rows call it, how questions do, and where it stands.

    The first of `labels` that a row fits is the best; those of `under` come after them. A line of an instant (a
    balance) has one value a day; another one belongs to a span of time.
    """

    name: str
    labels: tuple[re.Pattern[str], ...]
    asked: re.Pattern[str]
    statement: Statement
    also: str = ""
    """Other names of it, that a search needs: by words a line is only found under its own."""
    is_scaled: bool = True
    """Whether it is in the thousands or millions of its table; shares' earnings and percentages are not."""
    under: tuple[Under, ...] = ()

    def fit(self, label: str, section: str = "", before: Sequence[str] = ()) -> int | None:
        """Return how well a row is this line, 0 the best; None where it is another."""
        every = (
            *(pattern.match(label) is not None for pattern in self.labels),
            *(one.counts(label, section, before) for one in self.under),
        )
        return every.index(True) if True in every else None

    @property
    def is_instant(self) -> bool:
        """Whether it is a balance."""
        return self.statement is Statement.BALANCE


_TAIL = r"(?:, net|, gross)?(?: \(\d\))?:?"


def asked_as(pattern: str) -> re.Pattern[str]:
    """Return what finds a name in a question, in capitals or not."""
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


def line_of(
    name: str,
    statement: Statement,
    asked: str,
    *labels: str,
    also: str = "",
    is_scaled: bool = True,
    under: tuple[Under, ...] = (),
) -> Line:
    """Return a line whose rows are called by one of the patterns, the best first."""
    made = tuple(found(rf"(?:{label}){_TAIL}\Z") for label in labels)
    return Line(name, made, asked_as(asked), statement, also, is_scaled, under)


def found(pattern: str) -> re.Pattern[str]:
    """Return a pattern that does not tell capitals from others."""
    return re.compile(pattern, re.IGNORECASE)
