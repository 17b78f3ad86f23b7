"""Which fiscal period a column of a filing's table is of."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from app.agents.finance.filings import Filing, FilingForm
from app.agents.finance.periods import Period

_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTHS = _MONTH_NAMES.split()
_DATE = re.compile(
    rf"(?:\b(?P<month>{'|'.join(_MONTHS)}|{'|'.join(month[:3] for month in _MONTHS)})\.?\s+(?P<day>\d{{1,2}}),?\s*)?"
    r"(?<![\d,.$])(?P<year>(?:19|20)\d{2})(?![\d,]|\.\d)",
    re.IGNORECASE,
)
_SPAN = re.compile(
    r"\b(?:(?P<quarter>three months|(?:13|thirteen)[ -]weeks?|quarters?) ended|(?P<part>(?:six|nine) months"
    r"|(?:26|39|twenty-six|thirty-nine)[ -]weeks?) ended|(?P<year>(?:twelve|12) months"
    r"|(?:5[23]|fifty-(?:two|three))[ -]weeks?|(?:fiscal )?years?) ended)\b",
    re.IGNORECASE,
)
_OLD = re.compile(r"previously|originally|as reported", re.IGNORECASE)
_BESIDE = re.compile(r"[\s|,:-]*(?:\((?:unaudited|audited|as restated|restated)\)[\s|,:-]*)?", re.IGNORECASE)
MOST_BELOW = 60
"""So many characters may stand between the dates above a table and its first row."""
NEAR_MONTHS = 2
"""Fiscal years end on the same weekday, not on the same day."""
YEAR_MONTHS = 12
QUARTER_MONTHS = 3


class Column(msgspec.Struct, frozen=True):
    """What a column says: its words, and the month that they name, counted from the year 0; 12 for a year alone.

    One `is_old` that has numbers as they were before they were restated.
    """

    words: str
    months: int = 0
    has_month: bool = False
    is_old: bool = False


def columns_of(cells: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns that the cells of a header name by a date or a year, in order."""
    found = tuple(
        _column(match, is_old=_OLD.search(cell) is not None) for cell in cells for match in _DATE.finditer(cell)
    )
    if len({column.has_month for column in found}) > 1:
        # "June 30, 2023 2022": the month stands once, for all.
        return tuple(_of_year(column) for column in found)
    return found


def dates_before(text: str) -> tuple[str, ...]:
    """Return the dates that a text ends with, side by side, where they may be the columns of a table below it."""
    matches = list(_DATE.finditer(text))
    if not matches or any(character.isdigit() for character in text[matches[-1].end() :]):
        return ()
    if len(text[matches[-1].end() :].strip(" |-:\n")) > MOST_BELOW:
        return ()
    run = [matches[-1]]
    for match in reversed(matches[:-1]):
        if not _BESIDE.fullmatch(text[match.end() : run[0].start()]):
            break
        run.insert(0, match)
    return tuple(" ".join(match.group().split()) for match in run) if len(run) > 1 else ()


def _column(match: re.Match[str], *, is_old: bool) -> Column:
    month = _month(match["month"]) if match["month"] else YEAR_MONTHS
    return Column(match.group().strip(), int(match["year"]) * YEAR_MONTHS + month, bool(match["month"]), is_old)


def _of_year(column: Column) -> Column:
    year = (column.months - 1) // YEAR_MONTHS
    return Column(column.words, (year + 1) * YEAR_MONTHS, is_old=column.is_old)


def _month(name: str) -> int:
    return next(n for n, month in enumerate(_MONTHS, start=1) if month.startswith(name.lower()[:3]))


def periods_in(
    columns: Sequence[Column], filing: Filing, periods: Sequence[Period], *, is_instant: bool, around: str
) -> Mapping[Period, int]:
    """Return which column is of which of the periods; without those that none is of, or of which it is not clear.

    The newest column is of the period that the filing is on, whatever calendar the company has; others are told from
    it by their distance. `around` is the text above the table.
    """
    if filing.period is None or not columns:
        return {}
    groups = _groups(columns)
    newest = max(column.months for column in columns)
    placed: dict[Period, int] = {}
    for period in periods:
        group = _group_for(period, groups, filing, is_instant=is_instant, around=around)
        if group is None:
            continue
        back = months_back(period, filing.period, is_instant=is_instant)
        near = [at for at in group if back is not None and abs(newest - columns[at].months - back) <= NEAR_MONTHS]
        if len(near) == 1:
            placed[period] = near[0]
    return placed


def _groups(columns: Sequence[Column]) -> list[list[int]]:
    """Return the columns by the spans that they are of: where a date comes again, another span begins."""
    groups: list[list[int]] = [[]]
    for at, column in enumerate(columns):
        if column.is_old:
            continue
        if any(columns[other].months == column.months for other in groups[-1]):
            groups.append([])
        groups[-1].append(at)
    return groups


def _group_for(
    period: Period, groups: Sequence[Sequence[int]], filing: Filing, *, is_instant: bool, around: str
) -> Sequence[int] | None:
    """Return the columns of the span that a period is of; None where it is not clear."""
    if is_instant or filing.form is FilingForm.ANNUAL:
        # Where a date comes twice, nothing says which of the two is meant.
        return groups[0] if len(groups) == 1 else None
    if len(groups) > 1:
        # A quarter's columns come before those of the year so far.
        return groups[0] if period.quarter else groups[-1]
    spans = [match.lastgroup for match in _SPAN.finditer(around)]
    return groups[0] if spans and spans[-1] == ("quarter" if period.quarter else "year") else None


def months_back(period: Period, of_filing: Period, *, is_instant: bool) -> int | None:
    """Return how many months before the filing's newest column a period's column stands; None for one after it."""
    years = of_filing.year - period.year
    if not of_filing.quarter or of_filing.quarter == period.quarter:
        # A quarter has no column among years, but a balance at the end of the last one is that of the year.
        is_there = bool(of_filing.quarter) or not period.quarter or (is_instant and period.quarter == 4)
        return years * YEAR_MONTHS if years >= 0 and is_there else None
    quarter = period.quarter or 4
    back = years * YEAR_MONTHS + (of_filing.quarter - quarter) * QUARTER_MONTHS
    # The months of a quarter of another number stand in no column of a filing; days do, and years at their end.
    is_there = is_instant or (not period.quarter and of_filing.quarter == 4)
    return back if back >= 0 and is_there else None
