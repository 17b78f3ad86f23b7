"""Prompts of a run: those that it began with, whichever process goes on with it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest

from app.agents.prompt_sets import KEPT_SETS, PromptSets, digest_of
from app.agents.prompts import FrontMatter, Prompt
from app.errors import RunFailed
from app.postgres import Database
from tests.fakes.runs import CLAIM

OLD = Prompt(FrontMatter("assistant/a", 1), "Be brief.")
NEW = Prompt(FrontMatter("assistant/a", 2), "Be long.")


class Table:
    """The table of sets, and how often it was asked."""

    def __init__(self) -> None:
        self.rows: dict[bytes, Any] = {}
        self.asked = 0

    @asynccontextmanager
    async def connection(self, operation: str) -> AsyncGenerator["Table"]:
        """Give itself."""
        del operation
        self.asked += 1
        yield self

    transaction = connection

    async def execute(self, statement: str, given: dict[str, Any]) -> "Table":
        """Insert, or find."""
        if "INSERT" in statement:
            self.rows.setdefault(given["sha256"], given["texts"].obj)
        self._found = self.rows.get(given["sha256"])
        return self

    async def fetchone(self) -> dict[str, Any] | None:
        """Return what was found."""
        return None if self._found is None else {"texts": self._found}


def sets(table: Table, prompt: Prompt) -> PromptSets:
    """Return the sets of a process whose files say this."""
    return PromptSets(
        cast("Database", table), {"assistant/a": prompt, "other/b": OLD}, {CLAIM.team: {"assistant/a": ()}}
    )


async def test_who_goes_on_with_a_run_says_what_it_began_with_and_a_new_one_says_what_the_files_say() -> None:
    table = Table()
    before, after = sets(table, OLD), sets(table, NEW)
    await before.keep()
    await after.keep()
    begun = msgspec.structs.replace(CLAIM, prompts_sha256=before.digest(CLAIM.team))
    fresh = msgspec.structs.replace(CLAIM, prompts_sha256=after.digest(CLAIM.team))
    assert await after.of(begun) == {"assistant/a": OLD}
    assert await after.of(fresh) == {"assistant/a": NEW}


async def test_a_run_of_a_version_that_pinned_nothing_has_the_prompts_of_the_files() -> None:
    assert await sets(Table(), NEW).of(CLAIM) == {"assistant/a": NEW}


async def test_a_run_whose_prompts_nobody_has_fails_and_says_so() -> None:
    with pytest.raises(RunFailed) as failed:
        await sets(Table(), NEW).of(msgspec.structs.replace(CLAIM, prompts_sha256=b"gone"))
    assert failed.value.facts["reason"] == "prompts_gone"


async def test_prompts_of_a_form_that_this_version_does_not_know_are_told_as_gone() -> None:
    table = Table()
    table.rows[b"later"] = {"assistant/a": {"front": {"name": "a", "version": 3, "later": 1}, "text": "x"}}
    with pytest.raises(RunFailed) as failed:
        await sets(table, NEW).of(msgspec.structs.replace(CLAIM, prompts_sha256=b"later"))
    assert failed.value.facts["reason"] == "prompts_gone"


async def test_sets_are_stored_once_and_read_once_and_not_all_are_remembered() -> None:
    table = Table()
    ours = sets(table, NEW)
    await ours.keep()
    await ours.keep()
    assert table.asked == 1
    for number in range(KEPT_SETS + 1):
        table.rows[bytes([number])] = msgspec.to_builtins({"assistant/a": OLD})
        pinned = msgspec.structs.replace(CLAIM, prompts_sha256=bytes([number]))
        await ours.of(pinned)
        await ours.of(pinned)
    assert table.asked == 1 + KEPT_SETS + 1
    await ours.of(msgspec.structs.replace(CLAIM, prompts_sha256=bytes([0])))
    assert table.asked == 1 + KEPT_SETS + 2


def test_a_digest_is_of_the_texts_whatever_their_order() -> None:
    assert digest_of({"a": OLD, "b": NEW}) == digest_of({"b": NEW, "a": OLD}) != digest_of({"a": OLD, "b": OLD})
