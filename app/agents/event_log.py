"""The text of a run as it grows: log entries, and their place in Redis."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import msgspec

from app.agents.values import Interrupt, WaitReason
from app.errors import StoreUnavailable
from app.ids import RunId
from app.redis import RedisStore

EPOCHS_PER_FENCE = 1000


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
    """The call waits for a model to load; where the text stood then (None: an entry of an earlier version)."""

    epoch: int
    node: str
    model: str
    offset: int | None = None


class Wait(msgspec.Struct, frozen=True, tag="w"):
    """The call waits for a node; where the text stood then (None: an entry of an earlier version)."""

    epoch: int
    reason: WaitReason
    since: datetime
    offset: int | None = None


class Called(msgspec.Struct, frozen=True, tag="c"):
    """An agent called a tool, while the text had `offset` characters."""

    epoch: int
    offset: int
    tool: str
    agent: str


class Asked(msgspec.Struct, frozen=True, tag="i"):
    """The run waits for a person, while the text had `offset` characters."""

    epoch: int
    offset: int
    interrupts: tuple[Interrupt, ...]


class Place(msgspec.Struct, frozen=True, tag="p"):
    """The call's place in the queue for a slot. It is shown to readers here and not logged: it is stale at once."""

    epoch: int
    position: int
    eta_s: float


class End(msgspec.Struct, frozen=True, tag="e"):
    """The run row says how it ended."""

    epoch: int


Entry = Opening | Text | Thought | Load | Wait | Called | Asked | Place | End
Note = Thought | Load | Wait | Called | Asked
"""What is told and changes no text."""
_TAGS = {"b", "t", "k", "l", "w", "c", "i", "p", "e"}


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


class Kind(msgspec.Struct, frozen=True):
    """The kind of an entry, whatever else it holds."""

    type: str


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

        Entries of a kind that only a later version knows are left out. Raises StoreUnavailable, also for what nobody
        of ours wrote: the log may be lost, so it may be garbage.
        """
        start = b"-" if after == b"-" else b"(" + after
        async with self._store.use("events.read") as client:
            answer = await client.xrange(f"sy:run:{run_id}", start, b"+")
        rows = cast("list[tuple[bytes, dict[bytes, bytes]]]", answer)
        if not rows:
            return [], after
        try:
            known = [self._decode(fields[b"e"]) for _, fields in rows]
            return [entry for entry in known if entry is not None], rows[-1][0]
        except (msgspec.DecodeError, KeyError) as error:
            raise StoreUnavailable("the log of the run cannot be read", store="coordination") from error

    def _decode(self, raw: bytes) -> Entry | None:
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError:
            kind = msgspec.msgpack.decode(raw, type=Kind).type
            if kind in _TAGS:
                raise
            return None

    async def told(self, run_id: RunId) -> Told:
        """Return what a run has told; nothing when Redis is away or lost it."""
        try:
            entries, _ = await self.read(run_id)
        except StoreUnavailable:
            return Told()
        return replay(entries)
