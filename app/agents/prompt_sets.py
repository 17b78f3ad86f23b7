"""The prompts that a run began with, kept by their digest: who goes on with it says the same as who began it."""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from app.agents.prompts import Prompt
from app.agents.run_failure import RunFailure
from app.agents.values import Claim
from app.errors import RunFailed
from app.postgres import Database

INSERT_SET: LiteralString = """
    INSERT INTO prompt_sets (sha256, team, texts) VALUES (%(sha256)s, %(team)s, %(texts)s) ON CONFLICT DO NOTHING
"""
SELECT_SET: LiteralString = "SELECT texts FROM prompt_sets WHERE sha256 = %(sha256)s"
KEPT_SETS = 32
"""How many sets of other versions a process remembers; each is some kilobytes."""


class PromptVersion(msgspec.Struct, frozen=True):
    """A prompt as it is named to callers."""

    name: str
    version: int


class PromptSets:
    """Every team's prompts as this process has them, and those of other versions as the database has them."""

    def __init__(self, database: Database, prompts: Mapping[str, Prompt], teams: Mapping[str, Collection[str]]) -> None:
        """`teams` are the names of the prompts that each team fills."""
        self._database = database
        self._ours = {team: {name: prompts[name] for name in sorted(names)} for team, names in teams.items()}
        self._digests = {team: digest_of(texts) for team, texts in self._ours.items()}
        self._others: OrderedDict[bytes, dict[str, Prompt]] = OrderedDict()
        self._are_kept = False

    @property
    def teams(self) -> list[str]:
        """The teams that this version knows."""
        return list(self._ours)

    @property
    def versions(self) -> dict[str, tuple[PromptVersion, ...]]:
        """The prompts that each team's runs are pinned to when they begin here."""
        return {
            team: tuple(PromptVersion(name, one.front.version) for name, one in texts.items())
            for team, texts in self._ours.items()
        }

    def digest(self, team: str) -> bytes | None:
        """Return the digest that a run of this team is pinned to when it begins here."""
        return self._digests.get(team)

    async def keep(self) -> None:
        """Store our sets, once in the life of a process: before the first run that is pinned to one.

        Raises StoreUnavailable.
        """
        if self._are_kept:
            return
        async with self._database.transaction("prompts.keep") as conn:
            for team, texts in self._ours.items():
                row = {"sha256": self._digests[team], "team": team, "texts": Jsonb(msgspec.to_builtins(texts))}
                await conn.execute(INSERT_SET, row)
        self._are_kept = True

    async def of(self, claim: Claim) -> Mapping[str, Prompt]:
        """Return the prompts of a run: those that it began with; ours, for one of a version that pinned none.

        Raises RunFailed (prompts_gone) when nobody has them, or in another form; StoreUnavailable.
        """
        pinned = claim.prompts_sha256
        if pinned is None or pinned == self._digests.get(claim.team):
            return self._ours[claim.team]
        if pinned not in self._others:
            self._others[pinned] = await self._read(pinned)
            if len(self._others) > KEPT_SETS:
                self._others.popitem(last=False)
        return self._others[pinned]

    async def _read(self, sha256: bytes) -> dict[str, Prompt]:
        async with self._database.connection("prompts.read") as conn:
            row = await (await conn.execute(SELECT_SET, {"sha256": sha256})).fetchone()
        if row is None:
            raise RunFailed("the prompts that the run began with are gone", reason=RunFailure.PROMPTS_GONE)
        try:
            return msgspec.convert(row["texts"], dict[str, Prompt])
        except msgspec.ValidationError as error:
            detail = "the run began with prompts that this version cannot read"
            raise RunFailed(detail, reason=RunFailure.PROMPTS_GONE) from error


def digest_of(texts: Mapping[str, Prompt]) -> bytes:
    """Return the SHA-256 of a set of prompts, whatever their order."""
    return hashlib.sha256(msgspec.json.encode(texts, order="sorted")).digest()
