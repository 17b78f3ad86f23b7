"""The verdict as people and programs read it."""

import msgspec

from ops.load import report
from ops.load.histograms import Histogram
from ops.load.plan import read_asked
from ops.load.progress import Tally
from ops.load.report import Report
from ops.load.samples import Entry, LocustEntry, Outcome, Sample, Seen
from ops.load.targets import read_targets
from ops.load.verdict import Standing, judge

ANSWER = Sample(
    Entry.END_TO_END, 1.0, 4.25, tier="simple", model="small|one", cost_usd=0.001, output_tokens=36, must_cite=True
)
REFUSED = Sample(Entry.REFUSED, 2.0, 0.01, Outcome.REFUSED, code="rate_limited")


def built(*words: str) -> Report:
    """Return the report of a run of one answer and one refusal."""
    samples = (ANSWER, REFUSED)
    locust = (LocustEntry("simple", "end to end", 1, 0),)
    seen = Seen(
        started_at_s=0.0, wall_s=9.0, samples=samples, locust=locust, latest_start_s=0.25, is_generator_short=True
    )
    judged = judge(read_targets(), samples, None)
    slot_wait = Histogram(((0.5, 1.0), (float("inf"), 1.0)), 0.1)
    return report.build(read_asked(words, {}), "http://stack", seen, judged, slot_wait, ["A note."])


def test_the_terminal_shows_found_limit_and_standing_of_each_target() -> None:
    text = report.plain(built())
    assert "  simple answers, p95  4.250 s    1  < 3.000 s     breached\n" in text
    assert "  errors               50.00%     2  < 1.00%       breached\n" in text
    assert "  retrieval, p99       -          0  <= 3.000 s    not measured\n" in text
    assert "  slot wait (replicas)  all     1  0.500  0.500  0.500  0.500\n" in text
    assert "  refused     refused  rate_limited  1\n" in text
    assert "  output tokens  all     36  4.000\n" in text
    assert "  answers        simple  1   0.111\n" in text
    assert (
        "  answers that must cite  without the citation  share\n  1                       0                     0.00%\n"
        in text
    )
    assert text.endswith("Verdict: breached (a target is breached)\n")


def test_what_the_reader_must_know_is_said() -> None:
    text = report.plain(built())
    assert "20 people who take turns" in text
    assert "The generator ran short of CPU" in text
    assert "0.250 s after its time" in text
    assert "A note." in text
    assert "GPU hardware" in text
    assert "60 a minute, whatever the answers do; at most 200 visitors" in report.plain(built("--rate", "60"))


def test_markdown_has_the_same_rows() -> None:
    text = report.markdown(built())
    assert text.startswith("# Load run: breached\n")
    assert "| simple answers, p95 | 4.250 s | 1 | < 3.000 s | breached |\n" in text
    assert "| simple | small\\|one | 1 |\n" in text


def test_programs_read_it_back() -> None:
    written = built()
    assert written.verdict is Standing.BREACHED
    assert msgspec.json.decode(msgspec.json.encode(written), type=Report) == written


def test_progress_is_one_line() -> None:
    tally = Tally()
    for sample in (ANSWER, REFUSED, Sample(Entry.GAP, 0.0, 0.1), Sample(Entry.NOT_STARTED, 0, 0, Outcome.NOT_STARTED)):
        tally.see(sample)
    assert tally.line() == "1 answers, 1 done, 1 not started, 1 refused"
