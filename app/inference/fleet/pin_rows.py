"""The `model_pins` table: which models operators keep in memory on which nodes."""

from typing import LiteralString

import msgspec

from app.postgres import Database

# A pin that was taken back keeps its row: the node was told to keep the model for ever, and has to be told otherwise.
PUT_PIN: LiteralString = """
    INSERT INTO model_pins (node, model, pinned, changed_at) VALUES (%(node)s, %(model)s, %(pinned)s, now())
    ON CONFLICT (node, model) DO UPDATE SET pinned = excluded.pinned, changed_at = excluded.changed_at
"""
SELECT_PINS: LiteralString = "SELECT node, model, pinned FROM model_pins ORDER BY node, model"


class PinRow(msgspec.Struct, frozen=True, kw_only=True):
    """A model (its full name) that is pinned on a node, or was."""

    node: str
    model: str
    pinned: bool


class PinRows:
    """Reads and writes pins. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, node: str, model: str, *, pinned: bool) -> None:
        """Pin a model (its full name) on a node, or take that back."""
        async with self._database.connection("model_pins_put") as conn:
            await conn.execute(PUT_PIN, {"node": node, "model": model, "pinned": pinned})

    async def list(self) -> tuple[PinRow, ...]:
        """Return every model that is pinned somewhere, or was."""
        async with self._database.connection("model_pins_list") as conn:
            rows = await (await conn.execute(SELECT_PINS)).fetchall()
        return msgspec.convert(rows, tuple[PinRow, ...])
