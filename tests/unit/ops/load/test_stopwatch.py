"""Every time of an answer counts from when the question was meant to be sent."""

import msgspec

from ops.load.samples import Entry, Outcome, Sample
from ops.load.stopwatch import Answered, Stopwatch, read_answered


def answered(**route: object) -> Answered:
    """Return a `done` event of one embedding and one chat call."""
    call = {"kind": "chat", "tier": "medium", "model": "m", "wait_ms": 700.0, "outcome": "done", "node": "a"}
    embed = {"kind": "embed", "tier": None, "model": "e", "wait_ms": 100.0, "outcome": "done"}
    metadata = {"cost_usd": 0.002, "routes": [embed, call | route], "attempt": 1}
    return read_answered({"session_id": "s", "metadata": metadata, "citations": [{"document": "a.md", "quote": "q"}]})


def by_entry(samples: list[Sample]) -> dict[Entry, list[float]]:
    """Return the times of each entry, to the millisecond."""
    found: dict[Entry, list[float]] = {}
    for sample in samples:
        found.setdefault(sample.entry, []).append(round(sample.seconds, 3))
    return found


def test_times_count_from_the_intended_time() -> None:
    watch = Stopwatch(10.0)
    for at_s in (11.0, 11.1, 11.4):
        watch.delta(at_s)
    watch.done(answered())
    samples = watch.samples(12.0, Outcome.DONE)
    assert by_entry(samples) == {
        Entry.FIRST_TOKEN: [1.0],
        Entry.QUEUE_WAIT: [0.8],
        Entry.GAP: [0.1, 0.3],
        Entry.END_TO_END: [2.0],
    }
    assert {sample.tier for sample in samples} == {"medium"}
    assert samples[-1] == Sample(Entry.END_TO_END, 10.0, 2.0, Outcome.DONE, "medium", "", "m", 0.002)


def test_the_time_of_a_token_does_not_depend_on_how_many_a_delta_holds() -> None:
    watch = Stopwatch(0.0, must_cite=True)
    for at_s in (1.0, 1.5, 2.0):
        watch.delta(at_s)
    told = answered()
    watch.done(msgspec.structs.replace(told, metadata=msgspec.structs.replace(told.metadata, output_tokens=11)))
    *_, per_token, whole = watch.samples(2.5, Outcome.DONE)
    assert per_token == Sample(Entry.PER_TOKEN, 1.0, 0.1, tier="medium")
    assert (whole.output_tokens, whole.must_cite) == (11, True)


def test_an_answer_that_was_cut_off_has_the_time_until_then_and_no_tier() -> None:
    watch = Stopwatch(10.0)
    watch.delta(11.0)
    samples = watch.samples(40.0, Outcome.UNFINISHED, "run_ended")
    assert by_entry(samples) == {Entry.FIRST_TOKEN: [1.0], Entry.END_TO_END: [30.0]}
    assert samples[-1].code == "run_ended"
    assert samples[-1].tier == ""


def test_an_answer_without_text_has_its_waits_and_its_whole_time() -> None:
    watch = Stopwatch(0.0)
    watch.done(answered())
    assert by_entry(watch.samples(3.0, Outcome.DONE)) == {Entry.QUEUE_WAIT: [0.8], Entry.END_TO_END: [3.0]}


def test_a_call_that_failed_did_not_answer() -> None:
    assert answered(outcome="failed").call is None


def test_a_citation_is_found_by_its_document() -> None:
    assert answered().cites("a.md")
    assert not answered().cites("b.md")
