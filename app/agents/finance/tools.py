"""The tools of the finance team: which filings there are, the rows of one, and a calculator that shows its steps."""

import asyncio

import msgspec

from app.agents.finance.arithmetic import MOST_CHARACTERS, Impossible, Worked, work_out
from app.agents.finance.filings import Filing, FilingForm
from app.agents.finance.periods import Period
from app.agents.finance.rows import find_rows, list_filings
from app.agents.tools import Reading, Seeking
from app.errors import ToolRefused
from app.ids import TenantId
from app.postgres import Database
from app.retrieval.passages import Passage

CALCULATOR_NAME = "calculator"
ROWS_NAME = "find_rows"
ROWS_LIMIT_S = 8.0


class FilingsAsked(msgspec.Struct, frozen=True):
    """All of the tenant's."""


class Filings(msgspec.Struct, frozen=True):
    """The filings that questions find, by name."""

    filings: tuple[Filing, ...]


class RowsAsked(msgspec.Struct, frozen=True):
    """Which filing, how the rows are called, and the statements that they stand in: patterns of their titles."""

    document: str
    names: tuple[str, ...]
    titles: tuple[str, ...] = ()


class RowsFound(msgspec.Struct, frozen=True):
    """The passages that have such rows, in the order of the filing."""

    passages: tuple[Passage, ...]


class FilingsSearch(msgspec.Struct, frozen=True):
    """A question, and which filings may answer it; where nothing is said, all of the tenant's documents."""

    question: str
    ticker: str | None = None
    form: FilingForm | None = None
    period: Period | None = None
    document: str | None = None
    tags: tuple[str, ...] = ()
    """Those that say form and period, as they stand at the document."""


class Expression(msgspec.Struct, frozen=True):
    """What is to be computed, such as `change(9310, 8967)`; see `arithmetic.work_out`."""

    text: str


async def _filings(database: Database, tenant_id: TenantId, asked: FilingsAsked) -> Filings:
    del asked
    return Filings(await list_filings(database, tenant_id))


async def _rows(database: Database, tenant_id: TenantId, asked: RowsAsked) -> RowsFound:
    try:
        async with asyncio.timeout(ROWS_LIMIT_S):
            return RowsFound(await find_rows(database, tenant_id, asked.document, asked.names, asked.titles))
    except TimeoutError as error:
        # What a search brings is enough for an answer; a failure would be none.
        raise ToolRefused(f"it takes longer than {ROWS_LIMIT_S:g} s", tool=ROWS_NAME) from error


async def _calculate(database: Database, tenant_id: TenantId, asked: Expression) -> Worked:
    del database, tenant_id
    try:
        return work_out(asked.text)
    except Impossible as impossible:
        raise ToolRefused(str(impossible), tool=CALCULATOR_NAME) from impossible


FILINGS = Reading(
    name="list_filings",
    description="Which filings the tenant has: company, ticker, form and period of each.",
    arguments=FilingsAsked,
    result=Filings,
    act=_filings,
)
CALCULATOR = Reading(
    name=CALCULATOR_NAME,
    description=f"Works out an expression of up to {MOST_CHARACTERS} characters, and shows its steps.",
    arguments=Expression,
    result=Worked,
    act=_calculate,
    limit_s=2.0,
)
ROWS = Reading(
    name=ROWS_NAME,
    description="The tables of a filing that have rows of these names.",
    arguments=RowsAsked,
    result=RowsFound,
    act=_rows,
    # As JSON a character takes up to six bytes.
    limit_bytes=2_000_000,
)
SEC_SEARCH = Seeking(
    name="sec_search",
    description="Passages of filings that answer a question, of a ticker, a form, a period or a document.",
    arguments=FilingsSearch,
    retries=2,
)
TOOLS = (FILINGS, ROWS, CALCULATOR, SEC_SEARCH)
