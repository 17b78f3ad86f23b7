"""Brings the schema of PostgreSQL to the newest version, once, under an advisory lock."""

import asyncio
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

SCRIPTS = Path(__file__).parent.parent / "alembic"
# Any constant of our own: whoever holds it migrates, others wait and then find nothing to do.
LOCK = 0x5357_4954_4348


async def migrate(database_url: str) -> None:
    """Upgrade the schema to its head; safe to call from several processes at once.

    Raises sqlalchemy.exc.OperationalError when PostgreSQL cannot be reached.
    """
    await asyncio.to_thread(_upgrade, database_url)


def _upgrade(database_url: str) -> None:
    url = sqlalchemy.make_url(database_url).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    with engine.connect() as connection, connection.begin():
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
