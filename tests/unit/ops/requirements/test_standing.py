"""Where a promise stands, by its tests and their last results."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ops.breaks.listed import Break
from ops.requirements.marked import MarkedTest
from ops.requirements.page import write
from ops.requirements.promises import Clause, Promise, PromisesWrong, Server, faults, read
from ops.requirements.results import Outcome, Result, ResultsWrong, latest, record, recorded
from ops.requirements.results import read as read_results
from ops.requirements.standing import Known, State, claim_faults, proof_faults, result_faults, standings, whole_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEST = MarkedTest("tests/unit/test_a.py::test_a", ("INS-01",), ("tests/unit/test_a.py::test_a[1]", "x::test_a[2]"))
PROMISE = Promise(id="INS-01", group="INS: frame", says="It runs.")


CLAUSE = Clause(id="runs", says="It runs.")
CLAIM = MarkedTest(TEST.name, ("INS-01.runs",), TEST.cases)
BREAK = Break(name="it stands", file="app/a.py", old="run", new="stand", tests=(TEST.name,), clauses=("INS-01.runs",))


def ended(outcome: Outcome = Outcome.PASSED, hours: float = 0, *, changed: bool = False) -> Result:
    return Result(outcome, NOON + timedelta(hours=hours), "0123456789", changed)


def promise(*clauses: Clause, **more: str) -> Promise:
    return Promise(id="INS-01", group="INS: frame", says="It runs.", clause=clauses, **more)


@pytest.mark.parametrize(
    ("given_", "tests", "results", "state"),
    [
        (promise(), (), {}, State.OPEN),
        (promise(left="all but one"), (), {}, State.OPEN),
        (promise(), (TEST,), {TEST.name: ended()}, State.PART),
        (promise(left="a part"), (TEST,), {TEST.name: ended()}, State.PART),
        (promise(), (TEST,), {TEST.name: ended(Outcome.FAILED)}, State.BROKEN),
        (promise(declined="all", adr="why"), (), {}, State.DECLINED),
        (promise(declined="a part of it", adr="why"), (TEST,), {}, State.PART),
    ],
)
def test_a_promise_that_is_not_split_is_at_best_held_in_part(
    given_: Promise, tests: tuple[MarkedTest, ...], results: dict[str, Result], state: State
) -> None:
    (found,) = standings([given_], Known(tests, results))
    assert found.state is state


@pytest.mark.parametrize(
    ("tests", "results", "breaks", "state"),
    [
        ((), {}, (BREAK,), State.OPEN),
        ((CLAIM,), {CLAIM.name: ended()}, (BREAK,), State.HELD),
        ((CLAIM,), {CLAIM.name: ended()}, (), State.UNPROVEN),
        ((CLAIM,), {}, (BREAK,), State.UNPROVEN),
        ((CLAIM,), {CLAIM.name: ended(Outcome.SKIPPED)}, (BREAK,), State.UNPROVEN),
        ((CLAIM,), {CLAIM.name: ended(Outcome.FAILED)}, (BREAK,), State.BROKEN),
        ((CLAIM,), {CLAIM.name: ended()}, (replace(BREAK, clauses=()),), State.UNPROVEN),
        ((CLAIM,), {CLAIM.name: ended()}, (replace(BREAK, tests=("another",)),), State.UNPROVEN),
    ],
)
def test_a_clause_is_held_by_a_test_that_passed_and_a_break_of_that_test(
    tests: tuple[MarkedTest, ...], results: dict[str, Result], breaks: tuple[Break, ...], state: State
) -> None:
    (found,) = standings([promise(CLAUSE)], Known(tests, results, breaks))
    assert (found.clauses[0].name, found.clauses[0].state) == ("INS-01.runs", state)


@pytest.mark.parametrize(
    ("real", "state"),
    [
        ({}, State.ON_DOUBLES),
        ({f"{TEST.name} @ollama": ended()}, State.HELD),
        ({f"{TEST.name} @qdrant": ended()}, State.ON_DOUBLES),
        ({f"{TEST.name} @ollama": ended(Outcome.SKIPPED)}, State.ON_DOUBLES),
        ({f"{TEST.name} @ollama": ended(Outcome.FAILED)}, State.BROKEN),
    ],
)
def test_what_is_about_a_server_is_held_once_a_real_one_was_met(real: dict[str, Result], state: State) -> None:
    about = replace(CLAUSE, server=Server.OLLAMA)
    (found,) = standings([promise(about)], Known([CLAIM], {CLAIM.name: ended(), **real}, [BREAK]))
    assert found.state is state


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([State.HELD, State.HELD], State.HELD),
        ([State.HELD, State.DECLINED], State.HELD),
        ([State.DECLINED, State.DECLINED], State.DECLINED),
        ([State.HELD, State.ON_DOUBLES], State.ON_DOUBLES),
        ([State.HELD, State.ON_DOUBLES, State.UNPROVEN], State.UNPROVEN),
        ([State.HELD, State.OPEN], State.PART),
        ([State.OPEN, State.DECLINED], State.OPEN),
        ([State.HELD, State.OPEN, State.BROKEN], State.BROKEN),
    ],
)
def test_a_promise_is_as_good_as_its_weakest_clause(states: list[State], state: State) -> None:
    assert whole_of(states) is state


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=5))
def test_a_failure_is_never_shown_as_held(outcomes: list[Outcome]) -> None:
    tests = [MarkedTest(f"tests/unit/test_a.py::test_{n}", ("INS-01.runs",), ()) for n in range(len(outcomes))]
    results = {test.name: ended(outcome) for test, outcome in zip(tests, outcomes, strict=True)}
    (found,) = standings([promise(CLAUSE)], Known(tests, results))
    assert (found.state is State.BROKEN) == (Outcome.FAILED in outcomes)


def test_a_marker_names_the_clauses_of_a_promise_that_is_split() -> None:
    split = promise(CLAUSE, Clause(id="flies", says="It flies.", adr="why"))
    assert claim_faults([split], [CLAIM]) == []
    assert claim_faults([split], [TEST]) == [f"{TEST.name} claims INS-01, which is split: name a clause of it"]
    flies = MarkedTest(TEST.name, ("INS-01.flies", "INS-01.swims"), ())
    assert claim_faults([split], [flies]) == [
        f"{TEST.name} claims INS-01.flies, which is declined",
        f"{TEST.name} names INS-01.swims, which is no promise or clause",
    ]
    assert proof_faults([CLAIM], [BREAK]) == []
    assert proof_faults([TEST], [BREAK]) == ["it stands: none of its tests claims INS-01.runs"]


def test_a_marker_must_name_a_promise_that_is_not_declined() -> None:
    declined = promise(declined="all", adr="why")
    assert claim_faults([PROMISE], [TEST]) == []
    assert claim_faults([], [TEST]) == [f"{TEST.name} names INS-01, which is no promise or clause"]
    assert claim_faults([declined], [TEST]) == [f"{TEST.name} claims INS-01, which is declined"]
    assert result_faults([TEST], [TEST.name, "gone"]) == ["gone has a result and is no marked test"]


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (promise(declined="all"), "`declined` and `adr` belong together"),
        (promise(adr="why"), "`declined` and `adr` belong together"),
        (promise(declined="all", adr="nowhere"), "there is no decision nowhere"),
        (promise(declined="all", adr="other"), "0002-other.md does not name it"),
        (promise(declined="all", adr="why", left="a part"), "what is declined as a whole has nothing left"),
        (promise(CLAUSE, declined="all", adr="why"), "what is declined as a whole has nothing left and no clauses"),
        (promise(CLAUSE, left="a part"), "its clauses say what is left and what is declined"),
        (promise(CLAUSE, CLAUSE), "clause runs stands 2 times"),
        (promise(replace(CLAUSE, id="It runs")), "the id of clause It runs is not a short word"),
        (promise(replace(CLAUSE, says="")), "clause runs: `says` is one line"),
        (promise(replace(CLAUSE, adr="nowhere")), "there is no decision nowhere"),
        (Promise(id="INS-01", group="FIN: frame", says="It runs."), "its group is not of INS"),
        (Promise(id="INS-01", group="INS: frame", says="two\nlines"), "`says` is one line"),
        (Promise(id="INS-01", group="INS: frame", says=""), "`says` is one line"),
    ],
)
def test_a_wrong_promise_is_named_with_what_is_wrong(tmp_path: Path, wrong: Promise, fault: str) -> None:
    (tmp_path / "0001-why.md").write_text("INS-01 is declined.")
    (tmp_path / "0002-other.md").write_text("Something else.")
    assert any(found.startswith(f"INS-01: {fault}") for found in faults([wrong], tmp_path))
    assert faults([PROMISE, promise(declined="all", adr="why")], tmp_path) == ["INS-01 stands 2 times"]


@pytest.mark.parametrize("text", ["[[promise]]\nid = 'INS-01'\n", "[[promise]]\nstate = 'held'\n", "[[", "\xff"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "requirements.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(PromisesWrong, match=r"requirements\.toml"):
        read(path)


def test_the_newest_result_counts_and_a_test_that_is_gone_has_none() -> None:
    one, two = TEST.cases
    kept = {TEST.name: ended(hours=1), "gone": ended()}
    assert latest([TEST], kept, {}) == {TEST.name: kept[TEST.name]}
    assert latest([TEST], kept, {one: ended(Outcome.FAILED)}) == {TEST.name: kept[TEST.name]}
    both = {one: ended(Outcome.FAILED, 2), two: ended(hours=3)}
    assert latest([TEST], kept, both)[TEST.name].outcome is Outcome.FAILED
    assert latest([TEST], {}, {one: ended(Outcome.SKIPPED), two: ended()})[TEST.name].outcome is Outcome.PASSED


def test_results_against_a_real_server_stand_beside_those_against_its_double() -> None:
    one, _ = TEST.cases
    of_server = f"{TEST.name}[server] @qdrant"
    cases = {
        one: ended(),
        of_server: ended(Outcome.FAILED, -5),
        "tests/unit/test_a.py::test_ab[server] @qdrant": ended(),
    }
    assert latest([TEST], {}, cases) == {TEST.name: cases[one], f"{TEST.name} @qdrant": cases[of_server]}
    assert result_faults([TEST], [f"{TEST.name} @qdrant", "gone @qdrant"]) == [
        "gone @qdrant has a result and is no marked test"
    ]


def test_results_are_kept_by_suite_and_a_broken_file_is_begun_anew(tmp_path: Path) -> None:
    record(tmp_path, {"tests/unit/test_a.py::test_a": ended(), "tests/ops/test_b.py::test_b": ended()})
    (tmp_path / "ops.json").write_text("{")
    with pytest.raises(ResultsWrong):
        recorded(tmp_path)
    record(tmp_path, {"tests/ops/test_b.py::test_c": ended(Outcome.SKIPPED)})
    assert set(recorded(tmp_path)) == {"tests/unit/test_a.py::test_a", "tests/ops/test_b.py::test_c"}
    assert read_results(tmp_path / "none.json") == {}


def test_the_page_tells_state_left_tests_and_last_results(tmp_path: Path) -> None:
    (tmp_path / "0007-why.md").write_text("INS-01")
    given_ = promise(left="the rest", declined="a | part", adr="why")
    other = MarkedTest("tests/ops/test_b.py::test_b", ("INS-01",), ())
    text = write(standings([given_], Known([TEST, other], {TEST.name: ended(changed=True)})), tmp_path)
    (row,) = [line for line in text.splitlines() if line.startswith("| INS-01 ")]
    assert "It runs.<br>*Left:* the rest<br>*Declined:* a \\| part ([ADR 7](adr/0007-why.md))" in row
    assert "| **part** |" in row
    assert "[unit/test_a.py](../tests/unit/test_a.py)::`test_a`<br>[ops/test_b.py]" in row
    assert row.endswith("| 1 not run<br>1 passed 2026-03-01 `0123456789+` |")
    assert "| INS insurance agents | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 0 |" in text


def test_the_page_has_a_row_for_each_clause_with_what_turns_it_red(tmp_path: Path) -> None:
    (tmp_path / "0007-why.md").write_text("INS-01")
    split = promise(replace(CLAUSE, server=Server.OLLAMA), Clause(id="flies", says="It flies.", adr="why"))
    results = {CLAIM.name: ended(), f"{CLAIM.name} @ollama": ended(hours=24)}
    lines = write(standings([split], Known([CLAIM], results, [BREAK])), tmp_path).splitlines()
    whole, runs, flies = [line for line in lines if line.startswith("| INS-01")]
    assert whole == "| INS-01 | It runs. | **held** |  |  |"
    assert runs.startswith("| INS-01.runs | It runs.<br>*Red when:* it stands | **held** | [unit/test_a.py]")
    assert runs.endswith("| passed 2026-03-01 `0123456789`<br>against a real ollama: passed 2026-03-02 `0123456789` |")
    assert flies == "| INS-01.flies | It flies.<br>[ADR 7](adr/0007-why.md) | **declined** |  |  |"
    assert "| clauses | 2 | 1 | 0 | 0 | 0 | 0 | 0 | 1 |" in lines


def test_clauses_stand_in_the_row_of_their_promise_while_nothing_holds_any_of_them(tmp_path: Path) -> None:
    (tmp_path / "0007-why.md").write_text("INS-01")
    flies, swims = Clause(id="flies", says="It flies."), Clause(id="swims", says="It swims.", adr="why")
    open_, part = promise(CLAUSE, flies, swims), promise(CLAUSE, flies)
    lines = write(standings([open_], Known([])), tmp_path).splitlines()
    assert [line for line in lines if line.startswith("| INS-01")] == [
        "| INS-01 | It runs.<br>`runs` It runs.<br>`flies` It flies. | **open** |  |  |",
        "| INS-01.swims | It swims.<br>[ADR 7](adr/0007-why.md) | **declined** |  |  |",
    ]
    assert "| clauses | 3 | 0 | 0 | 0 | 0 | 2 | 0 | 1 |" in lines
    lines = write(standings([part], Known([CLAIM], {CLAIM.name: ended()}, [BREAK])), tmp_path).splitlines()
    assert "| INS-01 | It runs. | **part** |  |  |" in lines
    assert "| INS-01.flies | It flies. | **open** |  |  |" in lines
