"""Brings the schema of PostgreSQL to the newest version, once, under an advisory lock."""

import asyncio
from threading import Event
from typing import Any

import psycopg
import sqlalchemy
import sqlalchemy.exc
from alembic import command
from alembic.runtime.migration import MigrationContext

from app.database_url import DatabaseAccess, address_of, make_access
from app.errors import StoreMisconfigured, StoreUnavailable
from app.schema import configuration, newest_version, unknown_versions
from app.sqlstates import STORE, Fault, fault_of, finding_of, translate
from app.standing import located

# Any constant of our own: whoever holds it migrates, others wait and then find nothing to do.
LOCK = 0x5357_4954_4348
ASK_AGAIN_S = 0.2
# Not the limits of a replica's session: to change a large table takes as long as it takes.
SESSION = {"timezone": "UTC"}


async def migrate(database: DatabaseAccess | str) -> None:
    """Upgrade the schema to its head, past any pooler; safe to call from several processes at once.

    Raises StoreUnavailable, StoreMisconfigured (also for a schema of a newer version); AddressWrong for an address
    that is given as text; sqlalchemy.exc.DBAPIError for a migration that PostgreSQL refuses.
    """
    access = make_access(database) if isinstance(database, str) else database
    await asyncio.to_thread(_upgrade, access)


def _refuse_newer(connection: sqlalchemy.Connection) -> None:
    newer = unknown_versions(MigrationContext.configure(connection).get_current_heads())
    if newer:
        detail = (
            f"the schema is newer than this version: it is at {', '.join(sorted(newer))}, and this version ends at "
            f"{newest_version()}; run the newer version, or restore the backup from before its migration"
        )
        raise StoreMisconfigured(detail, store=STORE, reason=Fault.SCHEMA.value)


def _take_lock(connection: sqlalchemy.Connection) -> None:
    """Return once this connection has the lock of migrations, over all of their transactions, until it is closed.

    It is asked for again and again: who waited for it in a statement would hold a snapshot, and an index that is built
    concurrently waits for the end of every older snapshot.
    """
    pause = Event()
    while True:
        with connection.begin():
            if connection.execute(sqlalchemy.text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}).scalar():
                return
        pause.wait(ASK_AGAIN_S)


def _upgrade(access: DatabaseAccess) -> None:
    parameters: dict[str, Any] = access.direct.connect_parameters(SESSION)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(**parameters), poolclass=sqlalchemy.NullPool
    )
    config = configuration()
    try:
        with engine.connect() as connection:
            _take_lock(connection)
            with connection.begin():
                _refuse_newer(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sqlalchemy.exc.DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        fact = translate(error.orig)
        if not isinstance(fact, StoreUnavailable):
            raise
        finding = finding_of(fault_of(error.orig), error.orig)
        raise located(fact, address_of(parameters), finding) from error
