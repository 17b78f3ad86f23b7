"""Fiscal periods: years and quarters, as questions, names and tags write them."""

import re
from collections.abc import Iterable

import msgspec

_YEAR = r"(?:20\d{2}|19\d{2})"
_QUARTERS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_FOUND = re.compile(
    rf"""
      \bQ(?P<q1>[1-4])[ ]?(?:of[ ])?(?:the[ ])?(?:FY|fiscal[ ](?:year[ ])?)?[ ]?(?P<y1>{_YEAR}|\d{{2}}\b)
    | \b(?:FY[ ]?)?(?P<y2>{_YEAR})[ -]?Q(?P<q2>[1-4])\b
    | \b(?P<q3>first|second|third|fourth)[ ]quarter[ ](?:of[ ])?
      (?:FY[ ]?|fiscal[ ](?:year[ ])?|the[ ]year[ ])?(?P<y3>{_YEAR})
    | \b(?:FY|fiscal(?:[ ]year)?)[ ]?(?P<y4>{_YEAR}|\d{{2}}\b)
    | (?<![\w$,.-])(?P<y5>{_YEAR})(?![\w%-]|[.,]\d)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_RANGE = re.compile(r"\bfrom\b.{0,30}\b(?:to|through)\b", re.IGNORECASE)
_DAY = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+\d{1,2},?\s*\Z|\b\d{1,2}\s+"
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+\Z",
    re.IGNORECASE,
)
MOST_YEARS = 6
"""A range of more years than these is taken for its two ends."""


class Period(msgspec.Struct, frozen=True, order=True):
    """A fiscal year, or a quarter of one (1 to 4; 0 is the whole year)."""

    year: int
    quarter: int = 0

    def __str__(self) -> str:
        return f"Q{self.quarter} FY{self.year}" if self.quarter else f"FY{self.year}"


def periods_of(text: str) -> tuple[Period, ...]:
    """Return the periods that a text names, each once, in their order; a range of years with those between.

    The year of a day (`January 28, 2023`) counts where no period is named otherwise.
    """
    every = [(_period(match), _DAY.search(text[: match.start()]) is not None) for match in _FOUND.finditer(text)]
    named = [period for period, is_dated in every if not is_dated] or [period for period, _ in every]
    found = tuple(dict.fromkeys(named))
    return _filled(found) if len(found) == 2 and _RANGE.search(text) else found


def period_of(text: str) -> Period | None:
    """Return the one period that a text is, such as `FY2023`, `2024Q2`, `Q2 2024` or `2023`; None for any other."""
    match = _FOUND.fullmatch(text.strip())
    return None if match is None else _period(match)


def _period(match: re.Match[str]) -> Period:
    year = next(int(match[name]) for name in ("y1", "y2", "y3", "y4", "y5") if match[name])
    quarter = match["q1"] or match["q2"] or _QUARTERS.get((match["q3"] or "").lower(), 0)
    return Period(year if year > 99 else 2000 + year, int(quarter))


def _filled(ends: Iterable[Period]) -> tuple[Period, ...]:
    first, last = sorted(ends)
    if first.quarter or last.quarter or last.year - first.year >= MOST_YEARS:
        return (first, last)
    return tuple(Period(year) for year in range(first.year, last.year + 1))
