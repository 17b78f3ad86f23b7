"""What a reader has seen is always a prefix of what ends up stored, or is taken back."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.event_log import EPOCHS_PER_FENCE, End, Entry, Opening, Place, Text, Thought, Told, Wait, replay
from app.agents.events import Delta, EventKind, Restart, RunEvent, WaitingForNode, WaitingForSlot
from app.agents.follower import Follower, Position, parse_position
from app.agents.values import WaitReason
from app.errors import BadInput
from app.ids import RunId, SessionId

RUN = RunId(UUID(int=1))
SESSION = SessionId(UUID(int=2))


class Reader:
    """A client that does exactly what the events say, and can come back with the last id it saw."""

    def __init__(self) -> None:
        self.text = ""
        self.last_id: str | None = None

    def see(self, event: RunEvent | None) -> None:
        if event is None:
            return
        if isinstance(event.body, Delta):
            self.text += event.body.text
        if isinstance(event.body, Restart):
            assert event.body.offset <= len(self.text)
            self.text = self.text[: event.body.offset]
        self.last_id = event.id

    def follower(self) -> Follower:
        return Follower(RUN, SESSION, parse_position(self.last_id, RUN))


def written(*pieces: str, fence: int = 1, start: int = 0) -> list[Entry]:
    epoch, offset = fence * EPOCHS_PER_FENCE, start
    entries: list[Entry] = [Opening(epoch, start)]
    for piece in pieces:
        entries.append(Text(epoch, offset, piece))
        offset += len(piece)
    return entries


def test_a_reader_from_the_beginning_gets_the_text_in_order() -> None:
    reader = Reader()
    follower = reader.follower()
    for entry in written("Hello", ", ", "world"):
        reader.see(follower.feed(entry))
    assert reader.text == "Hello, world"
    assert follower.complete("Hello, world") == []


def test_a_reader_who_comes_back_gets_only_the_rest() -> None:
    entries = written("Hello", ", ", "world")
    reader = Reader()
    first = reader.follower()
    for entry in entries[:2]:
        reader.see(first.feed(entry))
    second = reader.follower()
    events = [event for entry in entries if (event := second.feed(entry)) is not None]
    assert [event.body for event in events] == [Delta(", "), Delta("world")]


def test_a_takeover_that_continues_the_logged_text_restarts_nobody_who_read_the_log() -> None:
    reader = Reader()
    follower = reader.follower()
    for entry in [*written("The answer"), *written(" is 42", fence=2, start=10), End(2 * EPOCHS_PER_FENCE)]:
        reader.see(follower.feed(entry))
    assert reader.text == "The answer is 42"


def test_a_reader_ahead_of_what_the_takeover_found_is_cut_back_to_it() -> None:
    reader = Reader()
    follower = reader.follower()
    for entry in written("The answer", " is 41"):
        reader.see(follower.feed(entry))
    again = reader.follower()
    for entry in [*written("The answer"), *written(" is 42", fence=2, start=10)]:
        reader.see(again.feed(entry))
    assert reader.text == "The answer is 42"


def test_what_an_overtaken_writer_still_logs_is_not_shown() -> None:
    entries = [*written("abc"), *written("def", fence=2, start=3), Text(EPOCHS_PER_FENCE, 3, "zombie")]
    reader = Reader()
    follower = reader.follower()
    for entry in entries:
        reader.see(follower.feed(entry))
    assert reader.text == "abcdef"
    assert replay(entries) == Told("abcdef", 2 * EPOCHS_PER_FENCE)


def test_a_reader_of_an_epoch_that_the_log_has_lost_gets_the_stored_answer_anew() -> None:
    reader = Reader()
    follower = reader.follower()
    for entry in [*written("a"), *written("b", fence=2)]:
        reader.see(follower.feed(entry))
    assert reader.text == "b"
    again = reader.follower()
    for entry in [*written("a"), *written("c", fence=3, start=1)]:
        reader.see(again.feed(entry))
    for event in again.complete("ac"):
        reader.see(event)
    assert reader.text == "ac"


def test_a_reader_who_was_cut_back_to_what_another_epoch_told_keeps_none_of_the_lost_one() -> None:
    reader = Reader()
    follower = reader.follower()
    for entry in [*written("a"), *written("ba", fence=2)]:
        reader.see(follower.feed(entry))
    log = [*written("a"), *written(fence=3, start=1)]
    for once_more in (log, log):
        again = reader.follower()
        for entry in once_more:
            reader.see(again.feed(entry))
    for event in again.complete("a"):
        reader.see(event)
    assert reader.text == "a"


def test_a_log_that_lost_its_beginning_costs_the_deltas_and_not_the_answer() -> None:
    reader = Reader()
    follower = reader.follower()
    reader.see(follower.feed(Text(EPOCHS_PER_FENCE, 5, " world")))
    assert reader.text == ""
    for event in follower.complete("Hello world"):
        reader.see(event)
    assert reader.text == "Hello world"


def test_a_reader_whose_log_is_gone_gets_the_stored_answer_anew() -> None:
    follower = Follower(RUN, SESSION, Position(EPOCHS_PER_FENCE, 3))
    follower.distrust()
    bodies = [event.body for event in follower.complete("xyz!")]
    assert bodies == [Restart(0), Delta("xyz!")]


def test_a_reader_is_told_that_the_run_waits_and_keeps_its_text() -> None:
    since = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    reader = Reader()
    follower = reader.follower()
    first = written("Hello")
    for entry in first:
        reader.see(follower.feed(entry))
    entry = msgspec.msgpack.decode(
        msgspec.msgpack.encode(Wait(EPOCHS_PER_FENCE, WaitReason.NODE_FAILED, since)), type=Entry
    )
    told = follower.feed(entry)
    assert told is not None
    assert (told.kind, told.body) == (EventKind.WAITING_FOR_NODE, WaitingForNode(WaitReason.NODE_FAILED, since))
    assert told.id == f"{RUN}:{EPOCHS_PER_FENCE}:5:1"
    assert replay([*first, entry]) == Told("Hello", EPOCHS_PER_FENCE)


def test_a_reader_is_told_its_place_in_the_queue_and_keeps_its_text() -> None:
    reader = Reader()
    follower = reader.follower()
    first = written("Hello")
    for entry in first:
        reader.see(follower.feed(entry))
    place = Place(EPOCHS_PER_FENCE, 3, 4.5)
    told = follower.feed(place)
    assert told is not None
    assert (told.kind, told.body) == (EventKind.WAITING_FOR_SLOT, WaitingForSlot(3, 4.5))
    assert (told.id, replay([*first, place])) == (f"{RUN}:{EPOCHS_PER_FENCE}:5", Told("Hello", EPOCHS_PER_FENCE))


def test_no_id_means_the_beginning() -> None:
    assert parse_position(None, RUN) == Position()


@pytest.mark.parametrize("event_id", ["", "x", f"{RUN}:1", f"{RUN}:-1:2", f"{RUN}:1:2:3:4", f"{SESSION}:1:2", "::"])
def test_an_id_that_is_not_of_this_run_is_refused(event_id: str) -> None:
    with pytest.raises(BadInput):
        parse_position(event_id, RUN)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Entry]], str, list[int]]:
    """Return the log as each reader's connection saw it, the stored answer, and where the reader was cut off.

    Writers die and are taken over; each new one continues a prefix of what the log then holds, since Redis may have
    lost its newest entries.
    """
    log: list[Entry] = []
    views: list[list[Entry]] = []
    text = ""
    for fence in range(1, draw(st.integers(1, 4)) + 1):
        start = len(text) if fence == 1 else draw(st.integers(0, len(text)))
        kept = replay(log).text
        start = min(start, len(kept))
        pieces = draw(st.lists(st.text("ab\N{GRINNING FACE}", min_size=1, max_size=5), max_size=5))
        text = kept[:start] + "".join(pieces)
        log = [*log, *written(*pieces, fence=fence, start=start)]
        views.append(list(log))
        lost = draw(st.integers(0, 2))
        log = log[: max(1, len(log) - lost)]
    final = replay(views[-1]).text
    cuts = draw(st.lists(st.integers(0, 30), min_size=len(views), max_size=len(views)))
    return views, final, cuts


@given(histories())
def test_whenever_a_reader_is_cut_off_and_comes_back_it_ends_with_the_stored_answer(
    history: tuple[list[list[Entry]], str, list[int]],
) -> None:
    views, answer, cuts = history
    reader = Reader()
    for view, cut in zip(views[:-1], cuts, strict=False):
        follower = reader.follower()
        for entry in view[:cut]:
            reader.see(follower.feed(entry))
    follower = reader.follower()
    for entry in views[-1]:
        reader.see(follower.feed(entry))
    for event in follower.complete(answer):
        reader.see(event)
    assert reader.text == answer


def test_event_ids_tell_run_epoch_and_length() -> None:
    event = Follower(RUN, SESSION, Position()).feed(Opening(EPOCHS_PER_FENCE, 0))
    assert event is None
    follower = Follower(RUN, SESSION, Position(EPOCHS_PER_FENCE, 0))
    told = follower.feed(Text(EPOCHS_PER_FENCE, 0, "abc"))
    assert told is not None
    assert told.kind is EventKind.DELTA
    assert told.id == f"{RUN}:{EPOCHS_PER_FENCE}:3"


def test_a_reader_of_an_older_writer_trusts_no_log_that_lost_where_the_newer_one_began() -> None:
    reader = Reader()
    for entry in written("The answer is 41"):
        reader.see(reader.follower().feed(entry))
    again = reader.follower()
    reader.see(again.feed(End(2 * EPOCHS_PER_FENCE)))
    for event in again.complete("The question was another one"):
        reader.see(event)
    assert reader.text == "The question was another one"


@pytest.mark.parametrize(
    ("later", "thinking"),
    [
        ([], "Two?"),
        # The next owner goes on with the text: the thought before it stays.
        ([Opening(2000, 2)], "Two?"),
        # A text that begins anew has a thought of its own, or none.
        ([Opening(1001, 0)], ""),
        ([Opening(1001, 0), Thought(1001, 0, 0, "Three?")], "Three?"),
        # What was told after the offset goes; an overtaken writer adds nothing.
        ([Thought(1000, 2, 3, ", no: three?")], "Two, no: three?"),
        ([Opening(2000, 2), Thought(1000, 2, 4, " Or?")], "Two?"),
    ],
)
def test_the_thought_before_a_text_is_kept_for_who_goes_on_with_it(later: list[Entry], thinking: str) -> None:
    entries = [Opening(1000, 0), Thought(1000, 0, 0, "Tw"), Thought(1000, 0, 2, "o?"), Text(1000, 0, "Tw")]
    assert replay([*entries, *later]).thinking == thinking
