"""Figures in passages of filings: which row of a table is a line of a statement, which cell is of which period."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from app.agents.finance.columns import columns_of, periods_in
from app.agents.finance.filings import Filing
from app.agents.finance.lines import EXPENSES, LINES, Statement
from app.agents.finance.periods import Period
from app.retrieval.passages import Passage
from app.retrieval.support.tables import rows

_AMOUNT = re.compile(
    r"(?P<open>\(\s*)?(?P<sign>[-\u2212])?[$€£]?\s?(?P<open2>\()?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"\s?\)?\s?(?P<percent>%)?|(?<![\w-])[-\u2013\u2014](?![\w-])"
)
_LOOSE = re.compile(
    r"^(?P<label>[A-Za-z][^|\n]{2,90}?)(?P<cells>(?:\s+(?:\$\s?)?\(?\d[\d,]*(?:\.\d+)?\)?%?|\s+[\u2014-])+)\s*$",
    re.MULTILINE,
)
"""A row that its page sets apart from its table: a label, and a number for each column."""
_SCALE = re.compile(r"\bin (?P<scale>thousands|millions|billions)\b", re.IGNORECASE)
_NOTED = re.compile(r"\s*\(\w{1,2}\)\s*\Z")
_STATED = {
    Statement.INCOME: re.compile(r"statements? of (?:consolidated )?(?:income|operations|earnings)", re.IGNORECASE),
    Statement.BALANCE: re.compile(r"balance sheets?", re.IGNORECASE),
    Statement.CASH: re.compile(r"statements? of (?:consolidated )?cash flows?", re.IGNORECASE),
    Statement.OTHER: re.compile(r""),
}
_APART = re.compile(r"guarant(?:or|ee)|obligor|parent company|registrant only", re.IGNORECASE)
UNSAID = "(in the unit of its statement)"
LEAST = 100
"""A line of a statement is not smaller, in its thousands or millions; what is, is a line of some note."""
ANCHOR = "total_assets"
STATEMENT_CHARACTERS = 8_000
"""No row of a statement is farther from another of it."""
GAP = 4
"""So many characters, of white space, stand between a chunk and the next one at most."""
ABOVE = 400
"""So much of what stands above a passage may say of what span and scale its table is."""
SEVERAL = 2


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


class _Row(msgspec.Struct, frozen=True):
    label: str
    cells: tuple[str, ...]
    header: tuple[str, ...]
    start: int
    end: int


_Read = tuple[int, Passage, _Row, str]


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

    What a parent or a guarantor has alone does not count, nor a balance that stands beside no total assets, unless two
    rows say it. A row is better that lacks no number, that stands in a statement rather than in a note, whose label
    fits better, that has more of the periods, whose numbers more rows have, and whose numbers are larger (a total, not
    a part of it). A cell counts only if it is clear which period it is of.
    """
    wanted = tuple(lines)
    found: dict[tuple[str, Period], Figure] = {}
    anchors: tuple[int, ...] = ()
    usual = _usual_scale(passages)
    read = list(_read([(n, passage) for n, passage in enumerate(passages) if passage.document == filing.document]))
    # Whose balance it is, its total tells.
    for name in (ANCHOR, *wanted):
        offers = [offer for one in read if (offer := _offer(name, *one, filing, periods)) is not None]
        votes = Counter(offer.values for offer in offers)
        if anchors and LINES[name].is_instant:
            offers = [offer for offer in offers if _is_beside(offer, anchors) or votes[offer.values] >= SEVERAL]
        for offer in sorted(offers, key=lambda one: _rank(one, votes[one.values])):
            for figure in offer.figures:
                scaled = figure if figure.scale else msgspec.structs.replace(figure, scale=usual)
                found.setdefault((name, figure.period), scaled)
        if name == ANCHOR:
            anchors = tuple(_places_of(next(iter(found.values()), None), read))
    return {key: figure for key, figure in found.items() if key[0] in wanted}


def _is_beside(offer: _Offer, anchors: Sequence[int]) -> bool:
    return any(abs(offer.figures[0].offset - anchor) <= STATEMENT_CHARACTERS for anchor in anchors)


def _places_of(figure: Figure | None, read: Sequence[_Read]) -> Iterator[int]:
    """Yield where the row of a figure stands, and where another one says the same, also under no header."""
    if figure is None:
        return
    for _, passage, row, _ in read:
        said = [words for _, words, _ in amounts_of(" ".join(row.cells))]
        if figure.said in said and any(pattern.match(row.label) for pattern in LINES[figure.line].labels):
            yield passage.start_offset + row.start


def _usual_scale(passages: Sequence[Passage]) -> str:
    """Return the scale that all passages say that say any; "" where they differ, or say none."""
    said = {_scale(f"{passage.lead} {passage.heading} {passage.text}") for passage in passages} - {""}
    return said.pop() if len(said) == 1 else ""


def _rank(offer: _Offer, votes: int) -> tuple[object, ...]:
    largest = max(abs(one.value) for one in offer.figures)
    return offer.lacks, offer.is_note, offer.fit, -len(offer.figures), -votes, -largest


def _offer(
    name: str, number: int, passage: Passage, row: _Row, above: str, filing: Filing, periods: Sequence[Period]
) -> _Offer | None:
    line = LINES[name]
    fit = next((n for n, pattern in enumerate(line.labels) if pattern.match(row.label)), None)
    figures = () if fit is None else tuple(_figures(name, row, number, passage, above, filing, periods))
    if fit is None or not figures:
        return None
    title = f"{passage.heading} {above} {passage.lead} {passage.text}"
    is_note = _STATED[line.statement].search(title) is None
    is_small = line.is_scaled and all(abs(one.value) < LEAST for one in figures)
    if _APART.search(title) or (is_small and is_note):
        return None
    return _Offer(figures, fit, lacks=any(not one.value for one in figures), is_note=is_note)


def amounts_of(text: str) -> list[tuple[Decimal, str, bool]]:
    """Return the numbers of a row in order: value, words, and whether it is a percentage; a lone dash is 0."""
    return [_amount(match) for match in _AMOUNT.finditer(text)]


def _amount(match: re.Match[str]) -> tuple[Decimal, str, bool]:
    if not match["digits"]:
        return Decimal(0), match.group(), False
    value = Decimal(match["digits"].replace(",", ""))
    is_less = bool(match["open"] or match["open2"] or match["sign"])
    return -value if is_less else value, " ".join(match.group().split()), match["percent"] is not None


def _read(own: Sequence[tuple[int, Passage]]) -> Iterator[_Read]:
    """Yield the rows of passages, with what stands above each; one that goes on where another ends has its columns."""
    header, ended_at, above = (), -1, ""
    for number, passage in sorted(own, key=lambda one: (one[1].start_offset, one[1].end_offset)):
        if not 0 <= passage.start_offset - ended_at <= GAP:
            header, above = (), ""
        for row in _rows(passage, header):
            header = row.header
            yield number, passage, row, above
        header = _last_header(passage, header)
        ended_at, above = passage.end_offset, f"{passage.lead} {passage.text[-ABOVE:]}"


def _last_header(passage: Passage, header: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the last rows of a passage stand under, also where these only name columns."""
    named = [row.cells for row in rows(passage) if len(columns_of(row.cells)) >= SEVERAL and not _is_dated(row.cells)]
    told = [row.header for row in rows(passage) if row.header]
    return (named or told or [header])[-1]


def _rows(passage: Passage, header: tuple[str, ...] = ()) -> Iterator[_Row]:
    """Yield the rows of a passage in order, each under the columns that were last named above it."""
    found = [(row.start, row.end, row.cells, row.header) for row in rows(passage)]
    found += [
        (match.start(), match.end(), (match["label"], match["cells"]), ()) for match in _LOOSE.finditer(passage.text)
    ]
    for start, end, cells, named in sorted(found):
        header = named or header
        if len(columns_of(cells)) >= SEVERAL and not _is_dated(cells):
            header = cells
        elif len(cells) > 1:
            yield _Row(_NOTED.sub("", cells[0]).strip(), cells[1:], header, start, end)


def _is_dated(cells: Sequence[str]) -> bool:
    """Whether there is an amount beside the dates: no header."""
    return any(len(amounts_of(_without_dates(cell))) for cell in cells[1:])


def _without_dates(text: str) -> str:
    return re.sub(r"(?:[A-Z][a-z]+\.? \d{1,2},?)?\s*(?:19|20)\d{2}|\([A-Za-z].*?\)|[A-Z][a-z]+\.? \d{1,2},?", "", text)


def _figures(
    name: str, row: _Row, number: int, passage: Passage, above: str, filing: Filing, periods: Sequence[Period]
) -> list[Figure]:
    columns = columns_of(row.header)
    cells = _cells(row, len(columns))
    # A balance with a minus is a change of one, but for what owners have.
    is_change = LINES[name].is_instant and name != "equity" and any(value < 0 for value, _, _ in cells or ())
    if not columns or cells is None or is_change:
        return []
    around = f"{above} {passage.lead} {passage.text[: row.start]}"
    placed = periods_in(columns, filing, periods, is_instant=LINES[name].is_instant, around=around)
    scale = _scale(f"{' '.join(row.header)} {passage.lead}", around, passage.text)
    return [
        Figure(
            line=name,
            period=period,
            value=abs(value) if name in EXPENSES else value,
            said=words,
            column=columns[at].words,
            document=passage.document,
            passage=number,
            start=row.start,
            end=row.end,
            scale=scale,
            offset=passage.start_offset + row.start,
            is_percent=is_percent,
        )
        for period, at in placed.items()
        for value, words, is_percent in (cells[at],)
    ]


def _cells(row: _Row, columns: int) -> list[tuple[Decimal, str, bool]] | None:
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
