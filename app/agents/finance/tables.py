"""The rows of tables in passages of a filing, each with what stands above it: columns, section, titles."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from app.agents.finance.columns import columns_of, dates_before
from app.retrieval.passages import Passage
from app.retrieval.support.tables import rows

GAP = 4
"""So many characters, of white space, stand between a chunk and the next one at most."""
ABOVE = 2_500
"""So much of what stands above a passage may say of what span and scale its table is."""
NEAR = 400
HEAD = 300
"""So much of the first passage of a page may name the statement that the page is."""
SEVERAL = 2
PROSE = 100
"""A line as long as this is no part of a table: what stands under it has columns of its own."""
AMOUNT = re.compile(
    r"(?P<open>\(\s*)?(?P<sign>[-\u2212])?[$€£]?\s?(?P<open2>\()?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"\s?\)?\s?(?P<percent>%)?|(?<![\w-])[-\u2013\u2014](?![\w-])"
)
_LOOSE = re.compile(
    r"^(?P<label>[A-Za-z][^|\n]{2,90}?)(?P<cells>(?:[ \t]+(?:(?:\$ ?)?\(?\d[\d,]*(?:\.\d+)?\)?%?|[\u2014-]))+)[ \t]*$",
    re.MULTILINE,
)
"""A row that its page sets apart from its table: a label, and a number for each column."""
_NOTED = re.compile(r"\s*\(\w{1,2}\)\s*\Z")
_DATED = re.compile(r"(?:[A-Z][a-z]+\.? \d{1,2},?)?\s*(?:19|20)\d{2}|\([A-Za-z].*?\)|[A-Z][a-z]+\.? \d{1,2},?")


class Row(msgspec.Struct, frozen=True):
    """A row at `text[start:end]` of its passage, and the header that it stands under.

    `section` is the nearest label above it that has no numbers; `before` are the labels of the rows above it, under
    the same header.
    """

    label: str
    cells: tuple[str, ...]
    header: tuple[str, ...]
    start: int
    end: int
    section: str = ""
    before: tuple[str, ...] = ()


class Read(msgspec.Struct, frozen=True):
    """A row of the passage of that number; `above` is the text above the passage, `head` the beginning of its page."""

    number: int
    passage: Passage
    row: Row
    above: str
    head: str

    @property
    def title(self) -> str:
        """What may name the statement that the row stands in."""
        one = self.passage
        return f"{self.head} {one.heading} {self.above[-NEAR:]} {one.lead} {one.text}"


class _State:
    """What is carried from a row to the next, and over the end of a passage where another goes on."""

    def __init__(self) -> None:
        self.header: tuple[str, ...] = ()
        self.section = ""
        self.before: tuple[str, ...] = ()
        self.apart = ""
        """The text since the last row."""

    def name(self, header: tuple[str, ...]) -> None:
        """Begin a table with these columns."""
        if header and header != self.header:
            self.header, self.before = header, ()

    def pass_over(self, text: str) -> None:
        """Take what stands between rows: it may be the columns of a table, a section, or the end of a table."""
        self.apart = f"{self.apart}{text}"[-ABOVE:]
        lines = [line.strip(" #*") for line in text.splitlines() if line.strip(" |-:#*")]
        if any(len(line) >= PROSE for line in lines):
            self.header, self.before, self.section = (), (), ""
        elif lines and not lines[-1].startswith("|") and not any(character.isdigit() for character in lines[-1]):
            self.section = lines[-1]
        self.name(dates_before(self.apart))


def read_rows(own: Sequence[tuple[int, Passage]]) -> Iterator[Read]:
    """Yield the rows of passages in the order of their filing; one that goes on where another ends has its columns."""
    state, ended_at, above, head, page = _State(), -1, "", "", None
    for number, passage in sorted(own, key=lambda one: (one[1].start_offset, one[1].end_offset)):
        goes_on = 0 <= passage.start_offset - ended_at <= GAP
        if not goes_on:
            state, above = _State(), ""
        if not goes_on or passage.page != page:
            head, page = passage.text[:HEAD], passage.page
        for row in _rows(passage, state):
            yield Read(number, passage, row, above, head)
        ended_at, above = passage.end_offset, f"{above} {passage.lead} {passage.text}"[-ABOVE:]


def _rows(passage: Passage, state: _State) -> Iterator[Row]:
    """Yield the rows of a passage in order, each under the columns that were last named above it."""
    found = [(row.start, row.end, row.cells, row.header) for row in rows(passage)]
    found += [
        (match.start(), match.end(), (match["label"], match["cells"]), ())
        for match in _LOOSE.finditer(passage.text)
        if AMOUNT.search(_DATED.sub("", match.group()))
    ]
    at = 0
    for start, end, cells, named in sorted(found):
        state.pass_over(passage.text[at:start])
        at = end
        state.name(named)
        if len(columns_of(cells)) >= SEVERAL and not is_dated(cells):
            state.name(cells)
        elif len(cells) > 1:
            yield from _row(start, end, cells, state)
        state.apart = ""
    state.pass_over(f"{passage.text[at:]}\n")
    state.name(_last_header(passage))


def _row(start: int, end: int, cells: tuple[str, ...], state: _State) -> Iterator[Row]:
    label = _NOTED.sub("", cells[0]).strip()
    if not any(cells[1:]):
        state.section = label
        return
    yield Row(label, cells[1:], state.header, start, end, state.section, state.before)
    state.before = (*state.before, label)


def _last_header(passage: Passage) -> tuple[str, ...]:
    """Return what the last rows of a passage stand under, also where these only name columns."""
    named = [row.cells for row in rows(passage) if len(columns_of(row.cells)) >= SEVERAL and not is_dated(row.cells)]
    told = [row.header for row in rows(passage) if row.header]
    return (named or told or [()])[-1]


def is_dated(cells: Sequence[str]) -> bool:
    """Whether there is an amount beside the dates: no header."""
    return any(AMOUNT.search(_DATED.sub("", cell)) for cell in cells[1:])
