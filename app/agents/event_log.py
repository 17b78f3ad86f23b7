"""The text of a run as it grows: log entries, who follows them, and their place in Redis."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import cast

import msgspec

from app.agents.events import (
    Delta,
    EventKind,
    Loading,
    Queued,
    Restart,
    RunEvent,
    Thinking,
    WaitingForNode,
    WaitingForSlot,
)
from app.agents.values import RunResult, WaitReason
from app.errors import BadInput, StoreUnavailable
from app.ids import RunId, SessionId
from app.redis import RedisStore

EPOCHS_PER_FENCE = 1000
_EVENT_ID = re.compile(r"(?P<run>[0-9a-f-]{36}):(?P<epoch>[0-9]{1,15}):(?P<offset>[0-9]{1,15})", re.ASCII)


class Opening(msgspec.Struct, frozen=True, tag="b"):
    """A writer begins: what follows in `epoch` continues the first `offset` characters."""

    epoch: int
    offset: int


class Text(msgspec.Struct, frozen=True, tag="t"):
    """Text of `epoch` that begins at `offset`."""

    epoch: int
    offset: int
    text: str


class Thought(msgspec.Struct, frozen=True, tag="k"):
    """Thinking of `epoch` from its character `start` on, while the text had `offset` characters."""

    epoch: int
    offset: int
    start: int
    text: str


class Load(msgspec.Struct, frozen=True, tag="l"):
    """The call waits for a model to load."""

    epoch: int
    node: str
    model: str


class Wait(msgspec.Struct, frozen=True, tag="w"):
    """The call waits for a node."""

    epoch: int
    reason: WaitReason
    since: datetime


class Place(msgspec.Struct, frozen=True, tag="p"):
    """The call's place in the queue for a slot. It is shown to readers here and not logged: it is stale at once."""

    epoch: int
    position: int
    eta_s: float


class End(msgspec.Struct, frozen=True, tag="e"):
    """The run row says how it ended."""

    epoch: int


Entry = Opening | Text | Thought | Load | Wait | Place | End


class Position(msgspec.Struct, frozen=True):
    """Where a reader stands: the epoch it read last, and how much text it has."""

    epoch: int = 0
    offset: int = 0


def parse_position(event_id: str | None, run_id: RunId) -> Position:
    """Read a `Last-Event-ID`; None means the beginning. Raises BadInput for what is no id of this run."""
    if event_id is None:
        return Position()
    found = _EVENT_ID.fullmatch(event_id)
    if found is None:
        raise BadInput("this is no event id: they look like <run id>:<number>:<number>")
    if found.group("run") != str(run_id):
        raise BadInput("this event id is another run's")
    return Position(int(found.group("epoch")), int(found.group("offset")))


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
        self.gap = False

    @property
    def offset(self) -> int:
        """How many characters the reader has."""
        return self._offset

    def replay(self) -> None:
        """Say that the log is read from its beginning now: it must hold the reader's own epoch, or it lost that."""
        self._is_known = self._epoch == 0

    def opening(self) -> RunEvent:
        """The `queued` event, which changes no text."""
        return self._event(EventKind.QUEUED, Queued(self._run_id, self._session_id))

    def closing(self, kind: EventKind, result: RunResult) -> RunEvent:
        """The last event, `done` or `error`."""
        return self._event(kind, result)

    def feed(self, entry: Entry) -> RunEvent | None:
        """Return what the reader must be told of `entry`, if anything."""
        match entry:
            case Opening():
                return self._begin(entry)
            case Text():
                return self._grow(entry)
            case Thought():
                return self._ponder(entry)
            case Load():
                return self._event(EventKind.LOADING, Loading(entry.node, entry.model))
            case Wait():
                return self._event(EventKind.WAITING_FOR_NODE, WaitingForNode(entry.reason, entry.since))
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
        return self._cut(kept) if self._offset > kept else None

    def _grow(self, entry: Text) -> RunEvent | None:
        if entry.epoch < self._epoch or self.gap:
            return None
        if entry.epoch > self._epoch or entry.offset > self._offset:
            self.gap = True
            return None
        fresh = entry.text[self._offset - entry.offset :]
        return self._append(fresh) if fresh else None

    def _ponder(self, entry: Thought) -> RunEvent | None:
        # Who has the text that came after it had the thinking too.
        if entry.epoch != self._epoch or entry.offset < self._offset:
            return None
        return self._event(EventKind.THINKING, Thinking(entry.start, entry.text))

    def _append(self, text: str) -> RunEvent:
        self._offset += len(text)
        return self._event(EventKind.DELTA, Delta(text))

    def _cut(self, offset: int) -> RunEvent:
        self._offset = offset
        return self._event(EventKind.RESTART, Restart(offset))

    def _event(
        self,
        kind: EventKind,
        body: Queued | Loading | WaitingForNode | WaitingForSlot | Thinking | Delta | Restart | RunResult,
    ) -> RunEvent:
        return RunEvent(f"{self._run_id}:{self._epoch}:{self._offset}", kind, body)


class Told(msgspec.Struct, frozen=True):
    """What a log holds: the text, its last epoch, and what was thought before that text, if that was asked for."""

    text: str = ""
    epoch: int = 0
    thinking: str = ""


def replay(entries: Sequence[Entry]) -> Told:
    """Return what the log holds; entries of overtaken writers do not count."""
    text, epoch, thinking = "", 0, ""
    for entry in entries:
        match entry:
            case Opening() if entry.epoch > epoch:
                if entry.offset > len(text):
                    return Told(epoch=entry.epoch)
                text, epoch = text[: entry.offset], entry.epoch
                # Nobody goes on with a thought: a text that begins anew has one of its own.
                thinking = thinking if text else ""
            case Text() if entry.epoch == epoch and entry.offset <= len(text):
                text = text[: entry.offset] + entry.text
            case Thought() if entry.epoch == epoch and entry.start <= len(thinking):
                thinking = thinking[: entry.start] + entry.text
            case _:
                pass
    return Told(text, epoch, thinking)


class EventLog:
    """The entries of every run, one Redis stream a run, kept for `ttl_s` seconds after the last one."""

    def __init__(self, store: RedisStore, *, ttl_s: int) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Entry)

    async def append(self, run_id: RunId, entries: Sequence[Entry]) -> None:
        """Add `entries` in order. Raises StoreUnavailable."""
        key = f"sy:run:{run_id}"
        async with self._store.use("events.append") as client, client.pipeline(transaction=False) as pipe:
            for entry in entries:
                pipe.xadd(key, {b"e": self._encoder.encode(entry)})
            pipe.expire(key, self._ttl_s)
            await pipe.execute()

    async def read(self, run_id: RunId, after: bytes = b"-") -> tuple[list[Entry], bytes]:
        """Return the entries after the stream id `after`, and the last id.

        Raises StoreUnavailable, also for entries that nobody of ours wrote: the log may be lost, so it may be garbage.
        """
        start = b"-" if after == b"-" else b"(" + after
        async with self._store.use("events.read") as client:
            answer = await client.xrange(f"sy:run:{run_id}", start, b"+")
        rows = cast("list[tuple[bytes, dict[bytes, bytes]]]", answer)
        if not rows:
            return [], after
        try:
            return [self._decoder.decode(fields[b"e"]) for _, fields in rows], rows[-1][0]
        except (msgspec.DecodeError, KeyError) as error:
            raise StoreUnavailable("the log of the run cannot be read", store="coordination") from error

    async def told(self, run_id: RunId) -> Told:
        """Return what a run has told; nothing when Redis is away or lost it."""
        try:
            entries, _ = await self.read(run_id)
        except StoreUnavailable:
            return Told()
        return replay(entries)
