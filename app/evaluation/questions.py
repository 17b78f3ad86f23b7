"""Questions to a team whose right answers are known, and how their files are read."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.errors import BadInput
from app.question_files import check, text_of


class EarlierTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message before the question; `role` is `user` or `assistant`."""

    role: str
    content: str


class EventWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What should be booked: `starts_at` is local, without a zone."""

    title: str
    starts_at: str
    duration_minutes: int
    place: str | None = None
    attendees: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question; what it says nothing of is not counted. `evaluation/README.md` says what each field means.

    `lacks` are words that stand nowhere in the answer; of a question that is a `request`, what must be asked for.
    """

    id: str
    question: str = ""
    request: str = ""
    context: Mapping[str, str] = {}
    earlier: tuple[EarlierTurn, ...] = ()
    facts: tuple[tuple[str, ...], ...] = ()
    lacks: tuple[str, ...] = ()
    of: str = ""
    agent: str | None = None
    clarifies: bool | None = None
    waits: bool | None = None
    mode: str | None = None
    kind: str = ""
    tickers: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    pages: tuple[int, ...] = ()
    time_zone: str = "UTC"
    now: str = ""
    event: EventWanted | None = None
    titles: tuple[str, ...] = ()
    file: str = ""
    """The file that it stands in: each is counted by itself."""

    def __post_init__(self) -> None:
        """Check that something is asked. Raises ValueError."""
        if bool(self.question.strip()) == bool(self.request.strip()):
            raise ValueError(f"{self.id}: give a question or a request")

    @property
    def text(self) -> str:
        """What is asked, whichever it is."""
        return self.question or self.request


def read_questions(path: Path) -> list[Question]:
    """Return the questions of a file of JSON lines. Raises BadInput."""
    found: list[Question] = []
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            one = msgspec.json.decode(line, type=Question)
        except (msgspec.MsgspecError, ValueError) as error:
            raise BadInput(f"{path}, line {number}: {error}") from error
        found.append(msgspec.structs.replace(one, file=path.name.removesuffix(".jsonl")))
    check(path, found)
    return found
