"""PostgreSQL for one command of `switchyard`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from app.postgres import Database, make_pool
from app.settings import Settings, database_access
from app.telemetry.metrics import Metrics

WAIT_S = 5.0


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncGenerator[Database]:
    """Open one connection; it is closed with the block."""
    pool = make_pool(database_access(settings), size=1, wait_s=WAIT_S)
    await pool.open(wait=False)
    try:
        yield Database(pool, Metrics(CollectorRegistry()))
    finally:
        await pool.close()
