"""Asks golden questions of a search, whichever one is given: the one that serves, or one that is about to."""

from collections.abc import Awaitable, Callable, Sequence

from app.retrieval.evaluation.golden import Golden
from app.retrieval.evaluation.measures import Among, Row, Seen, row_of

Ask = Callable[[str, tuple[str, ...]], Awaitable[Sequence[Seen]]]
"""Asks a question, of the documents of these names only where there are any; passages, best first."""


async def evaluate(
    golden: Sequence[Golden], ask: Ask, *, told: Callable[[int, int], None] = lambda _done, _total: None
) -> list[Row]:
    """Ask each question of all documents, and where it names any, of those; `told` hears how many are done.

    One after another, so that an evaluation takes no more of a node than one user. Raises what `ask` raises.
    """
    rows: list[Row] = []
    for number, one in enumerate(golden, 1):
        rows.append(row_of(one, Among.ALL, await ask(one.question, ())))
        if one.documents:
            rows.append(row_of(one, Among.NAMED, await ask(one.question, one.documents)))
        told(number, len(golden))
    return rows
