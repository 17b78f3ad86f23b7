"""Builds the collection anew in the shape that the settings ask, while the old one serves."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from qdrant_client import models

from app.errors import StoreUnavailable
from app.retrieval.collection import WRITE_TIMEOUT_S, Ask, CollectionKeeper
from app.retrieval.shape import Shape, compare

COPIED_AT_ONCE = 128
_NUMBERED = re.compile(r".*_v(?P<number>[0-9]{1,9})", re.DOTALL)


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild left: the collection that serves now, the one before, and how many points were taken over.

    `points` is None where the vectors are of another kind: nothing could be taken over.
    """

    name: str
    before: str
    points: int | None


class Rebuild:
    """One rebuild of the collection behind an alias."""

    def __init__(self, ask: Ask, keeper: CollectionKeeper, alias: str, shape: Shape) -> None:
        self._ask = ask
        self._keeper = keeper
        self._alias = alias
        self._shape = shape

    async def run(self, told: Callable[[int, int], None]) -> Rebuilt | None:
        """Build the collection anew in the shape that the settings ask, and let the alias name it; None if it has it.

        The old one serves until the new one holds all of its points (`told(copied, total)` hears of progress), and is
        then removed. Where vectors are of another kind nothing can be copied: the new one is empty. Raises
        StoreUnavailable; the old collection still serves then, and the command may be run again.
        """
        before = await self._keeper.target()
        if before is None:
            await self._keeper.ensure()
            return None
        drift = compare(await self._keeper.describe(before), self._shape)
        if not (drift.shape or drift.vectors):
            await self._keeper.ensure()
            return None
        name = _following(before, self._alias)
        # The rest of a rebuild that was cut off: nobody reads it.
        await self._ask("drop", lambda client: client.delete_collection(name), WRITE_TIMEOUT_S)
        await self._keeper.create(name)
        await self._keeper.index(name, await self._keeper.describe(name))
        points = None if drift.vectors else await self._copy(before, name, told)
        await self._keeper.point_alias(name, before)
        await self._ask("drop", lambda client: client.delete_collection(before), WRITE_TIMEOUT_S)
        return Rebuilt(name, before, points)

    async def _copy(self, before: str, name: str, told: Callable[[int, int], None]) -> int:
        """Copy every point, payload and vectors; points written meanwhile are found by the reconciler's counts."""
        total = (await self._ask("count", lambda client: client.count(before, exact=True), WRITE_TIMEOUT_S)).count
        copied, offset = 0, None
        while True:
            records, offset = await self._ask(
                "scroll",
                lambda client, offset=offset: client.scroll(
                    before, limit=COPIED_AT_ONCE, offset=offset, with_payload=True, with_vectors=True
                ),
                WRITE_TIMEOUT_S,
            )
            points = [_as_point(record) for record in records]
            if points:
                await self._ask(
                    "upsert", lambda client, points=points: client.upsert(name, points, wait=True), WRITE_TIMEOUT_S
                )
            copied += len(points)
            told(copied, total)
            if offset is None:
                break
        there = (await self._ask("count", lambda client: client.count(name, exact=True), WRITE_TIMEOUT_S)).count
        if there < copied:
            detail = f"{name} holds {there} of {copied} points that were copied; the old collection serves on"
            raise StoreUnavailable(detail, store="qdrant", operation="rebuild")
        return copied


def _as_point(record: models.Record) -> models.PointStruct:
    vector: Any = record.vector  # the client's types of what is read and what is written differ in name only
    return models.PointStruct(id=record.id, vector=vector or {}, payload=record.payload)


def _following(name: str, alias: str) -> str:
    numbered = _NUMBERED.fullmatch(name)
    return f"{alias}_v{int(numbered['number']) + 1 if numbered else 2}"
