"""Figures in passages of filings: which row of a table is a line of a statement, which cell is of which period."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from app.agents.finance.columns import columns_of, periods_in
from app.agents.finance.filings import Filing
from app.agents.finance.line import Line, Statement
from app.agents.finance.lines import LINES, RESULTS, meant
from app.agents.finance.periods import Period
from app.agents.finance.tables import AMOUNT, SEVERAL, Read, Row, read_rows
from app.retrieval.passages import Passage

_SCALE = re.compile(r"(?:\bin |\()(?P<scale>thousands|millions|billions)\b", re.IGNORECASE)
_STATED = {statement: re.compile(statement.title, re.IGNORECASE) for statement in Statement}
_NAMED = tuple(pattern for statement, pattern in _STATED.items() if statement.title)
_APART = re.compile(r"guarant(?:or|ee)|obligor|parent company|registrant only|investees?\b|pro forma", re.IGNORECASE)
UNSAID = "(in the unit of its statement)"
LEAST = 100
"""A line of a statement is not smaller, in its thousands or millions; what is, is a line of some note."""
ANCHOR = "total_assets"
STATEMENT_CHARACTERS = 8_000
"""No row of a statement is farther from another of it."""


class Figure(msgspec.Struct, frozen=True):
    """A number of a filing: which line, of which period, and where it stands word for word.

    `said` is the cell as it stands, `column` what it stands under; `scale` is "" where the passage does not say it.
    `start` to `end` are places in the text of the passage numbered `passage`, `offset` is that of `start` in the
    document.
    """

    line: str
    period: Period
    value: Decimal
    said: str
    column: str
    document: str
    passage: int
    start: int
    end: int
    scale: str = ""
    offset: int = 0
    is_percent: bool = False

    @property
    def told(self) -> str:
        """The number with its unit, as it is told."""
        return " ".join((self.said, *self.unit))

    @property
    def unit(self) -> tuple[str, ...]:
        """What it is told in: its scale, or that nothing says it; nothing for what has none."""
        return () if self.is_percent or not LINES[self.line].is_scaled else (self.scale or UNSAID,)


class _Offer(msgspec.Struct, frozen=True):
    """What a row says of a line; `lacks` a number, `is_note` where its passage names no statement."""

    figures: tuple[Figure, ...]
    fit: int
    lacks: bool
    is_note: bool

    @property
    def values(self) -> tuple[tuple[Period, Decimal], ...]:
        return tuple((one.period, one.value) for one in self.figures)


def read_figures(
    passages: Sequence[Passage], filing: Filing, lines: Iterable[str], periods: Sequence[Period]
) -> Mapping[tuple[str, Period], Figure]:
    """Return the figures of these lines and periods that the passages hold; of several the one in the best row.

    What a parent or a guarantor has alone does not count, nor a balance that stands beside no total assets, nor a
    result that a note has and the statement has not, unless two rows say it: it is another company's. A row is better
    that lacks no number, that stands in a statement rather than in a note, whose label fits better, that has more of
    the periods, whose numbers more rows have, and whose numbers are larger (a total, not a part of it). A cell counts
    only if it is clear which period it is of.
    """
    wanted = tuple(lines)
    found: dict[tuple[str, Period], Figure] = {}
    anchors: tuple[int, ...] = ()
    usual = _usual_scale(passages)
    own = [(n, passage) for n, passage in enumerate(passages) if passage.document == filing.document]
    read = list(read_rows(own))
    has_income = any(_STATED[Statement.INCOME].search(one.title) for one in read)
    # Whose balance it is, its total tells.
    for name in (ANCHOR, *wanted):
        offers = [offer for one in read if (offer := _offer(name, one, filing, periods)) is not None]
        votes = Counter(value for offer in offers for value in offer.values)
        offers = [
            one
            for one in offers
            if votes[one.values[0]] >= SEVERAL or _is_own(one, name, anchors, has_income=has_income)
        ]
        for offer in sorted(offers, key=lambda one: _rank(one, votes[one.values[0]])):
            for figure in offer.figures:
                scaled = figure if figure.scale else msgspec.structs.replace(figure, scale=usual)
                found.setdefault((name, figure.period), scaled)
        if name == ANCHOR:
            anchors = tuple(_places_of(next(iter(found.values()), None), read))
    return {key: figure for key, figure in found.items() if key[0] in wanted}


def _is_own(offer: _Offer, name: str, anchors: Sequence[int], *, has_income: bool) -> bool:
    """Whether a row is of the company itself, by where it stands; `has_income`: its statement of income is there."""
    if LINES[name].is_instant:
        return not anchors or any(abs(offer.figures[0].offset - one) <= STATEMENT_CHARACTERS for one in anchors)
    return not (has_income and name in RESULTS and offer.is_note)


def _places_of(figure: Figure | None, read: Sequence[Read]) -> Iterator[int]:
    """Yield where the row of a figure stands, and where another one says the same, also under no header."""
    if figure is None:
        return
    for one in read:
        said = [words for _, words, _ in amounts_of(" ".join(one.row.cells))]
        if figure.said in said and LINES[figure.line].fit(one.row.label, one.row.section, one.row.before) is not None:
            yield one.passage.start_offset + one.row.start


def _usual_scale(passages: Sequence[Passage]) -> str:
    """Return the scale that all passages say that say any, if one of them names a statement; else ""."""
    texts = [f"{passage.lead} {passage.heading} {passage.text}" for passage in passages]
    said = {scale: text for text in texts if (scale := _scale(text))}
    is_stated = any(pattern.search(text) for text in texts if _scale(text) for pattern in _NAMED)
    return next(iter(said)) if len(said) == 1 and is_stated else ""


def _rank(offer: _Offer, votes: int) -> tuple[object, ...]:
    largest = max(abs(one.value) for one in offer.figures)
    return offer.lacks, offer.is_note, offer.fit, -len(offer.figures), -votes, -largest


def _offer(name: str, one: Read, filing: Filing, periods: Sequence[Period]) -> _Offer | None:
    line, row = LINES[name], one.row
    fit = line.fit(row.label, row.section, row.before)
    figures = () if fit is None else tuple(_figures(line, name, one, filing, periods))
    if fit is None or not figures:
        return None
    is_note = _STATED[line.statement].search(one.title) is None
    is_small = line.is_scaled and all(abs(figure.value) < LEAST for figure in figures)
    if _APART.search(one.title) or (is_note and (is_small or _is_change(name, one))):
        return None
    return _Offer(figures, fit, lacks=any(not figure.value for figure in figures), is_note=is_note)


def _is_change(name: str, one: Read) -> bool:
    """Whether a row is of cash flows, where a balance or a tax is what it changed by."""
    is_other = LINES[name].statement is not Statement.CASH and name != "net_income"
    return is_other and _STATED[Statement.CASH].search(one.title) is not None


def amounts_of(text: str) -> list[tuple[Decimal, str, bool]]:
    """Return the numbers of a row in order: value, words, and whether it is a percentage; a lone dash is 0."""
    return [_amount(match) for match in AMOUNT.finditer(text)]


def _amount(match: re.Match[str]) -> tuple[Decimal, str, bool]:
    if not match["digits"]:
        return Decimal(0), match.group(), False
    value = Decimal(match["digits"].replace(",", ""))
    is_less = bool(match["open"] or match["open2"] or match["sign"])
    return -value if is_less else value, " ".join(match.group().split()), match["percent"] is not None


def _figures(line: Line, name: str, one: Read, filing: Filing, periods: Sequence[Period]) -> list[Figure]:
    row, passage = one.row, one.passage
    columns = columns_of(row.header)
    cells = _cells(row, len(columns))
    # A balance with a minus is a change of one, but for what owners have.
    is_change = line.is_instant and name != "equity" and any(value < 0 for value, _, _ in cells or ())
    if not columns or cells is None or is_change:
        return []
    around = f"{one.above} {passage.lead} {passage.text[: row.start]}"
    placed = periods_in(columns, filing, periods, is_instant=line.is_instant, around=around)
    scale = _scale(f"{' '.join(row.header)} {passage.lead}", around, f"{passage.heading} {passage.text}")
    return [
        Figure(
            line=name,
            period=period,
            value=meant(name, row.label, value),
            said=words,
            column=columns[at].words,
            document=passage.document,
            passage=one.number,
            start=row.start,
            end=row.end,
            scale=scale,
            offset=passage.start_offset + row.start,
            is_percent=is_percent,
        )
        for period, at in placed.items()
        for value, words, is_percent in (cells[at],)
    ]


def _cells(row: Row, columns: int) -> list[tuple[Decimal, str, bool]] | None:
    """Return a number for each column, or None where it is not clear which is of which."""
    found = amounts_of(" ".join(row.cells))
    if len(found) == columns:
        return found
    # Shares of sales stand beside amounts, under no date of their own.
    amounts = [one for one in found if not one[2]]
    return amounts if len(amounts) == columns else None


def _scale(*texts: str) -> str:
    """Return `million` where the nearest text that says a scale says millions."""
    for text in texts:
        found = list(_SCALE.finditer(text))
        if found:
            return found[-1]["scale"].lower().removesuffix("s")
    return ""
