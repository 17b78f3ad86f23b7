"""Which tests are found by their markers, and how their ends are recorded: with a real pytest on files made for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.requirements.__main__ import ROOT, Places, main
from ops.requirements.marked import CollectionFailed, MarkedTest, collect
from ops.requirements.results import FOLDER, Outcome, recorded

SETTINGS = "[pytest]\naddopts = --import-mode=importlib\nmarkers =\n    requirement(*ids): promises\n"
CONFTEST = """
from tests.requirement_results import register

def pytest_configure(config):
    register(config)
"""
MARKED = """
import pytest

pytestmark = pytest.mark.requirement("FIN-01")
PROMISED = {"a": "INS-01", "b": "INS-02"}

MARKS = [pytest.param(name, marks=pytest.mark.requirement(id)) for name, id in PROMISED.items()]

@pytest.mark.parametrize("name", [*MARKS, "c"])
def test_cases(name): pass

@pytest.mark.requirement("INS-03")
class TestClass:
    @pytest.mark.requirement("INS-03", "UPL-01")
    @pytest.mark.parametrize("number", [1, 2])
    def test_method(self, number): pass
"""
ENDS = """
import pytest
from pytest import mark

held = mark.requirement("INS-01")

@held
def test_passes(): pass

@held
def test_fails(): assert False

@held
def test_skips(): pytest.skip("not here")

@held
@mark.xfail
def test_is_expected_to_fail(): assert False

@pytest.fixture
def broken():
    yield
    raise OSError

@held
def test_breaks_in_its_tear_down(broken): pass

def test_without_a_marker(): pass
"""


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """Load no plugins of other packages: they take seconds, and these files need none."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def checkout(root: Path, suite: str, text: str) -> Path:
    """Write a checkout with one file of tests and return its root."""
    path = root / suite / "unit" / "test_it.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (root / "pytest.ini").write_text(SETTINGS)
    return root


def run(root: Path, *words: str) -> None:
    """Run the tests of a checkout with the recorder."""
    (root / "conftest.py").write_text(CONFTEST)
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_markers_of_cases_classes_and_modules_are_found(tmp_path: Path) -> None:
    file = "tests/unit/test_it.py"
    cases = f"{file}::test_cases"
    method = f"{file}::TestClass::test_method"
    assert collect(checkout(tmp_path, "tests", MARKED)) == (
        MarkedTest(method, ("FIN-01", "INS-03", "UPL-01"), (f"{method}[1]", f"{method}[2]")),
        MarkedTest(f"{cases}[a]", ("FIN-01", "INS-01"), (f"{cases}[a]",)),
        MarkedTest(f"{cases}[b]", ("FIN-01", "INS-02"), (f"{cases}[b]",)),
        MarkedTest(f"{cases}[c]", ("FIN-01",), (f"{cases}[c]",)),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import pytest\n@pytest.mark.requirement\ndef test_it(): pass\n", "takes ids as text"),
        ("import pytest\n@pytest.mark.requirement(7)\ndef test_it(): pass\n", "takes ids as text"),
        ("import nothing_of_that_name  # pytest.mark.requirement\n", "nothing_of_that_name"),
    ],
)
def test_what_cannot_be_collected_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CollectionFailed, match=said):
        collect(checkout(tmp_path, "tests", text))


def test_each_end_of_a_marked_test_is_recorded(tmp_path: Path) -> None:
    root = checkout(tmp_path, "cases", ENDS)
    run(root)
    ends = {name.partition("::")[2]: result for name, result in recorded(root / FOLDER).items()}
    assert {name: result.outcome for name, result in ends.items()} == {
        "test_passes": Outcome.PASSED,
        "test_fails": Outcome.FAILED,
        "test_skips": Outcome.SKIPPED,
        "test_is_expected_to_fail": Outcome.FAILED,
        "test_breaks_in_its_tear_down": Outcome.FAILED,
    }
    assert ends["test_passes"].at.tzinfo is not None
    assert (root / FOLDER / ".gitignore").read_text() == "*\n"


def test_a_run_of_some_tests_keeps_what_others_left_and_collecting_records_nothing(tmp_path: Path) -> None:
    root = checkout(tmp_path, "cases", ENDS)
    run(root, "--collect-only")
    assert recorded(root / FOLDER) == {}
    run(root, "-k", "test_passes")
    run(root, "-k", "test_skips")
    assert len(recorded(root / FOLDER)) == 2


def test_a_checkout_is_written_and_checked_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = checkout(tmp_path, "tests", '"""mark.requirement"""\nimport pytest\n' + ENDS)
    places = Places(root)
    places.decisions.mkdir(parents=True)
    command = ["--root", str(root)]
    assert main(command) == 2
    assert "requirements.toml" in capsys.readouterr().err
    places.promises.write_text('[[promise]]\nid = "INS-01"\ngroup = "INS: frame"\nsays = "It runs."\n')
    assert main([*command, "--check"]) == 1
    assert "requirements.md is old" in capsys.readouterr().out
    assert main([*command, "--list", "part"]) == 0
    assert "INS-01  It runs." in capsys.readouterr().out
    assert main([*command, "--check"]) == 0
    run(root)
    assert main([*command, "--list", "broken"]) == 0
    assert "INS-01  It runs." in capsys.readouterr().out
    assert "failed: `test_fails`" in places.page.read_text()
    (root / "tests" / "unit" / "test_it.py").write_text('"""mark.requirement"""\ndef test_other(): pass\n')
    assert main([*command, "--check"]) == 1
    assert "has a result and is no marked test" in capsys.readouterr().out
