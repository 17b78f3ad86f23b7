"""The tools of the finance team bring what a run can keep, or refuse: none fails for what a filing is like."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast
from uuid import uuid4

import pytest

from app.agents.finance import tools
from app.agents.finance.rows import find_rows, within
from app.agents.finance.tools import ROWS, RowsAsked
from app.errors import ToolRefused
from app.ids import TenantId
from app.postgres import Database
from tests.unit.agents.finance.test_figures import passage

TENANT = TenantId(uuid4())


class Silent:
    """A database that never answers."""

    def __init__(self) -> None:
        self.asked = 0

    @asynccontextmanager
    async def connection(self, operation: str) -> AsyncGenerator[None]:
        """Wait for ever."""
        assert operation == "finance.rows"
        self.asked += 1
        await asyncio.Event().wait()
        yield


async def test_rows_that_take_too_long_are_refused_so_that_a_search_alone_may_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tools, "ROWS_LIMIT_S", 0.0)
    with pytest.raises(ToolRefused) as caught:
        await ROWS.act(cast("Database", Silent()), TENANT, RowsAsked("a.pdf", ("Revenue",)))
    assert caught.value.facts["tool"] == "find_rows"


async def test_no_names_find_no_rows() -> None:
    silent = Silent()
    assert await find_rows(cast("Database", silent), TENANT, "a.pdf", ()) == ()
    assert silent.asked == 0


def test_passages_are_left_out_that_a_run_could_not_keep() -> None:
    every = [passage("x" * 40, ordinal=n) for n in range(5)]
    assert list(within(every, 100)) == every[:2]
    assert list(within(every, 1_000)) == every


def test_what_a_run_keeps_of_rows_fits_its_tool() -> None:
    assert tools.ROWS.limit_bytes > 6 * 200_000
