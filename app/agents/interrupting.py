"""What a run asks a person: it waits until that is answered, and the answer is an effect like any other."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt as GraphsInterrupt

from app.agents.effects import Effects
from app.agents.values import Answered, Interrupt, Request


def _now() -> datetime:
    return datetime.now(UTC)


class Interrupting:
    """Asks persons."""

    def __init__(self, effects: Effects, now: Callable[[], datetime] = _now) -> None:
        self._effects = effects
        self._now = now
        self.open: dict[str, Interrupt] = {}
        """What this attempt has asked and nobody has answered, by step key."""

    def ask(self, path: str, request: Request) -> Answered:
        """Return the answer that is stored. Raises GraphInterrupt while there is none: the run waits then."""
        effect = self._effects.find(path, request, Answered)
        if effect.result is not None:
            return effect.result
        key, input_sha256 = effect.step_key, effect.input_sha256
        self.open[key] = Interrupt(id=key, request=request, asked_at=self._now(), input_sha256=input_sha256.hex())
        # LangGraph keeps it with the checkpoint, so it is plain there. The answer comes from the effects, never from
        # LangGraph: invoked without an input, it runs the interrupted steps again (pregel/_loop.py, `_first`).
        raise GraphInterrupt((GraphsInterrupt(value=msgspec.to_builtins(request), id=key),))
