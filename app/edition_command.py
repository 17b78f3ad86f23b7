"""`switchyard retrieval swap|switch|rollback|retire`: another embedding model, while everything runs."""

import argparse
import asyncio
import time
from collections.abc import Callable

from app.command_index import Index, acts_on_index
from app.console import Console
from app.errors import BadInput
from app.retrieval.editions.edition import Edition, EditionState
from app.retrieval.editions.editions import LOOK_EVERY_S
from app.retrieval.editions.rows import Switched

ASKED_WITHIN_S = 60.0
"""How long `swap` waits for a worker to ask the model; loading it may take a minute."""
WHOLE_WITHIN_S = 30.0
"""How long a switch waits for documents that were uploaded a moment ago."""
FOLLOWED_WITHIN_S = LOOK_EVERY_S + 8.0
"""When nobody asks or writes to a retired edition any more: a look, and a batch that was under way."""
POLL_S = 0.5


def add_acts(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the acts to the parser of `switchyard retrieval`."""
    swapping = acts_on_index(add("swap", help="begin to index every document by another embedding model"), swap)
    swapping.add_argument("model", help="its name, as the nodes file has it")
    for name, help_text, act in (
        ("switch", "have questions asked of what `swap` began, once it is whole and finds as well", switch),
        ("rollback", "have questions asked of the edition that served before", rollback),
    ):
        serving = acts_on_index(add(name, help=help_text), act)
        serving.add_argument(
            "--force", action="store_true", help="though documents are missing there, or it finds less"
        )
    acts_on_index(add("retire", help="remove the edition that does not serve"), retire)


async def swap(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Add an edition by another model, and wait until the worker has asked it. Raises BadInput, StoreUnavailable."""
    begun = await index.editions.rows.begin(given.model)
    notes.say(f"edition {begun.number} is begun; the worker asks {given.model} how long its vectors are")
    asked = await _asked(index, begun)
    if given.json:
        console.show_json(asked)
    elif asked.dense_size is None:
        why = asked.problem or "no worker has asked yet"
        console.say(f"edition {asked.number} waits: {why}; `switchyard retrieval retire` gives it up")
    else:
        console.say(
            f"edition {asked.number}: {asked.model}, {asked.dense_size} dimensions; the worker gives it every document."
            " `switchyard retrieval show` says how far it is, `switchyard retrieval switch` has it serve"
        )


async def switch(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Have the edition that was built serve. Raises BadInput, StoreUnavailable."""
    await _serve(given, index, console, notes, EditionState.BUILDING)


async def rollback(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Have the edition serve that did before. Raises BadInput, StoreUnavailable."""
    await _serve(given, index, console, notes, EditionState.PREVIOUS)


async def retire(given: argparse.Namespace, index: Index, console: Console, notes: Console) -> None:
    """Remove the edition that does not serve, once nobody uses it. Raises BadInput, StoreUnavailable."""
    retired = await index.editions.rows.retire()
    notes.say(f"edition {retired.number} is not used any more; its collection goes in {FOLLOWED_WITHIN_S:g} s")
    await asyncio.sleep(FOLLOWED_WITHIN_S)
    for one in await index.editions.kept():
        if one.edition.state is EditionState.SERVING:
            await index.editions.name(one)
    if retired.dense_size is not None:
        await index.editions.open(retired).index.remove()
    await index.editions.rows.remove(retired)
    if given.json:
        console.show_json(retired)
    else:
        console.say(f"edition {retired.number} ({retired.model}) is removed")


async def _asked(index: Index, begun: Edition) -> Edition:
    until = time.monotonic() + ASKED_WITHIN_S
    while True:
        found = next((one for one in await index.editions.rows.list() if one.number == begun.number), begun)
        if found.dense_size is not None or found.problem is not None or time.monotonic() >= until:
            return found
        await asyncio.sleep(POLL_S)


async def _serve(given: argparse.Namespace, index: Index, console: Console, notes: Console, to: EditionState) -> None:
    switched = await _switched(given, index, notes, to)
    for one in await index.editions.kept():
        if one.edition.state is EditionState.SERVING:
            await index.editions.name(one)
    if given.json:
        console.show_json(switched)
        return
    serving, previous = switched.serving, switched.previous
    console.say(f"edition {serving.number} ({serving.model}) serves; edition {previous.number} is kept up beside it")
    if switched.lacking:
        console.say(f"{switched.lacking} documents are not found until the worker has given them to it")


async def _switched(given: argparse.Namespace, index: Index, notes: Console, to: EditionState) -> Switched:
    """Switch at the first moment at which nothing is missing. Raises BadInput after half a minute without one."""
    until, said = time.monotonic() + WHOLE_WITHIN_S, ""
    while True:
        try:
            return await index.editions.rows.switch(to, by_force=given.force)
        except BadInput as error:
            if "lacking" not in error.facts or time.monotonic() >= until:
                raise
            if error.detail != said:
                said = error.detail
                notes.say(f"{said}; waiting")
        await asyncio.sleep(POLL_S)
