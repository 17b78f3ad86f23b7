"""Feedback in its rows: one word a key, counted as it changes, and gone with its session."""

import pytest

from app.agents.feedback import Feedback, FeedbackUnknown, Rating
from app.errors import RunUnknown
from app.ids import Caller, KeyId
from app.wiring import Platform
from tests.fakes.node import FakeNode
from tests.integration.platforms import Servers, add_caller, answered, ask, opened, rows, settings_for

pytestmark = pytest.mark.integration

ROWS = "SELECT rating, text FROM run_feedback WHERE run_id = %s ORDER BY rating"


def counted(platform: Platform, rating: Rating) -> float:
    """How often the assistant's answers were given that rating."""
    value = platform.metrics.registry.get_sample_value(
        "switchyard_feedback_total", {"rating": rating.value, "team": "assistant"}
    )
    assert value is not None
    return value


@pytest.mark.requirement("FAM-15.satisfaction")
async def test_each_key_has_one_word_on_a_run_that_it_may_change(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller = await add_caller(platform)
        run = await answered(platform, caller, ask())
        assert (counted(platform, Rating.UP), counted(platform, Rating.DOWN)) == (0, 0)
        with pytest.raises(FeedbackUnknown):
            await platform.feedback.get(caller, run.run_id)
        for said, is_new in (
            (Feedback(Rating.UP, "good", 0.8), True),
            (Feedback(Rating.UP, "very good"), False),
            (Feedback(Rating.DOWN, "not so good"), False),
        ):
            given = await platform.feedback.give(caller, run.run_id, said)
            assert (given.said, given.is_new) == (said, is_new)
            assert (await platform.feedback.get(caller, run.run_id)).said == said
        colleague = Caller(caller.tenant_id, KeyId(run.run_id), caller.tenant)
        await platform.feedback.give(colleague, run.run_id, Feedback(Rating.UP))
        assert await rows(platform, ROWS, run.run_id) == [
            {"rating": "down", "text": "not so good"},
            {"rating": "up", "text": ""},
        ]
        # One of each that was changed to, and the colleague's.
        assert (counted(platform, Rating.UP), counted(platform, Rating.DOWN)) == (2, 1)


async def test_a_foreign_run_takes_none_and_an_erased_session_leaves_none(servers: Servers, node: FakeNode) -> None:
    async with opened(settings_for(servers, node)) as (platform,):
        caller, stranger = await add_caller(platform), await add_caller(platform)
        run = await answered(platform, caller, ask())
        with pytest.raises(RunUnknown):
            await platform.feedback.give(stranger, run.run_id, Feedback(Rating.DOWN))
        await platform.feedback.give(caller, run.run_id, Feedback(Rating.UP))
        with pytest.raises(RunUnknown):
            await platform.feedback.get(stranger, run.run_id)
        await platform.sessions.remove(caller.tenant_id, run.session_id)
        assert await rows(platform, ROWS, run.run_id) == []
