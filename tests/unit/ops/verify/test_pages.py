"""Pages of evidence: counts of cases, tables that hold any text, verdicts that hide nothing."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ops.breaks.listed import Break
from ops.breaks.making import Made
from ops.breaks.making import Verdict as BreakVerdict
from ops.verify.__main__ import Part, read_given
from ops.verify.answers import Asked, sections
from ops.verify.breaks import outcome as breaks_outcome
from ops.verify.breaks import page as breaks_page
from ops.verify.clients import rows as client_rows
from ops.verify.evidence import Outcome, Page, Verdict, cell, quantile, share, table, write
from ops.verify.programs import ROUTING_DATA, verify_complexity
from ops.verify.questions import Question, Tier
from ops.verify.suites import Case, counted, outcome, read_cases

REPORT = """<testsuites><testsuite>
<testcase classname="tests.contract.test_a.TestIt" name="one"/>
<testcase classname="tests.contract.test_a" name="two"><failure message="no">text</failure></testcase>
<testcase classname="tests.contract.test_b" name="three"><skipped message="why"/></testcase>
<testcase classname="tests.contract.test_b" name="four"><error message="broken"/></testcase>
</testsuite></testsuites>"""


def test_cases_are_read_with_their_ending(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert read_cases(report) == [
        Case("test_a.py", "one", "passed"),
        Case("test_a.py", "two", "failed"),
        Case("test_b.py", "three", "skipped"),
        Case("test_b.py", "four", "failed"),
    ]


def test_what_a_program_said_that_it_did_stands_beside_it(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testcase classname="tests.test_c" name="works[a.py]">'
        '<properties><property name="did" value="chat&#10;list&#10;"/></properties></testcase></testsuites>'
    )
    (case,) = read_cases(report)
    assert case.did == ("chat", "list")
    assert client_rows([case]) == [("a.py", "passed", "yes", "", "", "", "", "yes", "", "")]


def test_cases_are_counted_by_file_and_in_all(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert counted(read_cases(report)) == [("test_a.py", 1, 1, 0), ("test_b.py", 0, 1, 1), ("all", 1, 2, 1)]


def test_a_suite_that_ran_nothing_has_failed() -> None:
    assert outcome([], "no tests").verdict is Verdict.FAILED
    assert outcome([Case("test_a.py", "one", "passed")], "").verdict is Verdict.HELD
    assert outcome([Case("test_a.py", "one", "failed")], "").verdict is Verdict.FAILED


def test_a_cell_is_one_short_line() -> None:
    assert cell("a\nb | c") == "a b \\| c"
    assert len(cell("x" * 1000)) < 200
    assert table(("a", "b"), [(1, "x|y")]) == "| a | b |\n| --- | --- |\n| 1 | x\\|y |"


def test_shares_and_quantiles_say_their_counts() -> None:
    assert share(3, 4) == "3 of 4 (75%)"
    assert share(0, 0) == "none asked"
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 1.0) == 3.0


def test_a_page_says_commit_seed_and_command(tmp_path: Path) -> None:
    path = write(tmp_path, "kills", Page("Title", "What was done.", "make it", (("Counts", "none"),)), seed=7)
    text = path.read_text()
    assert text.startswith("# Title\n\nWhat was done.\n\n")
    assert "seed 7" in text
    assert "`make it`" in text
    assert "commit `" in text
    assert "## Counts\n\nnone\n" in text
    assert str(tmp_path) not in text


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    left = verify_complexity({}, tmp_path)
    assert left.verdict is Verdict.LEFT_OUT
    assert ROUTING_DATA in left.line
    assert list(tmp_path.iterdir()) == []


def test_parts_are_chosen_by_name() -> None:
    given = read_given(["--only", "kills, answers", "--kills", "30", "--seed", "5"])
    assert (given.parts, given.kills, given.seed) == ((Part.KILLS, Part.ANSWERS), 30, 5)
    assert read_given([]).parts == tuple(Part)


@pytest.mark.parametrize("arguments", [["--only", "dreams"], ["--kills", "0"], ["--kills", "many"]])
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        read_given(arguments)


def asked(name: str, answer: str, *, documents: tuple[str, ...] = ("a.md",), error: str = "") -> Asked:
    """An answer to a question whose fact is 72."""
    facts = (("72",),) if documents else ()
    question = Question(id=name, tier=Tier.SIMPLE, ask="How much?", documents=documents, facts=facts)
    citation = {"document": "a.md", "quote": "72 litres", "start_offset": 0, "end_offset": 9}
    return Asked(question, "simple", "only_candidate", "m", answer, (citation,), 10, 5, 2.0, 0.0002, error)


def test_answers_are_counted_as_right_wrong_and_refused() -> None:
    found = [
        asked("right", "It holds 72 litres."),
        asked("wrong", "It holds 27 litres."),
        asked("shy", "I do not know."),
        asked("made-up", "Main Street.", documents=()),
        asked("honest", "The passages do not mention it.", documents=()),
    ]
    moved = replace(asked("moved", "It holds 72 litres."), tier="medium", reason="escalated_tier")
    assert "moved (`escalated_tier`)" in dict(sections([*found, moved], {"a.md": "72 litres"}))["Right and wrong"]
    quoted = replace(asked("quoted", "It holds 72 litres."), answered_by="extract", model="no model")
    parts = dict(sections([*found, quoted], {"a.md": "72 litres"}))
    assert "| develop, new | 2 of 4 (50%) | 1 | 1 | 1 of 2 (50%) | 1 |" in parts["Goals"]
    assert "| extract by no model | 1 | 1 of 1 (100%) |" in parts["By who answered"]
    assert "| kept | unrelated | 0 | 10 | 0 |" in parts["The check of support"]
    parts = dict(sections(found, {"a.md": "72 litres"}))
    right, took, misses = parts["Right and wrong"], parts["What it took"], parts["What went wrong"]
    quotes = "5 of 5 (100%)"
    assert f"| all |  | 1 of 3 (33%) | 3 of 3 (100%) | {quotes} | 1 of 2 (50%) | 1 of 3 (33%) |" in right
    assert "| all |  | 5 | 50 | 25 | 10.0 | 2.0 | 0.001000 |" in took
    assert [line.split(" | ")[0] for line in misses.splitlines()[2:]] == ["| wrong", "| shy", "| made-up"]


def test_breaks_that_no_test_noticed_fail_the_verification_by_name() -> None:
    one = Break(name="it stands", file="app/a.py", old="run", new="stand", tests=("tests/unit/test_a.py::test_a",))
    two = Made(msgspec.structs.replace(one, name="it flies"), BreakVerdict.SURVIVED, "test_a: green")
    assert breaks_outcome([Made(one, BreakVerdict.NOTICED)]) == Outcome(Verdict.HELD, "1 noticed")
    both = breaks_outcome([Made(one, BreakVerdict.NOTICED), two])
    assert both == Outcome(Verdict.FAILED, "1 noticed, 1 survived; survived: it flies")
    assert breaks_outcome([]).verdict is Verdict.FAILED
    (_, counts), (area, rows) = breaks_page({"api": [two]}).sections
    assert "| api | 1 | 0 | 1 | 0 | 0 | 0 |" in counts
    assert (area, "| it flies | app/a.py | survived: test_a: green |" in rows) == ("api", True)
