"""Which breaks are well formed, which are chosen, and what is made of how their tests ended."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.breaks.__main__ import chosen, read_given
from ops.breaks.endings import Ending
from ops.breaks.listed import Break, BreaksWrong, every, faults, read
from ops.breaks.making import Made, Verdict, environment, judge, make

ONE = Break(
    name="the sum is a difference",
    file="app/sums.py",
    old="a + b",
    new="a - b",
    tests=("tests/unit/test_sums.py::test_sums", "tests/unit/test_sums.py::TestAll::test_other"),
    clauses=("INS-01.sum",),
)
TESTS = """
async def test_sums(): pass

class TestAll:
    def test_other(self): pass
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one module and its tests."""
    for name, text in (("app/sums.py", "print((a + b))\n"), ("tests/unit/test_sums.py", TESTS)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "tests" / "breaks").mkdir()
    return tmp_path


def test_breaks_are_read_by_area(root: Path) -> None:
    file = root / "tests" / "breaks" / "api.toml"
    file.write_text(
        "[[break]]\nname = 'the sum is a difference'\nfile = 'app/sums.py'\nold = '''a + b'''\nnew = '''a - b'''\n"
        f"tests = {list(ONE.tests)}\nclauses = ['INS-01.sum']\n"
    )
    assert read(root) == {"api": (ONE,)}
    file.write_text("[[break]]\nnames = 'x'\n")
    with pytest.raises(BreaksWrong, match=r"api\.toml"):
        read(root)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (replace(ONE, old="a * b"), "`old` stands 0 times in app/sums.py, not once"),
        (replace(ONE, old="("), "`old` stands 2 times in app/sums.py, not once"),
        (replace(ONE, new="a + b"), "it changes nothing"),
        (replace(ONE, file="app/gone.py"), "app/gone.py is no file of the product"),
        (replace(ONE, file="tests/unit/test_sums.py"), "tests/unit/test_sums.py is no file of the product"),
        (replace(ONE, tests=()), "it names no test"),
        (
            replace(ONE, tests=("tests/unit/test_sums.py::test_gone",)),
            "there is no test tests/unit/test_sums.py::test_gone",
        ),
        (replace(ONE, tests=("tests/unit/test_sums.py",)), "there is no test tests/unit/test_sums.py"),
        (replace(ONE, tests=("tests/unit/test_sums.py::test_sums[1]",)), "there is no test tests/unit/test_sums.py::"),
        (replace(ONE, clauses=("INS-01.other",)), "there is no clause INS-01.other that could be proved"),
        (replace(ONE, name="two\nlines"), "a name is one line"),
    ],
)
def test_a_wrong_break_is_named_with_what_is_wrong(root: Path, wrong: Break, fault: str) -> None:
    assert any(found.startswith(f"{wrong.name}: {fault}") for found in faults(root, {"api": (wrong,)}, {"INS-01.sum"}))


def test_a_right_break_stands_once_in_a_known_area(root: Path) -> None:
    assert faults(root, {"api": (ONE,)}, {"INS-01.sum"}) == []
    assert faults(root, {"api": (ONE,), "rules": (ONE,)}, {"INS-01.sum"}) == [f"{ONE.name}: stands 2 times"]
    assert faults(root, {"kitchen": (ONE,)}, {"INS-01.sum"})[0].startswith("kitchen.toml: its name is none of accounts")


def test_breaks_are_chosen_by_area_and_name_and_drawn_by_seed() -> None:
    areas = {"api": tuple(replace(ONE, name=f"api {n}") for n in range(20)), "rules": (replace(ONE, name="rule"),)}
    assert chosen(read_given([], {}), areas) == every(areas)
    assert [one.name for one in chosen(read_given(["--only", "rules"], {}), areas)] == ["rule"]
    assert [one.name for one in chosen(read_given(["--name", "i 7"], {}), areas)] == ["api 7"]
    drawn = chosen(read_given(["--sample", "5", "--seed", "3"], {}), areas)
    assert len(set(drawn)) == 5
    assert chosen(read_given(["--sample", "5"], {"SWITCHYARD_TEST_SEED": "3"}), areas) == drawn
    assert chosen(read_given(["--sample", "5", "--seed", "4"], {"SWITCHYARD_TEST_SEED": "3"}), areas) != drawn


@pytest.mark.parametrize(
    ("ended", "verdict"),
    [
        ({"a": Ending.RED, "b": Ending.RED}, Verdict.NOTICED),
        ({"a": Ending.RED, "b": Ending.GREEN}, Verdict.SURVIVED),
        ({"a": Ending.RED, "b": Ending.SKIPPED}, Verdict.SURVIVED),
        ({"a": Ending.RED, "b": Ending.ERROR}, Verdict.UNCLEAR),
        ({"a": Ending.RED}, Verdict.UNCLEAR),
        ({}, Verdict.UNCLEAR),
    ],
)
def test_a_break_is_noticed_when_each_of_its_tests_fails_by_its_own_words(
    ended: Mapping[str, Ending], verdict: Verdict
) -> None:
    assert judge(("a", "b"), ended)[0] is verdict


def test_each_break_is_made_alone_after_its_tests_were_green_without_it(root: Path) -> None:
    seen: list[tuple[str, Sequence[str]]] = []
    two = replace(ONE, name="the sum is a product", new="a * b", tests=("t::two",))

    def run(tree: Path, tests: Sequence[str], _limit_s: float) -> Mapping[str, Ending]:
        text = (tree / "app" / "sums.py").read_text()
        seen.append((text, tests))
        return dict.fromkeys(tests, Ending.GREEN if "+" in text or "*" in text else Ending.RED)

    told: list[Made] = []
    found = make(root, [ONE, two], run, told.append)
    assert [(made.one.name, made.verdict) for made in found] == [
        ("the sum is a difference", Verdict.NOTICED),
        ("the sum is a product", Verdict.SURVIVED),
    ]
    assert told == found
    assert seen == [
        ("print((a + b))\n", [*ONE.tests, "t::two"]),
        ("print((a - b))\n", ONE.tests),
        ("print((a * b))\n", ("t::two",)),
    ]
    assert (root / "app" / "sums.py").read_text() == "print((a + b))\n"


@pytest.mark.parametrize(
    ("ending", "verdict", "is_wrong"),
    [
        (Ending.SKIPPED, Verdict.SKIPPED, False),
        (Ending.RED, Verdict.UNSOUND, True),
        (Ending.ERROR, Verdict.UNSOUND, True),
        (None, Verdict.UNSOUND, True),
    ],
)
def test_a_test_that_is_not_green_while_nothing_is_broken_proves_nothing(
    root: Path,
    ending: Ending | None,
    verdict: Verdict,
    is_wrong: bool,  # noqa: FBT001
) -> None:
    runs: list[Sequence[str]] = []

    def run(_tree: Path, tests: Sequence[str], _limit_s: float) -> Mapping[str, Ending]:
        runs.append(tests)
        return {ONE.tests[0]: ending} if ending else {}

    (made,) = make(root, [ONE], run, lambda _: None)
    assert (made.verdict, made.is_wrong, len(runs)) == (verdict, is_wrong, 1)
    assert make(root, [], run, lambda _: None) == []


def test_a_run_in_a_copy_compiles_nothing_and_is_not_measured() -> None:
    given = {"PATH": "/bin", "COVERAGE_PROCESS_START": "x", "COVERAGE_PROCESS_CONFIG": "y", "PYTEST_ADDOPTS": "-x"}
    assert environment(given) == {"PATH": "/bin", "PYTHONDONTWRITEBYTECODE": "1"}
