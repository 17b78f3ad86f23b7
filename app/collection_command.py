"""`switchyard retrieval show|rebuild|reindex`: the editions of the index, their collections, and the points in them."""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence

import msgspec

from app.command_index import Index, acts_on_index
from app.console import Console
from app.errors import NodeFailed
from app.progress_bar import ProgressBar
from app.retrieval.editions.edition import Edition, EditionState, Progress
from app.retrieval.rebuild import Rebuilt
from app.retrieval.shape import State
from app.settings import variable_of

POLL_S = 1.0
STALLED_S = 600.0
"""A wait ends when no document was finished for so long."""


class EditionView(msgspec.Struct, frozen=True):
    """An edition, how far it is, and its collection (None: nobody knows yet how long its vectors are)."""

    edition: Edition
    progress: Progress
    collection: State | None


def add_acts(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the acts to the parser of `switchyard retrieval`."""
    acts_on_index(add("show", help="what serves now, what else there is, and how it differs"), show)
    acts_on_index(add("rebuild", help="build collections as the settings say, while the old ones serve"), rebuild)
    anew = acts_on_index(add("reindex", help="have every document embedded anew, from PostgreSQL"), reindex)
    anew.add_argument("--wait", action="store_true", help="end once that is done")


async def show(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Show the editions, their collections, and how they differ from the settings. Raises StoreUnavailable."""
    del notes
    views = [await _view(index, edition) for edition in await index.editions.rows.list()]
    if given.json:
        console.show_json({"editions": views})
        return
    if not views:
        _say_collection(await index.qdrant.state(), console)
    for view in views:
        for line in lines_of(view):
            console.say(line)
        if view.collection is not None:
            _say_collection(view.collection, console)
    if views and views[0].edition.model != index.model:
        console.say(
            f"{variable_of('embed_model')} is {index.model}: `switchyard retrieval swap {index.model}` goes over to it"
        )


async def rebuild(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Build collections anew, with progress. Raises StoreUnavailable; then the old ones serve on."""

    def told(copied: int, total: int) -> None:
        notes.say(f"{copied} of {total} points copied")

    await index.editions.ensure()
    kept = [one.index for one in await index.editions.kept()]
    rebuilt = [done for one in kept if (done := await one.rebuild(told)) is not None]
    if given.json:
        console.show_json({"rebuilt": rebuilt})
    elif not rebuilt:
        console.say("the collections are as the settings say" if kept[1:] else "the collection is as the settings say")
    for one in () if given.json else rebuilt:
        console.say(_said(one))


async def reindex(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Have every document of every tenant embedded anew by the worker; make collections that are lost.

    Raises StoreUnavailable; what was noted is done, and the command may be run again.
    """
    await index.editions.ensure()
    await index.editions.given.forget_all()
    progress = await wait(index, ProgressBar(sys.stderr, notes, is_quiet=given.json), waits=given.wait)
    if given.json:
        console.show_json(progress)
    elif progress.lacking > progress.failed:
        console.say(
            f"the worker embeds {progress.lacking} documents anew; `switchyard retrieval show` says how far it is"
        )
    else:
        failed = f"; {progress.failed} cannot be embedded" if progress.failed else ""
        console.say(f"{progress.given} documents are embedded anew{failed}")


async def wait(index: Index, bar: ProgressBar, *, waits: bool) -> Progress:
    """Return how far the edition is that is furthest behind; with `waits`, once none lacks what it can have.

    Raises NodeFailed when no document is finished for ten minutes.
    """
    least, since = sys.maxsize, time.monotonic()
    while True:
        kept = [await index.editions.rows.progress(one.edition) for one in await index.editions.kept()]
        progress = max(kept, key=lambda one: one.lacking - one.failed)
        left = progress.lacking - progress.failed
        if not (waits and left):
            bar.clear()
            return progress
        if left < least:
            least, since = left, time.monotonic()
        if time.monotonic() - since > STALLED_S:
            raise NodeFailed(f"no document was embedded for {STALLED_S:g} s: see the worker's log")
        share = progress.given / max(1, progress.documents)
        bar.show("reindex", "embedding", share, f"{progress.given} of {progress.documents} documents")
        await asyncio.sleep(POLL_S)


def lines_of(view: EditionView) -> Sequence[str]:
    """Return what is said of an edition."""
    edition, progress = view.edition, view.progress
    is_ = "serves" if edition.state is EditionState.SERVING else f"is {edition.state.value}"
    size = f"{edition.dense_size} dimensions" if edition.dense_size else edition.problem or "no worker has asked it yet"
    failed = f", {progress.failed} cannot be embedded" if progress.failed else ""
    lines = [
        f"edition {edition.number} {is_}: {edition.model}, {size}",
        f"  {progress.given} of {progress.documents} documents{failed}",
    ]
    if edition.recall is not None:
        found = edition.recall
        lines.append(
            f"  finds {found.other} of {found.asked} chunks by a sentence; the one that served, {found.serving}"
        )
    return lines


async def _view(index: Index, edition: Edition) -> EditionView:
    is_kept = edition.dense_size is not None and edition.state is not EditionState.RETIRED
    state = await index.editions.open(edition).index.state() if is_kept else None
    return EditionView(edition, await index.editions.rows.progress(edition), state)


def _say_collection(state: State, console: Console) -> None:
    console.say(f"collection {state.name or 'is not made yet'}: {state.points} points")
    for line in (*state.in_place, *state.rebuild):
        console.say(f"  {line}")
    if state.copies is not None:
        console.say(f"  {state.copies.whole} of {state.copies.wanted} copies of shards are whole")
    if state.rebuild:
        console.say("`switchyard retrieval rebuild` builds it as the settings say")


def _said(rebuilt: Rebuilt) -> str:
    points = "; it is empty: `switchyard retrieval reindex` fills it" if rebuilt.points is None else None
    return f"{rebuilt.name} takes the place of {rebuilt.before}{points or f', with {rebuilt.points} points'}"
