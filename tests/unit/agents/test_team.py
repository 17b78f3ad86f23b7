"""What a team leaves as its reply."""

import pytest

from app.agents.calls import Reply
from app.agents.team import Outbox
from app.errors import AnswerEmpty, RunFailed


def outbox(reply: Reply | None) -> Outbox:
    """Return one in which a team has left this."""
    left = Outbox()
    left.reply = reply
    return left


def test_a_reply_with_text_is_the_teams() -> None:
    reply = Reply("guide", "30 days.")
    assert outbox(reply).take() is reply


@pytest.mark.parametrize("text", ["", " \n", "\u200b"])
def test_a_reply_that_nobody_would_see_is_none(text: str) -> None:
    with pytest.raises(AnswerEmpty):
        outbox(Reply("guide", text)).take()


def test_a_team_that_leaves_nothing_fails_its_run() -> None:
    with pytest.raises(RunFailed) as failed:
        outbox(None).take()
    assert failed.value.facts["reason"] == "no_reply"
