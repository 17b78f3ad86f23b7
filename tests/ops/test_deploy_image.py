"""The image: what is copied into it, from where its packages come, as whom it runs, and its health check."""

import http.server
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, start_http_server

from app.cli import build_parser
from app.settings import Settings
from app.telemetry.metrics import Metrics
from ops.deploy.health import main, problem
from tests.architecture.test_repository import tracked
from tests.ops.compose import ROOT, load

DOCKERFILE = ROOT / "ops" / "deploy" / "Dockerfile"
PLACE = "/opt/switchyard"


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, rest) of the Dockerfile, lines joined and comments left out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage by its name, in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in instructions():
        if word == "FROM":
            found[rest.rpartition(" AS ")[2]] = []
        found[list(found)[-1]].append((word, rest))
    return found


def copied() -> list[tuple[list[str], str]]:
    """Return (sources, target) of every COPY from the repository."""
    rests = [rest.split() for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
    return [(words[:-1], words[-1]) for words in rests]


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps `path` from the builder: the last pattern that matches it or a parent decides."""
    ignored = False
    parents = [path, *(parent.as_posix() for parent in Path(path).parents)]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, parent) for parent in parents):
            ignored = not line.startswith("!")
    return ignored


def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(  # noqa: S603 - our own tool and file
        [Path(sys.executable).parent / "hadolint", DOCKERFILE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    assert copied()
    for sources, _ in copied():
        for source in sources:
            assert (ROOT / source).exists(), source
            assert not is_ignored(source), source


@pytest.mark.requirement("INS-50.ignored")
def test_nothing_but_what_is_copied_reaches_the_builder() -> None:
    wanted = tuple(source for sources, _ in copied() for source in sources)
    sent = [path.relative_to(ROOT).as_posix() for path in tracked()]
    sent = [path for path in sent if not is_ignored(path)]
    assert [path for path in sent if not path.startswith(wanted)] == []
    for path in (".git/config", ".env", "secrets/database_url", ".venv/bin/python", "app/__pycache__/x.pyc", "tests/x"):
        assert is_ignored(path), path


@pytest.mark.requirement("FIN-37.builder")
def test_packages_come_from_the_lock_by_hash_and_without_a_compiler() -> None:
    (run,) = [rest for word, rest in stages()["dependencies"] if word == "RUN"]
    for option in ("--require-hashes", "--no-deps", "--only-binary :all:", "--requirement /build/runtime.lock"):
        assert option in run
    assert (["requirements/runtime.lock"], "/build/runtime.lock") in copied()
    assert not re.search(r"apt-get|gcc|build-essential", DOCKERFILE.read_text())


@pytest.mark.requirement("FIN-37.builder", "FIN-37.user", "INS-50.stages", "INS-50.user")
def test_the_last_stage_has_no_installer_and_runs_as_somebody_without_rights() -> None:
    found = stages()
    name, last = list(found.items())[-1]
    assert (len(found), name) == (4, "runtime")
    assert any(word == "RUN" and "pip uninstall" in rest for word, rest in last)
    assert [rest for word, rest in last if word == "USER"] == ["1000:1000"]
    assert [rest for word, rest in last if word == "COPY"] == [
        f"--from=dependencies {PLACE}/venv {PLACE}/venv",
        f"--from=code {PLACE} {PLACE}",
    ]


def test_every_stage_starts_from_the_same_python_and_it_is_the_one_that_is_tested() -> None:
    origins = [stage[0][1].partition(" AS ")[0] for stage in stages().values()]
    assert origins[1:] == ["python"] * 3
    version = re.match(r"python:(\d+\.\d+)\.\d+-slim-bookworm$", origins[0])
    assert version is not None
    assert version[1] == f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.requirement("INS-50.one-process")
def test_processes_are_started_without_a_shell_so_that_signals_reach_them() -> None:
    last = dict(stages()["runtime"])
    assert json.loads(last["CMD"]) == ["python", "-m", "app.main"]
    assert tuple(json.loads(last["CMD"])) == load().services["replica"].command
    for name in ("replica", "worker", "migrate"):
        service = load().services[name]
        assert service.entrypoint == ()
        assert service.command[0] in {"python", "switchyard"}
    build_parser().parse_args(load().services["migrate"].command[1:])


@pytest.mark.requirement("INS-50.interval", "INS-50.timeout", "INS-50.start", "INS-50.retries")
@pytest.mark.requirement("FIN-30.interval", "FIN-30.timeout", "FIN-30.start", "FIN-30.retries", "FIN-30.asks")
def test_the_health_check_is_as_promised_and_asks_the_port_that_is_listened_on() -> None:
    rest = dict(stages()["runtime"])["HEALTHCHECK"]
    options, _, command = rest.partition("CMD ")
    assert options.split() == ["--interval=30s", "--timeout=10s", "--start-period=40s", "--retries=3"]
    assert json.loads(command) == ["python", f"{PLACE}/bin/health.py", "http://127.0.0.1:8000/readyz"]
    assert Settings.__struct_defaults__
    assert load().services["replica"].expose == ("8000",)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the COPY instructions make, without the packages."""
    root = tmp_path_factory.mktemp("image")
    for sources, target in copied():
        for source in sources:
            place = root / target.lstrip("/")
            if target.endswith("/"):
                place = place / Path(source).name
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place)  # with its byte code: compiling takes longer than all the rest
            else:
                shutil.copy(ROOT / source, place)
    return root


def run_in(image: Path, *command: str) -> str:
    """Run a command as the image would: its folder, its PYTHONPATH, its PATH."""
    place = image / PLACE.lstrip("/")
    path = os.pathsep.join([str(Path(sys.executable).parent), str(place / "bin"), "/usr/bin", "/bin"])
    done = subprocess.run(  # noqa: S603 - our own code
        command,
        cwd=place,
        env={"PATH": path, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.requirement("FIN-15.shipped")
def test_what_is_copied_is_all_that_the_processes_need(image: Path) -> None:
    code = (
        "import app.main, app.worker, app.migrations, app.agents.prompts as prompts; from pathlib import Path;"
        "import app.schema;"
        "print(app.main.__file__, app.schema.SCRIPTS.is_dir(), len(prompts.load_prompts(Path('prompts'))) > 0)"
    )
    file, *rest = run_in(image, "python", "-c", code).split()
    assert Path(file).is_relative_to(image)
    assert rest == ["True", "True"]


def test_the_operators_command_runs_in_the_image(image: Path) -> None:
    assert stat.S_IMODE((ROOT / "ops/deploy/switchyard").stat().st_mode) & 0o111
    assert "migrate" in run_in(image, "switchyard", "--help")


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    """A server that answers with the status in the path."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def test_an_answer_of_200_is_healthy(address: str) -> None:
    assert main([f"{address}/200"]) == 0


@pytest.mark.parametrize("status", [204, 301, 404, 500, 503])
def test_any_other_answer_is_not(address: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{address}/{status}"]) == 1
    assert f": {status}\n" in capsys.readouterr().err


def test_nobody_there_and_nobody_answering_are_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert problem(url, limit_s=0.2) == f"{url}: TimeoutError"
    assert problem(url, limit_s=5.0) == f"{url}: ConnectionRefusedError"


def test_the_health_check_needs_an_address() -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])


@pytest.mark.parametrize(("ago_s", "status"), [(0, 0), (50, 0), (70, 1)])
def test_a_worker_whose_loop_hangs_is_not_healthy_though_its_metrics_are_served(
    ago_s: float, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = CollectorRegistry()
    Metrics(registry).loop_awake_at.set(time.time() - ago_s)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    assert main([f"http://127.0.0.1:{server.server_port}/metrics", "--awake", "60"]) == status
    assert ("was last awake" in capsys.readouterr().err) is (status == 1)
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def test_metrics_that_do_not_say_it_are_not_healthy(address: str) -> None:
    assert main([f"{address}/200", "--awake", "60"]) == 1
