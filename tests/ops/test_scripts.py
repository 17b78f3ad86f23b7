"""The shell scripts behind make: what they run, and what they say when something is missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted([*(ROOT / "ops").glob("*.sh"), ROOT / ".ci" / "run"])
TARGETS = (
    *("help", "setup", "fmt", "check", "test", "demo", "up", "down", "load", "bench", "verify"),
    *("dashboards", "requirements", "breaks"),
)


def run(*command: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a small environment; bounded in time."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), **environ}
    return subprocess.run(  # noqa: S603 - our own scripts
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def write_program(path: Path, text: str) -> None:
    """Write a shell program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in a path with a space: the scripts, a lock of one package, a .venv whose uv only notes its arguments."""
    clone = tmp_path / "a clone"
    shutil.copytree(ROOT / "ops", clone / "ops", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (clone / "requirements").mkdir()
    for name in ("local", "dev"):
        (clone / "requirements" / f"{name}.lock").write_text("uv==1.0 \\\n    --hash=sha256:00\n")
    (clone / ".venv" / "bin").mkdir(parents=True)
    write_program(clone / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    write_program(clone / ".venv" / "bin" / "uv", 'echo "uv $*" >>"$HOME/calls"')
    return clone


def add_alert_tools(clone: Path) -> None:
    """Put programs where `ops/prometheus.sh` looks for them, so that nothing is fetched."""
    for program in ("promtool", "amtool", "prometheus", "prometheus-alertmanager"):
        write_program(clone / ".venv" / "bin" / program, "exit 0")


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH without Python, apt-get or promtool."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "cksum", "cat", "env", "id", "rm"):
        (programs / name).symlink_to(shutil.which(name) or "")
    return str(programs)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_strict_and_parses(script: Path) -> None:
    text = script.read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert os.access(script, os.X_OK)
    assert run("bash", "-n", str(script), cwd=ROOT).returncode == 0


def test_help_names_every_target() -> None:
    found = run("make", "help", cwd=ROOT).stdout
    assert [target for target in TARGETS if f"make {target} " not in found] == []


@pytest.mark.requirement("ORC-21.tests", "INS-71.same")
def test_continuous_integration_runs_what_a_developer_runs() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_setup_installs_by_hash_once_and_again_when_the_lock_changed(clone: Path) -> None:
    first = run("ops/setup.sh", "local", cwd=clone)
    assert first.returncode == 0, first.stderr
    calls = (clone / "calls").read_text().splitlines()
    assert sum("--require-hashes --no-deps -r requirements/local.lock" in call for call in calls) == 1
    second = run("ops/setup.sh", "local", cwd=clone)
    assert (second.returncode, second.stdout) == (0, "")
    (clone / "requirements" / "local.lock").write_text("uv==2.0 \\\n    --hash=sha256:00\n")
    assert "installing 1 packages" in run("ops/setup.sh", "local", cwd=clone).stdout


def test_what_developers_need_includes_what_the_stack_needs(clone: Path) -> None:
    add_alert_tools(clone)
    run("ops/setup.sh", "dev", cwd=clone)
    (clone / "calls").unlink()
    assert run("ops/setup.sh", "local", cwd=clone).returncode == 0
    assert "install" not in ((clone / "calls").read_text() if (clone / "calls").exists() else "")


def test_setup_for_developers_brings_the_tools_of_the_alerts_or_says_what_is_skipped(
    clone: Path, bare_path: str
) -> None:
    for name in ("grep", "mktemp", "chmod", "awk"):
        (Path(bare_path) / name).symlink_to(shutil.which(name) or "")
    (clone / "tests").mkdir()
    (clone / "tests" / "test_rules.py").write_text("# monitoring_programs\ndef test_a(): pass\ndef test_b(): pass\n")
    found = run("ops/setup.sh", "dev", cwd=clone, PATH=bare_path)
    assert found.returncode == 0, found.stderr
    assert "promtool and amtool are not here and cannot be brought: up to 2 tests of the alerts" in found.stdout
    add_alert_tools(clone)
    (clone / "requirements" / "dev.lock").write_text("uv==2.0 \\\n    --hash=sha256:00\n")
    again = run("ops/setup.sh", "dev", cwd=clone, PATH=bare_path)
    assert again.returncode == 0, again.stderr
    assert "skipped" not in again.stdout


def test_setup_offers_the_command_from_any_directory(clone: Path) -> None:
    run("ops/setup.sh", "local", cwd=clone)
    (clone / "app").mkdir()
    (clone / "app" / "cli.py").write_text("import sys\nprint('asked', sys.argv[1:])\n")
    (clone / "app" / "__init__.py").touch()
    assert "asked ['keys']" in run(str(clone / ".venv/bin/switchyard"), "keys", cwd=clone.parent).stdout


def test_setup_without_a_python_says_what_is_needed(clone: Path, bare_path: str) -> None:
    shutil.rmtree(clone / ".venv")
    found = run("ops/setup.sh", "local", cwd=clone, PATH=bare_path)
    assert found.returncode == 1
    assert "Python 3.11 or later is needed" in found.stderr


def test_a_moved_venv_is_thrown_away(clone: Path, bare_path: str) -> None:
    write_program(clone / ".venv" / "bin" / "python", "exit 127")
    found = run("ops/setup.sh", "local", cwd=clone, PATH=bare_path)
    assert ".venv does not work" in found.stdout
    assert not (clone / ".venv").exists()


def test_suites_run_in_order_and_stop_at_the_first_failure(clone: Path) -> None:
    write_program(clone / ".venv" / "bin" / "python", 'echo "$*" >>"$HOME/calls"; case "$*" in *two*) exit 1;; esac')
    found = run("ops/test.sh", "app:90 ops/local:80", "one", "two", "three breaks", cwd=clone, BREAKS="5")
    assert found.returncode == 1
    calls = (clone / "calls").read_text()
    assert calls.index("tests/one") < calls.index("tests/two")
    assert "tests/three" not in calls
    assert "ops.breaks" not in calls


def test_lists_of_suites_run_side_by_side_and_each_in_its_order(clone: Path) -> None:
    write_program(
        clone / ".venv" / "bin" / "python",
        f'case "$2" in ops.lanes) shift; PYTHONPATH="{ROOT}" exec "{sys.executable}" -m "$@";; esac\n'
        'echo "$*" >>"$HOME/calls"; case "$*" in *two*) until grep -q front "$HOME/calls"; do :; done; exit 3;; '
        "*front*) exec sleep 30;; esac",
    )
    found = run("ops/test.sh", "app:90", "one two three | front", "later", cwd=clone)
    assert found.returncode == 3
    calls = (clone / "calls").read_text()
    assert calls.index("tests/one") < calls.index("tests/two")
    assert "tests/front" in calls
    assert "tests/three" not in calls
    assert "tests/later" not in calls
    assert found.stdout.splitlines()[-1] == "== failed with 3: ops/test.sh --list one two three "


def test_files_that_one_list_names_are_left_out_of_the_whole_suite_beside_it(clone: Path) -> None:
    write_program(
        clone / ".venv" / "bin" / "python",
        f'case "$2" in ops.lanes) shift; PYTHONPATH="{ROOT}" exec "{sys.executable}" -m "$@";; esac\n'
        'echo "$*" >>"$HOME/calls"',
    )
    assert run("ops/test.sh", "app:90", "one two/a.py,b.py | two", "two", cwd=clone).returncode == 0
    calls = [line.partition("pytest -q ")[2] for line in (clone / "calls").read_text().splitlines()]
    beside = ["tests/one", "tests/two/a.py tests/two/b.py", "tests/two --ignore=tests/two/a.py --ignore=tests/two/b.py"]
    assert sorted(filter(None, calls)) == sorted([*beside, "tests/two"])


def test_a_suite_that_hangs_is_interrupted_and_fails(clone: Path) -> None:
    write_program(clone / ".venv" / "bin" / "python", 'case "$*" in *one*) exec sleep 60;; esac')
    found = run("ops/test.sh", "app:90", "one", cwd=clone, SUITE_LIMIT_S="1")
    assert found.returncode != 0


@pytest.mark.requirement("ORC-21.coverage", "ORC-84.app", "ORC-84.ops")
def test_coverage_is_asked_for_after_every_suite_passed(clone: Path) -> None:
    write_program(clone / ".venv" / "bin" / "python", 'echo "$*" >>"$HOME/calls"')
    assert run("ops/test.sh", "app:90 ops/local:80", "one breaks", cwd=clone, BREAKS="5").returncode == 0
    assert (clone / "calls").read_text().splitlines()[-4:] == [
        "-m ops.breaks --sample 5",
        "-m coverage combine -q",
        "-m coverage report --include=app/* --fail-under=90",
        "-m coverage report --include=ops/local/* --fail-under=80",
    ]


@pytest.mark.requirement("ORC-21.coverage", "ORC-84.app", "ORC-84.ops", "INS-71.coverage")
def test_make_asks_for_at_least_90_percent() -> None:
    command = run("make", "--dry-run", "test", cwd=ROOT).stdout
    asked = re.search(r'ops/test\.sh "(.*)" "unit ', command)
    assert asked is not None
    bounds = dict(bound.split(":") for bound in asked[1].split())
    assert int(bounds["app"]) >= 90


def test_each_package_around_the_product_has_a_bound_of_coverage() -> None:
    asked = re.search(r'ops/test\.sh "(.*)" "unit ', run("make", "--dry-run", "test", cwd=ROOT).stdout)
    assert asked is not None
    bounded = {bound.partition(":")[0] for bound in asked[1].split()} - {"app"}
    assert bounded == {f"ops/{path.parent.name}" for path in (ROOT / "ops").glob("*/__init__.py")}


def test_rules_without_promtool_are_skipped_aloud(clone: Path, bare_path: str) -> None:
    (clone / "prometheus" / "rules").mkdir(parents=True)
    (clone / "prometheus" / "rules" / "a.yml").write_text("groups: []\n")
    found = run("ops/prometheus.sh", cwd=clone, PATH=bare_path)
    assert found.returncode == 0, found.stderr
    assert "SKIPPED, promtool is not here" in found.stdout


@pytest.mark.parametrize(
    ("user", "ci", "status"), [("0", "1", 1), ("0", "", 0), ("1000", "1", 0)], ids=["in CI", "by hand", "not root"]
)
def test_what_cannot_be_brought_is_a_failure_only_in_ci_as_root(
    clone: Path, bare_path: str, user: str, ci: str, status: int
) -> None:
    (Path(bare_path) / "id").unlink()
    write_program(Path(bare_path) / "id", f"echo {user}")
    write_program(Path(bare_path) / "apt-get", "exit 100")
    (clone / "prometheus").mkdir()
    for script, missing in (("browser", "chromium"), ("prometheus", "promtool")):
        found = run(f"ops/{script}.sh", cwd=clone, PATH=bare_path, CI=ci)
        assert (found.returncode, missing in found.stdout) == (status, True), found.stdout + found.stderr


def test_a_browser_is_installed_with_fresh_lists_where_root_has_apt(clone: Path, bare_path: str) -> None:
    (Path(bare_path) / "id").unlink()
    write_program(Path(bare_path) / "id", "echo 0")
    notes = f'echo "$*" >>"{clone}/calls"; [ "$2" = update ] || [ -e "{clone}/fresh" ] || exit 100'
    write_program(Path(bare_path) / "apt-get", f'{notes}\n[ "$2" != update ] || : >"{clone}/fresh"')
    found = run("ops/browser.sh", cwd=clone, PATH=bare_path, CI="1")
    assert found.returncode == 0, found.stdout
    asked = "-qq install -y --no-install-recommends chromium"
    assert (clone / "calls").read_text().splitlines() == [asked, "-qq update", asked]


def test_merge_marks_and_large_files_are_refused_before_a_commit(tmp_path: Path) -> None:
    good, marked, large = tmp_path / "good", tmp_path / "marked", tmp_path / "large"
    good.write_text("text\n")
    marked.write_text("<" * 7 + " HEAD\n")
    large.write_bytes(bytes(2_000_001))
    command = (sys.executable, "-m", "ops.precommit")
    assert run(*command, str(good), cwd=ROOT).returncode == 0
    found = run(*command, str(good), str(marked), str(large), cwd=ROOT)
    assert found.returncode == 1
    assert "a merge mark" in found.stdout
    assert "2000001 bytes" in found.stdout
