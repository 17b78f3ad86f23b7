"""What a researcher does for one part of a plan: it searches a filing, reads figures, and has them computed with."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from app.agents.finance.arithmetic import Worked
from app.agents.finance.computing import Sum, is_likely, sums_of, told_facts, worked_fact
from app.agents.finance.facts import Fact
from app.agents.finance.figures import ANCHOR, Figure, read_figures
from app.agents.finance.line import Statement
from app.agents.finance.lines import LINES
from app.agents.finance.planning import Part
from app.agents.finance.sought import Sought
from app.agents.finance.tools import CALCULATOR, ROWS, SEC_SEARCH, Expression, FilingsSearch, RowsAsked
from app.agents.searching import SearchTool
from app.agents.work import Work
from app.errors import ToolRefused
from app.retrieval.filters import DocumentFilter
from app.retrieval.passages import Passage

RESEARCHER = "researcher"
PASSAGES = 8
"""So many are searched for at a time."""


class Finding(msgspec.Struct, frozen=True):
    """What was found for a part: passages, best first, figures, what was computed from them, and what these say.

    `refusal` is why it was not searched for, if so.
    """

    part: Part
    passages: tuple[Passage, ...] = ()
    figures: tuple[Figure, ...] = ()
    sums: tuple[tuple[Sum, Worked], ...] = ()
    facts: tuple[Fact, ...] = ()
    refusal: str | None = None


async def research(work: Work, part: Part, sought: Sought) -> Finding:
    """Return what is found for a part of a question."""
    async with work.acting(RESEARCHER):
        if not sought.has_figures or part.filing is None:
            return await _words(work, part)
        passages = await _tables(work, part, sought)
        figures = read_figures(passages, part.filing, sought.needed, part.periods)
        company = part.filing.company
        sums = [one for sum_ in sums_of(company, sought, part.periods, figures) if (one := await _worked(work, sum_))]
        facts = (*told_facts(company, sought, figures), *(worked_fact(*one) for one in sums))
        if not facts:
            return await _words(work, part)
        return Finding(part, passages, tuple(figures.values()), tuple(sums), facts)


async def _words(work: Work, part: Part) -> Finding:
    try:
        return Finding(part, await sec_search(work, asked_of(part, part.sought)))
    except ToolRefused as refused:
        return Finding(part, refusal=refused.detail)


async def sec_search(work: Work, asked: FilingsSearch) -> tuple[Passage, ...]:
    """Return passages of the filings meant, best first. Raises ToolRefused where the tenant's runs may not search."""
    tool = SearchTool.of(SEC_SEARCH, ticker=asked.ticker)
    return await work.search(asked.question, limit=PASSAGES, filters=filter_of(asked), tool=tool)


def asked_of(part: Part, question: str) -> FilingsSearch:
    """Return what to search for: in the filing of a part, or in all filings where it names none."""
    filing = part.filing
    if filing is None:
        return FilingsSearch(question)
    return FilingsSearch(question, filing.ticker, filing.form, filing.period, filing.document, filing.tags)


def filter_of(asked: FilingsSearch) -> DocumentFilter:
    """Return what a document must have to be searched.

    Form and period stand in its tags, else in its name: then the name alone tells them.
    """
    return DocumentFilter(ticker=asked.ticker, tags=asked.tags, name=asked.document)


async def _tables(work: Work, part: Part, sought: Sought) -> tuple[Passage, ...]:
    """Return the passages that hold the lines: those that a search brings, and those that have rows of their names."""
    found: tuple[Passage, ...] = ()
    try:
        for question in questions_of(part, sought.needed):
            found = _with(found, await sec_search(work, asked_of(part, question)))
    except ToolRefused:
        # The rows of the filing may tell it all the same.
        pass
    return _with(found, await _rows(work, part, sought))


async def _rows(work: Work, part: Part, sought: Sought) -> tuple[Passage, ...]:
    """Return the passages with rows of the lines; none where the tenant's runs may not look for them."""
    names = tuple(dict.fromkeys(name for line in (ANCHOR, *sought.needed) for name in _named(line).split(", ")))
    statements = dict.fromkeys(LINES[line].statement for line in (ANCHOR, *sought.needed))
    titles = tuple(statement.title for statement in statements if statement.title)
    document = "" if part.filing is None else part.filing.document
    try:
        return (await work.use(ROWS, RowsAsked(document, names, titles), agent=RESEARCHER)).passages
    except ToolRefused:
        return ()


def questions_of(part: Part, lines: Sequence[str]) -> Iterator[str]:
    """Yield what to search for: the lines of each statement together, and the statement by its names."""
    company = "" if part.filing is None else part.filing.company
    for statement in dict.fromkeys(LINES[name].statement for name in lines):
        beside = (ANCHOR,) if statement is Statement.BALANCE else ()
        wanted = dict.fromkeys((*(name for name in lines if LINES[name].statement is statement), *beside))
        names = ", ".join(_named(name) for name in wanted)
        yield f"{company} {statement.value}: {names}".strip()


def _named(line: str) -> str:
    return ", ".join(name for name in (LINES[line].name, LINES[line].also) if name)


def _with(found: tuple[Passage, ...], more: Sequence[Passage]) -> tuple[Passage, ...]:
    """Return all passages, each once; one that a longer one holds is left out."""
    every = [*found, *more]
    return tuple(
        one
        for n, one in enumerate(every)
        if not any(_holds(other, one) and (m < n or not _holds(one, other)) for m, other in enumerate(every) if m != n)
    )


def _holds(long: Passage, short: Passage) -> bool:
    is_same = long.document_id == short.document_id
    return is_same and long.start_offset <= short.start_offset and short.end_offset <= long.end_offset


async def _worked(work: Work, one: Sum) -> tuple[Sum, Worked] | None:
    """Return a sum with what the calculator makes of it; nothing where that refuses."""
    try:
        worked = await work.use(CALCULATOR, Expression(one.expression), agent=RESEARCHER)
    except ToolRefused:
        return None
    # What is part of something is not more than all of it: then a figure is not the one that was meant.
    return (one, worked) if is_likely(one, worked) else None


def lacking(finding: Finding) -> tuple[Fact, ...]:
    """Return that nothing of what was asked for was found for a part, where others found theirs."""
    part = finding.part
    if part.filing is None:
        return ()
    periods = f" for {', '.join(map(str, part.periods))}" if part.periods else ""
    return (Fact(f"Of {part.filing.company} I found no such figure{periods} in {part.filing.document}."),)


def told_of(part: Part) -> str:
    """Return what a researcher did for a part, in a sentence."""
    where = "all filings" if part.filing is None else part.filing.document
    periods = ", ".join(str(period) for period in part.periods)
    return re.sub(r"\s+", " ", f"searched {where}{f' for {periods}' if periods else ''}")
