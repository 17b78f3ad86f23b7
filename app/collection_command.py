"""`switchyard collection`: shows the vector store's collection, or builds it anew under the present settings."""

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from app.command_database import open_database
from app.console import Console
from app.errors import StoreUnavailable
from app.postgres import Database
from app.retrieval.qdrant import QdrantPeers
from app.retrieval.reconcile import reindex_all
from app.settings import Settings
from app.standing import located
from app.stores import make_qdrant
from app.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Index:
    """The doors that the command uses."""

    qdrant: QdrantPeers
    database: Database


@asynccontextmanager
async def open_index(settings: Settings) -> AsyncGenerator[Index]:
    """Open the vector store and PostgreSQL for one command.

    What is wrong with either is raised with its address, the cause and what to do: StoreUnavailable,
    StoreMisconfigured.
    """
    qdrant = make_qdrant(settings, Metrics(CollectorRegistry()))
    try:
        async with open_database(settings) as database:
            yield Index(qdrant, database)
    except StoreUnavailable as error:
        if error.facts.get("store") != "qdrant":
            raise
        met = [peer for peer in qdrant.standings if peer.finding is not None] or qdrant.standings
        raise located(error, ", ".join(peer.address for peer in met), met[0].finding) from error
    finally:
        await qdrant.close()


async def show(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Show what the alias names and how that differs from the settings. Raises StoreUnavailable."""
    del notes
    state = await index.qdrant.state()
    if given.json:
        console.show_json(state)
        return
    console.say(f"collection {state.name or 'is not made yet'}: {state.points} points")
    for line in (*state.in_place, *state.rebuild):
        console.say(f"  {line}")
    if state.copies is not None:
        console.say(f"  {state.copies.whole} of {state.copies.wanted} copies of shards are whole")
    if state.rebuild:
        console.say("`switchyard collection rebuild` builds it as the settings say")


async def rebuild(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Build the collection anew, with progress. Raises StoreUnavailable; then the old one serves on."""

    def told(copied: int, total: int) -> None:
        notes.say(f"{copied} of {total} points copied")

    rebuilt = await index.qdrant.rebuild(told)
    queued = 0
    if rebuilt is not None and rebuilt.points is None:
        queued = await reindex_all(index.database)
    if given.json:
        console.show_json({"rebuilt": rebuilt, "queued": queued})
    elif rebuilt is None:
        console.say("the collection is as the settings say")
    elif rebuilt.points is None:
        console.say(f"{rebuilt.name} takes the place of {rebuilt.before}; {queued} documents wait to be embedded anew")
    else:
        console.say(f"{rebuilt.name} takes the place of {rebuilt.before}, with {rebuilt.points} points")
