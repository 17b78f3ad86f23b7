"""What a run tells its readers, as it goes on."""

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec

from app.agents.values import Interrupt, RunResult, WaitReason
from app.ids import RunId, SessionId


class EventKind(StrEnum):
    """What a run tells its readers."""

    QUEUED = "queued"
    """The run is stored; its ids."""
    LOADING = "loading"
    """A node loads the model first."""
    WAITING_FOR_NODE = "waiting_for_node"
    """Nothing can take the run's call now."""
    WAITING_FOR_SLOT = "waiting_for_slot"
    """Other calls are before the run's in the queue for a slot."""
    THINKING = "thinking"
    """A piece of what the model thinks, if that was asked for."""
    DELTA = "delta"
    """A piece of the answer."""
    TOOL_CALL = "tool_call"
    """An agent calls a tool."""
    INTERRUPT = "interrupt"
    """The run waits for a person: the last event until the answer comes."""
    RESTART = "restart"
    """The text after an offset counts no more."""
    DONE = "done"
    """The whole answer: the last event."""
    ERROR = "error"
    """Why there is no answer: the last event."""


class Queued(msgspec.Struct, frozen=True):
    """First event: the ids to come back with."""

    run_id: RunId
    session_id: SessionId


class Loading(msgspec.Struct, frozen=True):
    """A node loads the model first; the answer waits for it."""

    node: str
    model: str


class WaitingForNode(msgspec.Struct, frozen=True):
    """Nothing can take the run's call since then; it goes on as soon as something can, until its deadline."""

    reason: WaitReason
    since: datetime


class WaitingForSlot(msgspec.Struct, frozen=True):
    """Where the run's call stands in the queue for a slot: 1 is the next, expected to have one in `eta_s` seconds."""

    position: int
    eta_s: float


class Thinking(msgspec.Struct, frozen=True):
    """A piece of what the model thinks, after the first `offset` characters of that; what was told after those goes."""

    offset: int
    text: str


class ToolCalled(msgspec.Struct, frozen=True):
    """An agent calls a tool."""

    tool: str
    agent: str


class Interrupted(msgspec.Struct, frozen=True):
    """What the run asks a person; it goes on once each is answered."""

    interrupts: tuple[Interrupt, ...]


class Delta(msgspec.Struct, frozen=True):
    """A piece of the answer, to be appended."""

    text: str


class Restart(msgspec.Struct, frozen=True):
    """Drop everything after the first `offset` characters (Unicode code points) of the answer."""

    offset: int


EventBody: TypeAlias = (
    Queued
    | Loading
    | WaitingForNode
    | WaitingForSlot
    | Thinking
    | ToolCalled
    | Interrupted
    | Delta
    | Restart
    | RunResult
)


class RunEvent(msgspec.Struct, frozen=True):
    """One event. `id` is `<run>:<epoch>:<offset>`, where the offset is the answer's length after it.

    What changes no text has its number at that place as a fourth part.
    """

    id: str
    kind: EventKind
    body: EventBody
