"""Lets the sentences of an answer through to its readers once they are checked, and keeps back the others."""

from collections.abc import Callable

from app.agents.citing import declines
from app.agents.live import LiveRun
from app.retrieval.support.checking import Check
from app.retrieval.support.sentences import ends
from app.retrieval.support.verdicts import Supported

Examine = Callable[[str], Check | None]
"""Checks a sentence; None for one that claims nothing."""
Opens = Callable[[str], bool]
"""Says whether an answer may begin with a sentence that is supported: one may be true, and beside the question."""


def _whatever(_sentence: str) -> bool:
    return True


class Gate:
    """Hears the pieces of an answer as a model says them; `live` gets whole sentences, the supported ones only.

    The first must be one that `opens` an answer too.
    What claims nothing goes with the next sentence that is let through, and so with none where nothing is.
    """

    def __init__(self, live: LiveRun, examine: Examine, opens: Opens = _whatever) -> None:
        self._live, self._examine, self._opens = live, examine, opens
        self._heard = ""
        self._plain = ""
        self.withheld = 0
        """How many sentences were kept back."""
        self.is_open = False
        """Whether one was let through."""

    def hear(self, piece: str) -> None:
        """Take a piece of the answer."""
        self._heard += piece
        if not any(mark in piece for mark in ".!?…\n \t。！？｡"):  # noqa: RUF001 - full-width marks end sentences too
            return
        whole = ends(self._heard)
        at = 0
        for end in whole:
            self._let(self._heard[at:end])
            at = end
        self._heard = self._heard[at:]

    def restart(self) -> None:
        """Drop all: the answer is said anew."""
        self._heard = self._plain = ""
        self.withheld, self.is_open = 0, False
        self._live.restart()

    def close(self) -> None:
        """Check what was said last: nothing more comes."""
        self._let(self._heard)
        self._heard = ""

    def _let(self, piece: str) -> None:
        if not piece.strip():
            self._plain += piece
            return
        check = self._examine(piece.strip())
        is_said = check is not None and check.supported is Supported.YES and (self.is_open or self._opens(piece))
        if declines(piece) or is_said:
            said = self._plain + piece
            self._live.append(said if self._live.text else said.lstrip())
            self._plain, self.is_open = "", True
        elif check is None:
            self._plain += piece
        else:
            self.withheld += 1
