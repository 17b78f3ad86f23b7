"""A reader who comes back, as often as it likes, is told what one who stayed is told: nothing lost, nothing twice."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.agents.event_log import EPOCHS_PER_FENCE, Asked, Called, End, Entry, Load, Opening, Text, Thought, Wait
from app.agents.events import EventKind, Interrupted, RunEvent, ToolCalled
from app.agents.follower import Follower, parse_position
from app.agents.values import Interrupt, Request, WaitReason
from app.ids import RunId, SessionId

RUN, SESSION = RunId(UUID(int=1)), SessionId(UUID(int=2))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def asked(number: int) -> tuple[Interrupt, ...]:
    return (Interrupt(f"clerk/interrupt:{number}", Request("clerk", f"May it, {number}?"), NOW, "00"),)


NOTES: Mapping[str, Callable[[int, int, int], Entry]] = {
    "think": lambda epoch, length, number: Thought(epoch, length, 0, f"hm {number}"),
    "load": lambda epoch, length, number: Load(epoch, f"node-{number}", "m", length),
    "wait": lambda epoch, length, _: Wait(epoch, WaitReason.NODE_FAILED, NOW, length),
    "call": lambda epoch, length, number: Called(epoch, length, f"tool-{number}", "clerk"),
    "ask": lambda epoch, length, number: Asked(epoch, length, asked(number)),
}


def log_of(steps: list[str]) -> list[Entry]:
    """Return what the owners of a run of several steps and agents logged, one after the other."""
    epoch, length = EPOCHS_PER_FENCE, 0
    entries: list[Entry] = [Opening(epoch, 0)]
    for number, step in enumerate(steps):
        if step in NOTES:
            entries.append(NOTES[step](epoch, length, number))
        elif step == "text":
            entries.append(Text(epoch, length, f"<{number}>"))
            length += len(f"<{number}>")
        else:
            is_restart = step == "restart"
            length = length // 2 if is_restart else length
            epoch = epoch + 1 if is_restart else (epoch // EPOCHS_PER_FENCE + 1) * EPOCHS_PER_FENCE
            entries.append(Opening(epoch, length))
    return [*entries, End(epoch)]


def read(log: list[Entry], last_id: str | None, most: int) -> list[RunEvent]:
    """Return up to `most` events after the one that was read last."""
    follower = Follower(RUN, SESSION, parse_position(last_id, RUN))
    follower.replay()
    told = [event for entry in log if (event := follower.feed(entry)) is not None]
    return told[:most]


STEPS = st.sampled_from(["text", *NOTES, "restart", "take_over"])


@given(st.lists(STEPS, max_size=14), st.lists(st.integers(1, 3), min_size=30, max_size=30))
def test_no_event_is_lost_or_told_twice_however_often_a_reader_comes_back(steps: list[str], cuts: list[int]) -> None:
    log = log_of(steps)
    stayed = read(log, None, len(log))
    came_back: list[RunEvent] = []
    for most in cuts:
        came_back += read(log, came_back[-1].id if came_back else None, most)
    assert came_back == stayed
    assert len({event.id for event in stayed}) == len(stayed)


def test_a_reader_is_told_each_tool_call_and_each_request_between_the_pieces_of_text() -> None:
    told = read(log_of(["call", "text", "call", "ask", "take_over", "text"]), None, 99)
    assert [event.kind for event in told] == [
        EventKind.TOOL_CALL,
        EventKind.DELTA,
        EventKind.TOOL_CALL,
        EventKind.INTERRUPT,
        EventKind.DELTA,
    ]
    assert (told[0].body, told[3].body) == (ToolCalled("tool-0", "clerk"), Interrupted(asked(3)))
    assert [event.id.removeprefix(f"{RUN}:") for event in told] == [
        "1000:0:1",
        "1000:3",
        "1000:3:1",
        "1000:3:2",
        "2000:6",
    ]


def test_what_a_run_asks_is_told_from_its_row_only_to_who_was_not_told_from_the_log() -> None:
    follower = Follower(RUN, SESSION, parse_position(None, RUN))
    (event,) = follower.asking(asked(1))
    assert event.id == f"{RUN}:0:0:1"
    for entry in log_of(["ask"]):
        follower.feed(entry)
    assert follower.asking(asked(0)) == []
