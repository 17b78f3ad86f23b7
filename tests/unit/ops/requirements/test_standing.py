"""Where a promise stands, by its tests and their last results."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.requirements.marked import MarkedTest
from ops.requirements.page import write
from ops.requirements.promises import Promise, PromisesWrong, faults, read
from ops.requirements.results import Outcome, Result, ResultsWrong, latest, record, recorded
from ops.requirements.results import read as read_results
from ops.requirements.standing import State, claim_faults, result_faults, standings, state_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEST = MarkedTest("tests/unit/test_a.py::test_a", ("INS-01",), ("tests/unit/test_a.py::test_a[1]", "x::test_a[2]"))
PROMISE = Promise(id="INS-01", group="INS: frame", says="It runs.")


def ended(outcome: Outcome = Outcome.PASSED, hours: float = 0, *, changed: bool = False) -> Result:
    return Result(outcome, NOON + timedelta(hours=hours), "0123456789", changed)


def promise(**more: str) -> Promise:
    return Promise(id="INS-01", group="INS: frame", says="It runs.", **more)


@pytest.mark.parametrize(
    ("given_", "tests", "results", "state"),
    [
        (promise(), (), {}, State.OPEN),
        (promise(left="all but one"), (), {}, State.OPEN),
        (promise(), (TEST,), {}, State.HELD),
        (promise(), (TEST,), {TEST.name: ended()}, State.HELD),
        (promise(), (TEST,), {TEST.name: ended(Outcome.SKIPPED)}, State.HELD),
        (promise(left="a part"), (TEST,), {TEST.name: ended()}, State.PART),
        (promise(), (TEST,), {TEST.name: ended(Outcome.FAILED)}, State.BROKEN),
        (promise(left="a part"), (TEST,), {TEST.name: ended(Outcome.FAILED)}, State.BROKEN),
        (promise(declined="all", adr="why"), (), {}, State.DECLINED),
        (promise(declined="a part of it", adr="why"), (TEST,), {}, State.HELD),
    ],
)
def test_the_state_follows_from_tests_and_results(
    given_: Promise, tests: tuple[MarkedTest, ...], results: dict[str, Result], state: State
) -> None:
    assert state_of(given_, tests, results) is state


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=5), st.booleans())
def test_a_failure_is_never_shown_as_held(outcomes: list[Outcome], is_part: bool) -> None:  # noqa: FBT001
    tests = [MarkedTest(f"tests/unit/test_a.py::test_{n}", ("INS-01",), ()) for n in range(len(outcomes))]
    results = {test.name: ended(outcome) for test, outcome in zip(tests, outcomes, strict=True)}
    (found,) = standings([promise(left="a part" if is_part else "")], tests, results)
    assert (found.state is State.BROKEN) == (Outcome.FAILED in outcomes)


def test_a_marker_must_name_a_promise_that_is_not_declined() -> None:
    declined = promise(declined="all", adr="why")
    assert claim_faults([PROMISE], [TEST]) == []
    assert claim_faults([], [TEST]) == [f"{TEST.name} names INS-01, which is no promise"]
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
    results = {TEST.name: ended(changed=True)}
    text = write(standings([given_], [TEST, other], results), tmp_path)
    (row,) = [line for line in text.splitlines() if line.startswith("| INS-01 ")]
    assert "It runs.<br>*Left:* the rest<br>*Declined:* a \\| part ([ADR 7](adr/0007-why.md))" in row
    assert "| **part** |" in row
    assert "[unit/test_a.py](../tests/unit/test_a.py)::`test_a`<br>[ops/test_b.py]" in row
    assert row.endswith("| 1 not run<br>1 passed 2026-03-01 `0123456789+` |")
    assert "| INS insurance agents | 1 | 0 | 1 | 0 | 0 | 0 |" in text
