"""Several changes as one statement: one round trip and one commit, and all of them or none."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import LiteralString

import msgspec
from psycopg.rows import DictRow

from app.postgres import Connection


class Part(msgspec.Struct, frozen=True):
    """One query of a statement, as `name AS (…)`, and the parameters that are its own.

    What a part changes may follow from another's rows: it then reads from that part, which so comes first. Whatever
    follows from the right to change anything at all reads from the part `held`, which has one row or none. Its spaces
    are made fewer: no literal has two in a row, and there is no comment.
    """

    text: LiteralString
    given: Mapping[str, object] = {}


ALWAYS = Part("held AS (SELECT 1)")
"""Where nobody else can have the right."""
IS_HELD: LiteralString = "SELECT 1 AS held FROM held"


async def execute(conn: Connection, parts: Sequence[Part], told: LiteralString = IS_HELD) -> DictRow | None:
    """Run the parts and return the first row of `told`, which says what came of them."""
    given: dict[str, object] = {}
    for part in parts:
        for name, value in part.given.items():
            known = given.setdefault(name, value)
            if known is not value and known != value:
                raise AssertionError("two parts give one parameter two values")
    rows = await conn.execute(_joined(tuple([part.text for part in parts]), told), given)
    return await rows.fetchone()


@lru_cache
def _joined(texts: tuple[LiteralString, ...], told: LiteralString) -> LiteralString:
    """Return the statement, short: psycopg reads one of more than 4096 characters anew each time (_queries.py)."""
    words: list[LiteralString] = ("WITH " + ", ".join(texts) + " " + told).split()
    return " ".join(words)


def plain(value: object) -> str:
    """Return the JSON of `value`, for a parameter that the statement casts to jsonb."""
    return msgspec.json.encode(value).decode()
