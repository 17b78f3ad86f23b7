"""A session that begins with turns that were said elsewhere."""

from app.agents.values import StartRun, Turn
from tests.integration.test_runs import Bench, accepted, bench, pytestmark

__all__ = ["bench", "pytestmark"]

EARLIER = (Turn("user", "How long is the warranty?"), Turn("assistant", "Five years."))


async def test_a_runs_history_is_what_its_new_session_began_with(bench: Bench) -> None:
    runs = bench.runs()
    claim = await accepted(runs, bench.caller, StartRun(question="Of the lamp?", request_id="r", earlier=EARLIER))
    history = await bench.sessions.history(bench.caller.tenant_id, claim.session_id, before=claim.run_id)
    assert (history.turns, history.is_whole) == (EARLIER, True)
    shown = await bench.sessions.get(bench.caller.tenant_id, claim.session_id)
    assert [message.content for message in shown.messages] == [
        "How long is the warranty?",
        "Five years.",
        "Of the lamp?",
    ]
