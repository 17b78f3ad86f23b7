"""What every suite shares: no blocking in the loop, no sockets in unit tests, seeds that are printed."""

import gc
import inspect
import os
import random
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import pytest_socket
from blockbuster import blockbuster_ctx
from hypothesis import settings

from tests.fakes.plain_logs import log_plainly
from tests.requirement_results import register

HERE = Path(__file__).parent
SEED = "SWITCHYARD_TEST_SEED"
FULL = "SWITCHYARD_TEST_FULL"
SAMPLES = "SWITCHYARD_TEST_SAMPLES"
SAMPLE_LIMIT_S = 900.0
"""The most that a test may take which runs a sample of its cases."""
TAKEN = pytest.StashKey[list[str]]()

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def is_whole() -> bool:
    """Whether all cases are asked for instead of samples."""
    return os.environ.get(FULL) == "1"


def suite_of(path: Path) -> str:
    """Return the folder under tests/ that a test file is in."""
    return path.relative_to(HERE).parts[0]


def pytest_configure(config: pytest.Config) -> None:
    """Record results, and log plainly."""
    register(config)
    log_plainly()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each suite its marker, and hold samples to less time than all of their cases may take."""
    for item in items:
        suite = suite_of(item.path)
        if suite in {"integration", "acceptance"}:
            item.add_marker(suite)
        limit = item.get_closest_marker("timeout")
        if limit is not None and float(limit.args[0]) > SAMPLE_LIMIT_S and not is_whole():
            item.add_marker(pytest.mark.timeout(SAMPLE_LIMIT_S), append=False)


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's rounds: it lives as long as the run."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print which samples were taken, so that a failure can be had again."""
    taken: list[str] = config.stash.get(TAKEN, None) or []
    for line in taken:
        terminalreporter.write_line(f"seeded: {line}")


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest) -> Generator[None]:  # pyright: ignore[reportUnusedFunction]
    """Refuse sockets in unit tests; the event loop's own pair is a Unix socket."""
    if suite_of(request.path) != "unit":
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(autouse=True)
def _no_blocking(request: pytest.FixtureRequest) -> Generator[None]:  # pyright: ignore[reportUnusedFunction]
    """Fail a test in which code of app/ blocks the event loop: that would stall every stream of a replica."""
    # A test without a loop has none to block, and there are a thousand of them.
    if suite_of(request.path) not in {"unit", "integration"} or not inspect.iscoroutinefunction(request.function):
        yield
        return
    with blockbuster_ctx("app") as blocking:
        # An upload that is being cancelled removes its file at once: it must not await anything.
        blocking.functions["os.unlink"].can_block_in("app/blobs.py", {"put"})
        # Threads that are measured share coverage's lock for moments. An error in there would break what it measures:
        # a coroutine would end without its `finally`, and its task never.
        blocking.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", {"lock_data"})
        # Nobody is served yet while a process opens its stores and reads its files.
        for function in blocking.functions.values():
            function.can_block_in("app/configuration.py", {"with_files"})
            function.can_block_in("app/wiring.py", {"open_platform"})
            function.can_block_in("app/retrieval/qdrant.py", {"__init__"})
        yield


@pytest.fixture
def seeded(request: pytest.FixtureRequest) -> Callable[..., random.Random]:
    """Return `seeded(taken, of=...)`: a random source for a sample, whose seed is printed and can be set.

    SWITCHYARD_TEST_SEED sets the seed; `make test` lists what was sampled.
    """

    def draw(taken: int, *, of: int) -> random.Random:
        seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(2**31))
        line = f"{request.node.name}: {taken} of {of}, {SEED}={seed}"
        request.config.stash.setdefault(TAKEN, []).append(line)
        if path := os.environ.get(SAMPLES):
            with Path(path).open("a") as file:
                file.write(f"{line}\n")
        return random.Random(seed)  # noqa: S311 - samples, not secrets

    return draw


@pytest.fixture
def is_full() -> bool:
    """Whether everything is asked for instead of seeded samples (`make verify`)."""
    return is_whole()
