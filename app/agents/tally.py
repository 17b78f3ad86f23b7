"""What one attempt at a run has used so far, and what it had to do without."""

from collections.abc import Set
from datetime import datetime

import structlog

from app.agents.effects import Effects
from app.agents.live import LiveRun
from app.agents.values import WaitReason
from app.degradation import Degradation
from app.errors import Unavailable
from app.inference.estimates import US_PER_S
from app.inference.slots.outlook import Outlook
from app.inference.words.records import Usage

log = structlog.get_logger(__name__)


class Tally:
    """Kept by every call of the attempt, and read at its end; readers are told while a call waits."""

    def __init__(self, live: LiveRun, effects: Effects) -> None:
        self.degraded: set[Degradation] = set()
        """What was lacking outside of effects and the log; what an effect lacked is stored with it."""
        self.usages: list[Usage] = []
        """What every call of this attempt took, stored or not."""
        self.trouble: Unavailable | None = None
        """Why the run waits for a node now, if it does."""
        self.thought_tokens = 0
        """How many tokens were thought before the text that an earlier attempt has shown."""
        self.summarised = 0
        """For how many messages of the session a summary stands."""
        self._live = live
        self._effects = effects

    @property
    def lacked(self) -> Set[Degradation]:
        """All that the run has had to do without, in every attempt."""
        events = {Degradation.EVENTS} if self._live.unlogged else set[Degradation]()
        return self.degraded | self._effects.degraded | events

    def wait(self, trouble: Unavailable, since: datetime) -> None:
        """Note that a call waits for a node since then, and tell readers."""
        self.trouble = trouble
        log.warning("run.waits_for_node", reason=trouble.code, detail=trouble.detail)
        self._live.waits(WaitReason(trouble.code), since)

    def stand(self, outlook: Outlook) -> None:
        """Tell readers where a call stands in the queue for a slot."""
        self._live.stands(outlook.position, round(outlook.eta_us / US_PER_S, 1))

    def go_on(self) -> None:
        """Note that no call waits any more."""
        self.trouble = None
