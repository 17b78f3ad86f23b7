"""Who follows a run's log: its entries become a reader's events, from any place, each once."""

import re

import msgspec

from app.agents.event_log import Asked, Called, End, Entry, Load, Note, Opening, Place, Text, Thought, Wait
from app.agents.events import (
    Delta,
    EventBody,
    EventKind,
    Interrupted,
    Loading,
    Queued,
    Restart,
    RunEvent,
    Thinking,
    ToolCalled,
    WaitingForNode,
    WaitingForSlot,
)
from app.agents.values import Interrupt, RunResult
from app.errors import BadInput
from app.ids import RunId, SessionId

_EVENT_ID = re.compile(
    r"(?P<run>[0-9a-f-]{36}):(?P<epoch>[0-9]{1,15}):(?P<offset>[0-9]{1,15})(?::(?P<told>[0-9]{1,9}))?", re.ASCII
)


class Position(msgspec.Struct, frozen=True):
    """Where a reader stands: the epoch it read last, how much text it has, and how many notes it was told there."""

    epoch: int = 0
    offset: int = 0
    told: int = 0


def parse_position(event_id: str | None, run_id: RunId) -> Position:
    """Read a `Last-Event-ID`; None means the beginning. Raises BadInput for what is no id of this run."""
    if event_id is None:
        return Position()
    found = _EVENT_ID.fullmatch(event_id)
    if found is None:
        raise BadInput("this is no event id: they look like <run id>:<number>:<number>[:<number>]")
    if found.group("run") != str(run_id):
        raise BadInput("this event id is another run's")
    return Position(int(found.group("epoch")), int(found.group("offset")), int(found.group("told") or 0))


class Follower:
    """Turns log entries into a reader's events, from any position, once each.

    The reader's text is a prefix of the writer's at all times; `gap` tells that the log lost
    entries, so that only the stored answer can complete it.
    """

    def __init__(self, run_id: RunId, session_id: SessionId, position: Position) -> None:
        self._run_id = run_id
        self._session_id = session_id
        self._epoch = position.epoch
        self._offset = position.offset
        self._is_known = position.epoch == 0
        self._told = position.told
        self._passed = 0
        self._asked: set[str] = set()
        self.gap = False

    @property
    def offset(self) -> int:
        """How many characters the reader has."""
        return self._offset

    def replay(self) -> None:
        """Say that the log is read from its beginning now: it must hold the reader's own epoch, or it lost that."""
        self._is_known = self._epoch == 0
        self._passed = 0

    def opening(self) -> RunEvent:
        """The `queued` event, which changes no text."""
        return self._event(EventKind.QUEUED, Queued(self._run_id, self._session_id))

    def closing(self, kind: EventKind, result: RunResult) -> RunEvent:
        """The last event, `done` or `error`."""
        return self._event(kind, result)

    def asking(self, interrupts: tuple[Interrupt, ...]) -> list[RunEvent]:
        """Return what ends the stream of a run that waits: what it asks, unless the reader was told."""
        if all(one.id in self._asked for one in interrupts):
            return []
        self._told += 1
        return [self._event(EventKind.INTERRUPT, Interrupted(interrupts))]

    def feed(self, entry: Entry) -> RunEvent | None:
        """Return what the reader must be told of `entry`, if anything."""
        match entry:
            case Opening():
                return self._begin(entry)
            case Text():
                return self._grow(entry)
            case Thought() | Load() | Wait() | Called() | Asked():
                return self._tell(entry)
            case Place():
                return self._event(EventKind.WAITING_FOR_SLOT, WaitingForSlot(entry.position, entry.eta_s))
            case End():
                # A reader of another epoch missed where this one began.
                self.gap = self.gap or entry.epoch > self._epoch
                return None

    def complete(self, answer: str) -> list[RunEvent]:
        """Return what brings the reader to the stored `answer`, whatever the log lost."""
        events: list[RunEvent] = []
        if self.gap or self._offset > len(answer):
            if self._offset > 0:
                events.append(self._cut(0))
            self._offset = 0
        if self._offset < len(answer):
            events.append(self._append(answer[self._offset :]))
        return events

    def distrust(self) -> None:
        """Say that the log is not there to compare with what the reader already has."""
        self.gap = True

    def _begin(self, opening: Opening) -> RunEvent | None:
        if opening.epoch <= self._epoch:
            self._is_known = self._is_known or opening.epoch == self._epoch
            return None
        # What an epoch told that the log has lost may differ from its first character on from what this one continues.
        kept = opening.offset if self._is_known else 0
        if not self._is_known or self._offset < opening.offset:
            self.gap = True
        self._epoch, self._is_known = opening.epoch, True
        self._told = self._passed = 0
        return self._cut(kept) if self._offset > kept else None

    def _grow(self, entry: Text) -> RunEvent | None:
        if entry.epoch < self._epoch or self.gap:
            return None
        if entry.epoch > self._epoch or entry.offset > self._offset:
            self.gap = True
            return None
        fresh = entry.text[self._offset - entry.offset :]
        return self._append(fresh) if fresh else None

    def _tell(self, note: Note) -> RunEvent | None:
        """Tell a note unless the reader has it: by the text that came after it, or by its number at this place."""
        if isinstance(note, Asked):
            self._asked.update(one.id for one in note.interrupts)
        is_before = note.offset is not None and note.offset < self._offset
        if note.epoch < self._epoch or (note.epoch == self._epoch and is_before):
            return None
        if note.epoch == self._epoch and note.offset in {None, self._offset}:
            self._passed += 1
            if self._passed <= self._told:
                return None
            self._told = self._passed
        return self._event(*_said(note))

    def _append(self, text: str) -> RunEvent:
        self._offset += len(text)
        self._told = self._passed = 0
        return self._event(EventKind.DELTA, Delta(text))

    def _cut(self, offset: int) -> RunEvent:
        self._offset = offset
        self._told = self._passed = 0
        return self._event(EventKind.RESTART, Restart(offset))

    def _event(self, kind: EventKind, body: EventBody) -> RunEvent:
        told = f":{self._told}" if self._told else ""
        return RunEvent(f"{self._run_id}:{self._epoch}:{self._offset}{told}", kind, body)


def _said(note: Note) -> tuple[EventKind, EventBody]:
    match note:
        case Thought():
            return EventKind.THINKING, Thinking(note.start, note.text)
        case Load():
            return EventKind.LOADING, Loading(note.node, note.model)
        case Wait():
            return EventKind.WAITING_FOR_NODE, WaitingForNode(note.reason, note.since)
        case Called():
            return EventKind.TOOL_CALL, ToolCalled(note.tool, note.agent)
        case Asked():
            return EventKind.INTERRUPT, Interrupted(note.interrupts)
