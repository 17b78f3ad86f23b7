"""The tools of the finance team: which filings there are, the rows of one, and a calculator that shows its steps."""

import msgspec

from app.agents.finance.arithmetic import MOST_CHARACTERS, Impossible, Worked, work_out
from app.agents.finance.filings import Filing
from app.agents.finance.rows import find_rows, list_filings
from app.agents.tools import Reading
from app.errors import ToolRefused
from app.ids import TenantId
from app.postgres import Database
from app.retrieval.passages import Passage

CALCULATOR_NAME = "calculator"


class FilingsAsked(msgspec.Struct, frozen=True):
    """All of the tenant's."""


class Filings(msgspec.Struct, frozen=True):
    """The filings that questions find, by name."""

    filings: tuple[Filing, ...]


class RowsAsked(msgspec.Struct, frozen=True):
    """Which filing, and how the rows are called."""

    document: str
    names: tuple[str, ...]


class RowsFound(msgspec.Struct, frozen=True):
    """The passages that have such rows, in the order of the filing."""

    passages: tuple[Passage, ...]


class Expression(msgspec.Struct, frozen=True):
    """What is to be computed, such as `change(9310, 8967)`; see `arithmetic.work_out`."""

    text: str


async def _filings(database: Database, tenant_id: TenantId, asked: FilingsAsked) -> Filings:
    del asked
    return Filings(await list_filings(database, tenant_id))


async def _rows(database: Database, tenant_id: TenantId, asked: RowsAsked) -> RowsFound:
    return RowsFound(await find_rows(database, tenant_id, asked.document, asked.names))


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
    name="find_rows",
    description="The tables of a filing that have rows of these names.",
    arguments=RowsAsked,
    result=RowsFound,
    act=_rows,
    limit_bytes=1_000_000,
)
TOOLS = (FILINGS, ROWS, CALCULATOR)
