"""The life of a run: drawn, then each move with the states that it leads from and to."""

from app.agents.life import CHANGES, Move, RunState
from ops.docs.markdown import code, page, table
from ops.docs.words_page import meanings_of

WHAT = (
    "A run is in one of the states below, and only these moves lead from one to another: `app/agents/life.py` has the "
    "table, `app/agents/run_rows.py` the statement of each move. A move that may not happen changes nothing: its "
    "statement finds no row, by state and by fence."
)


def write_life() -> str:
    """Return the page."""
    meanings = meanings_of(Move)
    rows = [(code(move.value), _states(move), code(CHANGES[move].after.value), meanings[move.name]) for move in CHANGES]
    return page("The life of a run", WHAT, _drawing(), table(("move", "from", "to", "what happens"), rows))


def _states(move: Move) -> str:
    return ", ".join("nothing" if state is None else code(state.value) for state in _before(move))


def _before(move: Move) -> list[RunState | None]:
    before = CHANGES[move].before
    return [state for state in (None, *RunState) if state in before]


def _drawing() -> str:
    """Return the states as boxes and the moves as arrows, those between the same two on one arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for move, change in CHANGES.items():
        for state in _before(move):
            arrows.setdefault(("[*]" if state is None else state.value, change.after.value), []).append(move.value)
    lines = [f"    {start} --> {end}: {', '.join(moves)}" for (start, end), moves in arrows.items()]
    return "\n".join(("```mermaid", "stateDiagram-v2", *lines, "```"))
