"""The `node_speeds` table: what a calibration measured of a model on a node, for estimates to begin with."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec

from app.inference.estimates import Speed
from app.postgres import Database

# A calibration replaces the one before; what calls measured since is each replica's own.
PUT_SPEED: LiteralString = """
    INSERT INTO node_speeds (node, model, url, tokens_per_s, prefill_per_s, load_s, measured_at)
    VALUES (%(node)s, %(model)s, %(url)s, %(tokens_per_s)s, %(prefill_per_s)s, %(load_s)s, now())
    ON CONFLICT (node, model) DO UPDATE SET url = excluded.url, tokens_per_s = excluded.tokens_per_s,
        prefill_per_s = excluded.prefill_per_s, load_s = excluded.load_s, measured_at = excluded.measured_at
"""
SELECT_SPEEDS: LiteralString = """
    SELECT node, model, url, tokens_per_s, prefill_per_s, load_s, measured_at FROM node_speeds
"""


class SpeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """How fast the server at `url` was with a model (its full name); see `Speed` for the units."""

    node: str
    model: str
    url: str
    tokens_per_s: float
    prefill_per_s: float
    load_s: float
    measured_at: datetime

    @property
    def speed(self) -> Speed:
        """The speed."""
        return Speed(self.tokens_per_s, self.prefill_per_s, self.load_s)


class SpeedRows:
    """Reads and writes what calibrations measured. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, node: str, model: str, url: str, speed: Speed) -> None:
        """Write what was measured of a model (its full name) on a node."""
        async with self._database.connection("node_speeds_put") as conn:
            await conn.execute(
                PUT_SPEED,
                {
                    "node": node,
                    "model": model,
                    "url": url,
                    "tokens_per_s": speed.tokens_per_s,
                    "prefill_per_s": speed.prefill_per_s,
                    "load_s": speed.load_s,
                },
            )

    async def list(self) -> Sequence[SpeedRow]:
        """Return what was measured of every node."""
        async with self._database.connection("node_speeds_list") as conn:
            rows = await (await conn.execute(SELECT_SPEEDS)).fetchall()
        return msgspec.convert(rows, tuple[SpeedRow, ...])
