"""PostgreSQL for one command of `switchyard`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from app.errors import StoreUnavailable
from app.postgres import Database, make_pool
from app.settings import Settings, database_access
from app.sqlstates import STORE, Fault, finding_of
from app.standing import located
from app.telemetry.metrics import Metrics

WAIT_S = 5.0


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncGenerator[Database]:
    """Open one connection; it is closed with the block.

    What is wrong with PostgreSQL is raised with its address, the cause and what to do: StoreUnavailable,
    StoreMisconfigured.
    """
    pool = make_pool(database_access(settings), size=1, wait_s=WAIT_S)
    await pool.open(wait=False)
    try:
        yield Database(pool, Metrics(CollectorRegistry()))
    except StoreUnavailable as error:
        if error.facts.get("store") != STORE:
            raise
        finding = pool.door.finding or finding_of(Fault(error.facts["reason"]))
        raise located(error, pool.door.address, finding) from error
    finally:
        await pool.close()
