"""What keys say of runs, without a database."""

from app.agents.feedback import Feedback, FeedbackUnknown, GivenFeedback
from app.ids import Caller, KeyId, RunId
from tests.fakes.runner import NOW, FakeRunner


class FakeFeedback:
    """Keeps what keys say of the runner's runs."""

    def __init__(self, runner: FakeRunner) -> None:
        self._runner = runner
        self.said: dict[tuple[RunId, KeyId], GivenFeedback] = {}

    async def give(self, caller: Caller, run_id: RunId, said: Feedback, /) -> GivenFeedback:
        """Keep it."""
        self._runner.find(caller.tenant_id, run_id)
        is_new = (run_id, caller.key_id) not in self.said
        self.said[run_id, caller.key_id] = GivenFeedback(said, NOW)
        return GivenFeedback(said, NOW, is_new=is_new)

    async def get(self, caller: Caller, run_id: RunId, /) -> GivenFeedback:
        """Return it."""
        self._runner.find(caller.tenant_id, run_id)
        given = self.said.get((run_id, caller.key_id))
        if given is None:
            raise FeedbackUnknown("this api key has said nothing of this run")
        return given
