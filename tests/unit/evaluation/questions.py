"""The lines of the evaluation sets, with no field more than their README names."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

Fact = Sequence[str]


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was said before."""

    role: Literal["user", "assistant"]
    content: str


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every line has."""

    id: str
    of: str | None = None

    @property
    def text(self) -> str:
        """What is asked."""
        raise NotImplementedError


class Asked(Question, frozen=True, kw_only=True):
    """A question with an answer in words."""

    question: str
    context: dict[str, str] = {}
    earlier: list[Turn] = []
    facts: list[list[str]]
    lacks: list[str] = []

    @property
    def text(self) -> str:
        """What is asked."""
        return self.question


class InsuranceQuestion(Asked, frozen=True, kw_only=True):
    """One for the insurance team."""

    agent: str
    clarifies: bool | None = None
    waits: bool


class AssistantQuestion(Asked, frozen=True, kw_only=True):
    """One for the assistant."""

    mode: Literal["guide", "direct", "rag", "cached_context", "hybrid"]
    documents: list[str]


class FinanceQuestion(Asked, frozen=True, kw_only=True):
    """One about filings."""

    kind: Literal["fact", "compare", "compute"]
    tickers: list[str]
    documents: list[str]
    pages: list[int]


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request asks to book."""

    title: str
    starts_at: str
    duration_minutes: int
    place: str | None
    attendees: list[str]


class SchedulerRequest(Question, frozen=True, kw_only=True):
    """A sentence for the scheduler."""

    request: str
    time_zone: str
    now: datetime
    event: Event | None = None
    titles: list[str] = []
    lacks: list[str] = []

    @property
    def text(self) -> str:
        """What is asked."""
        return f"{self.request} / {self.now}"


_KINDS: dict[str, type[Question]] = {
    "insurance": InsuranceQuestion,
    "assistant": AssistantQuestion,
    "finance": FinanceQuestion,
    "scheduler": SchedulerRequest,
}


def read_set(path: Path) -> list[Question]:
    """Return the lines of a set; raises ValidationError where one has a field that is not known."""
    kind = _KINDS[path.name.partition(".")[0]]
    return [msgspec.json.decode(line, type=kind) for line in path.read_text().splitlines()]
