"""The breaks of the product can be made, and come to what is said: with a real pytest in a checkout made for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from ops.breaks.__main__ import ROOT, main
from ops.breaks.listed import every, faults, read
from ops.requirements.__main__ import Places
from ops.requirements.promises import clause_names
from ops.requirements.promises import read as read_promises

PLUGIN = ("__init__.py", "endings.py")
TESTS = """
import pytest
from app.sums import add

def test_sums(): assert add(1, 2) == 3
def test_signs(): assert add(0, 0) == 0

@pytest.fixture
def three(): assert add(1, 2) == 3; return 3

def test_of_a_fixture(three): assert three == 3

@pytest.mark.skipif(True, reason="not here")
def test_skipped(): assert add(1, 2) == 3

def test_hangs():
    while add(1, 2) != 3: pass
"""
BREAK = """
[[break]]
name = "{name}"
file = "app/sums.py"
old = '''a + b'''
new = '''{new}'''
tests = ["tests/test_sums.py::{test}"]
"""


def test_every_break_can_be_made_and_names_tests_and_clauses_that_are_there() -> None:
    areas = read(ROOT)
    assert every(areas)
    wrong = faults(ROOT, areas, clause_names(read_promises(Places(ROOT).promises)))
    assert wrong == [], "\n" + "\n".join(wrong)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one module and its tests; a compiled file of the module lies beside it."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    files = {"app/__init__.py": "", "app/sums.py": "def add(a, b):\n    return a + b\n", "tests/test_sums.py": TESTS}
    files |= {"ops/__init__.py": "", "pytest.ini": "[pytest]\n", ".gitignore": "__pycache__\n"}
    files |= {f"ops/breaks/{name}": (ROOT / "ops" / "breaks" / name).read_text() for name in PLUGIN}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)  # noqa: S607
    subprocess.run([sys.executable, "-m", "compileall", "-q", "app"], cwd=tmp_path, check=True)
    (tmp_path / "tests" / "breaks").mkdir()
    return tmp_path


def listed(checkout: Path, *breaks: tuple[str, str, str]) -> list[str]:
    """Write breaks (name, new, test) and return the words that make them."""
    text = "".join(BREAK.format(name=name, new=new, test=test) for name, new, test in breaks)
    (checkout / "tests" / "breaks" / "api.toml").write_text(text)
    return ["--root", str(checkout)]


def test_breaks_are_told_as_their_tests_end_and_a_survivor_fails_the_run(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = listed(
        checkout,
        ("one", "a - b", "test_sums"),
        ("two", "a - b", "test_signs"),
        ("three", "a - b", "test_of_a_fixture"),
        ("four", "a - b", "test_skipped"),
        ("five", "a +", "test_sums"),
    )
    assert main(words) == 1
    said = capsys.readouterr().out.splitlines()
    assert [(line.split()[0], line.split("  ")[-1]) for line in said[:5]] == [
        ("noticed", "one"),
        ("survived", "two: tests/test_sums.py::test_signs: green"),
        ("unclear", "three: tests/test_sums.py::test_of_a_fixture: error"),
        ("skipped", "four: tests/test_sums.py::test_skipped is skipped here"),
        ("unclear", "five: tests/test_sums.py::test_sums: it did not end"),
    ]
    assert said[5] == "breaks: 1 noticed, 1 survived, 2 unclear, 1 skipped"
    assert "  survived: two (app/sums.py): tests/test_sums.py::test_signs: green" in said
    assert (checkout / "app" / "sums.py").read_text().endswith("return a + b\n")


def test_a_test_that_never_ends_is_ended_and_proves_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.breaks.making.LIMIT_S", 3.0)
    assert main(listed(checkout, ("one", "a - b", "test_hangs"))) == 1
    assert "one: tests/test_sums.py::test_hangs: it did not end" in capsys.readouterr().out


def test_a_drawn_handful_that_is_noticed_passes_and_is_listed_with_its_seed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = tmp_path_factory.mktemp("samples") / "samples"
    monkeypatch.setenv("SWITCHYARD_TEST_SAMPLES", str(samples))
    words = listed(checkout, ("one", "a - b", "test_sums"), ("two", "a * b", "test_sums"))
    assert main([*words, "--sample", "1", "--seed", "9"]) == 0
    assert samples.read_text() == "breaks: 1 of 2, SWITCHYARD_TEST_SEED=9\n"


def test_what_is_no_checkout_or_no_list_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tests" / "breaks").mkdir(parents=True)
    assert main(["--root", str(tmp_path)]) == 2
    assert "not a git repository" in capsys.readouterr().err
    (tmp_path / "tests" / "breaks" / "api.toml").write_text("[[")
    assert main(["--root", str(tmp_path)]) == 2
    assert "api.toml" in capsys.readouterr().err
