"""The vector store and PostgreSQL for one command of `switchyard`."""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from app.command_database import open_database
from app.commandline import acts
from app.console import Console
from app.errors import StoreUnavailable
from app.postgres import Database
from app.retrieval.editions.editions import Editions, Seed
from app.retrieval.qdrant import QdrantPeers
from app.settings import Settings, read_part
from app.standing import located
from app.stores import make_qdrant
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Index:
    """The doors that the command uses."""

    database: Database
    qdrant: QdrantPeers
    editions: Editions
    model: str
    """What the settings say that documents are embedded by."""


Act = Callable[[argparse.Namespace, Index, Console, Console], Awaitable[None]]
"""What a command does: what it was told, the doors, where its answer goes, where notes go."""


def acts_on_index(parser: argparse.ArgumentParser, act: Act) -> argparse.ArgumentParser:
    """Have a command of `switchyard retrieval` do `act`, and answer as JSON if it is told to; returns its parser."""

    async def on_index(settings: Settings, given: argparse.Namespace, console: Console, notes: Console) -> None:
        async with open_index(settings) as index:
            await act(given, index, console, notes)

    def run(given: argparse.Namespace, environ: Mapping[str, str], console: Console, notes: Console) -> int:
        settings = read_part(environ, needed=("database_url", "qdrant_urls"))
        asyncio.run(on_index(settings, given, console, notes))
        return 0

    acts(parser, act).set_defaults(run=run)
    return parser


@asynccontextmanager
async def open_index(settings: Settings) -> AsyncGenerator[Index]:
    """Open the vector store and PostgreSQL for one command.

    What is wrong with either is raised with its address, the cause and what to do: StoreUnavailable,
    StoreMisconfigured.
    """
    metrics = Metrics(CollectorRegistry())
    qdrant = make_qdrant(settings, metrics)
    try:
        async with open_database(settings) as database:
            seed = Seed(settings.embed_model, settings.embed_size)
            yield Index(database, qdrant, Editions(database, qdrant, seed, metrics), settings.embed_model)
    except StoreUnavailable as error:
        if error.facts.get("store") != "qdrant":
            raise
        met = [peer for peer in qdrant.standings if peer.finding is not None] or qdrant.standings
        raise located(error, ", ".join(peer.address for peer in met), met[0].finding) from error
    finally:
        await qdrant.close()
