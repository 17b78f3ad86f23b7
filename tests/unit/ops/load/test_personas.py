"""What visitors do, and that nothing of it is left out of the samples."""

import pytest

from app.inference.words.tiers import Tier
from ops.load.arrivals import Persona, Visit
from ops.load.personas import TRIES, Visitor
from ops.load.questions import Question, Questions
from ops.load.samples import Entry, Outcome, Sample
from tests.unit.ops.load.scripted import BROKEN, BUSY, LATE, PLAN, CutOff, ScriptedWire, StillClock

CHAT = Visit(0, Persona.CHAT, 0.0)
UPLOAD = Visit(1, Persona.UPLOAD, 0.0)
QUESTIONS = Questions(tuple(Question(tier, f"a {tier} question?") for tier in Tier), ("and then?",))
PARTS = {Entry.FIRST_TOKEN, Entry.GAP, Entry.QUEUE_WAIT}


def visit(clock: StillClock, wire: ScriptedWire, one: Visit) -> list[Sample]:
    """Make a visit and return what was recorded, without the parts of answers."""
    samples: list[Sample] = []
    Visitor(PLAN, wire, QUESTIONS, clock, samples.append).visit(one)
    return [sample for sample in samples if sample.entry not in PARTS]


def ends(samples: list[Sample]) -> list[tuple[Entry, Outcome, str]]:
    """Return how the operations ended."""
    return [(sample.entry, sample.outcome, sample.code) for sample in samples]


def test_follow_ups_are_asked_in_the_same_session_after_a_while_of_reading() -> None:
    clock = StillClock()
    wire = ScriptedWire(clock)
    samples = visit(clock, wire, CHAT)
    assert [body.get("session_id") for body in wire.asked] == [None, "s-1", "s-1"]
    assert [body["message"] for body in wire.asked][1:] == ["and then?", "and then?"]
    # Each answer takes 2 s and is read for 2 s: the next question is meant for then.
    assert [(sample.at_s, sample.seconds) for sample in samples] == [(0.0, 2.0), (4.0, 2.0), (8.0, 2.0)]


@pytest.mark.requirement("ORC-80.honest")
def test_a_late_start_counts_from_the_intended_time() -> None:
    clock = StillClock()
    clock.now_s = 5.0
    first, *_ = visit(clock, ScriptedWire(clock), Visit(0, Persona.CHAT, 1.0))
    assert (first.at_s, first.seconds) == (1.0, 6.0)


def test_nothing_new_is_asked_once_the_run_is_over() -> None:
    clock = StillClock(duration_s=1.0)
    wire = ScriptedWire(clock)
    assert len(visit(clock, wire, CHAT)) == len(wire.asked) == 1


def test_a_refusal_is_waited_out_and_its_time_counts() -> None:
    clock = StillClock()
    samples = visit(clock, ScriptedWire(clock, BUSY), CHAT)
    assert ends(samples)[:2] == [
        (Entry.REFUSED, Outcome.REFUSED, "no_slot_in_time"),
        (Entry.END_TO_END, Outcome.DONE, ""),
    ]
    assert BUSY.retry_after_s in clock.waits_s
    assert samples[1].seconds == 1.0 + BUSY.retry_after_s + 2.0


def test_who_is_refused_too_often_leaves() -> None:
    clock = StillClock()
    wire = ScriptedWire(clock, *[BUSY] * 9)
    assert ends(visit(clock, wire, CHAT)) == [(Entry.REFUSED, Outcome.REFUSED, BUSY.code)] * TRIES
    assert len(wire.asked) == TRIES


def test_nobody_comes_back_after_the_end() -> None:
    clock = StillClock(duration_s=0.5)
    wire = ScriptedWire(clock, BUSY, BUSY)
    assert len(visit(clock, wire, CHAT)) == 1


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [(BROKEN, Outcome.FAILED, "node_failed"), (LATE, Outcome.UNFINISHED, "too_late")],
)
def test_a_failure_ends_the_visit_and_is_recorded(error: Exception, outcome: Outcome, code: str) -> None:
    clock = StillClock()
    wire = ScriptedWire(clock, error)
    assert ends(visit(clock, wire, CHAT)) == [(Entry.END_TO_END, outcome, code)]
    assert len(wire.asked) == 1


def test_an_answer_that_the_end_of_the_run_cuts_off_is_recorded_as_unfinished() -> None:
    clock = StillClock()
    samples: list[Sample] = []
    with pytest.raises(CutOff):
        Visitor(PLAN, ScriptedWire(clock, CutOff()), QUESTIONS, clock, samples.append).visit(CHAT)
    assert ends(samples)[-1] == (Entry.END_TO_END, Outcome.UNFINISHED, "run_ended")
    assert samples[-1].seconds == 1.0


def test_an_upload_is_read_in_asked_about_and_taken_away() -> None:
    clock = StillClock()
    wire = ScriptedWire(clock, jobs=("accepted", "running"))
    samples = visit(clock, wire, UPLOAD)
    assert ends(samples) == [
        (Entry.UPLOAD, Outcome.DONE, ""),
        (Entry.PROCESSING, Outcome.DONE, ""),
        (Entry.END_TO_END, Outcome.DONE, ""),
        (Entry.REMOVAL, Outcome.DONE, ""),
    ]
    assert samples[1].seconds == 0.5
    (name,), (body,) = wire.uploads, wire.asked
    locker = name.removeprefix("locker-").removesuffix(".md")
    assert locker in str(body["message"]).lower()
    assert len(wire.removed) == 1


def test_an_answer_that_does_not_cite_the_document_is_a_miss_of_its_own() -> None:
    clock = StillClock()
    samples = visit(clock, ScriptedWire(clock, cites=False), UPLOAD)
    assert (Entry.END_TO_END, Outcome.UNCITED, "not_cited") in ends(samples)
    assert [sample.must_cite for sample in samples if sample.entry is Entry.END_TO_END] == [True]
    assert not any(sample.must_cite for sample in visit(clock, ScriptedWire(clock), CHAT))


@pytest.mark.parametrize(
    ("jobs", "ended"),
    [
        (("running", "failed"), (Entry.PROCESSING, Outcome.FAILED, "job_failed")),
        (("running",) * 99, (Entry.PROCESSING, Outcome.UNFINISHED, "too_late")),
    ],
)
def test_a_document_that_is_not_read_in_is_taken_away_too(
    jobs: tuple[str, ...], ended: tuple[Entry, Outcome, str]
) -> None:
    clock = StillClock()
    wire = ScriptedWire(clock, jobs=jobs)
    assert ends(visit(clock, wire, UPLOAD))[1:] == [ended, (Entry.REMOVAL, Outcome.DONE, "")]
    assert not wire.asked
    assert len(wire.removed) == 1


def test_an_upload_that_fails_leaves_nothing_to_take_away() -> None:
    clock = StillClock()
    wire = ScriptedWire(clock, BROKEN)
    assert ends(visit(clock, wire, UPLOAD)) == [(Entry.UPLOAD, Outcome.FAILED, "node_failed")]
    assert not wire.removed


@pytest.mark.parametrize(
    ("persona", "entry", "path"),
    [
        (Persona.OPENAI, Entry.OPENAI, "/v1/chat/completions"),
        (Persona.OLLAMA, Entry.OLLAMA, "/ollama/api/chat"),
    ],
)
def test_a_visitor_with_a_client_of_a_dialect_asks_once_and_reads_to_the_end(
    persona: Persona, entry: Entry, path: str
) -> None:
    clock = StillClock()
    wire = ScriptedWire(clock, BUSY)
    samples = visit(clock, wire, Visit(0, persona, 0.0))
    assert ends(samples) == [(Entry.REFUSED, Outcome.REFUSED, BUSY.code), (entry, Outcome.DONE, "")]
    assert [body["path"] for body in wire.asked] == [path]
    assert samples[1].seconds == 2.0 + BUSY.retry_after_s + 2.0
    wire.streams = {path: [b'{"error":"the node broke off"}\n']}
    assert ends(visit(clock, wire, Visit(1, persona, clock.now_s))) == [(entry, Outcome.FAILED, "stream_cut")]
