"""What a team answers in the end."""

import pytest

from app.agents.reply import Reply, reply_of
from app.errors import AnswerEmpty, RunFailed


def test_a_reply_with_text_is_the_teams() -> None:
    reply = Reply("guide", "30 days.")
    assert reply_of({"question": "How long?", "reply": reply}) is reply


@pytest.mark.parametrize("text", ["", " \n", "\u200b"])
def test_a_reply_that_nobody_would_see_is_none(text: str) -> None:
    with pytest.raises(AnswerEmpty):
        reply_of({"reply": Reply("guide", text)})


@pytest.mark.parametrize("state", [{}, {"reply": None}, {"reply": "30 days."}])
def test_a_team_that_leaves_nothing_fails_its_run(state: dict[str, object]) -> None:
    with pytest.raises(RunFailed) as failed:
        reply_of(state)
    assert failed.value.facts["reason"] == "no_reply"
