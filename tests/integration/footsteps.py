"""Which of our functions lie between a request and what is sent to a node for it, seen while it happens."""

import asyncio
import inspect
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from types import CodeType, CoroutineType, FrameType
from typing import Any, cast
from weakref import WeakKeyDictionary

import aiohttp
import litestar
import pytest

import app

OWN = str(Path(app.__file__).parent)
ROUTER = str(Path(litestar.__file__).parent)


class Footsteps:
    """Notes the functions on the call stack whenever the HTTP client sends, outermost first.

    A task goes on with those of whoever made it, as they stood then. Every frame counts, whatever it is: functions,
    methods, coroutines, generators, lambdas, comprehensions and what is nested in any of them. So does what returned
    before, having done no more than to make the coroutine that somebody else waits for.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[CodeType, ...]]] = []
        """What was asked of whom, and what led there: our functions, and those of the router."""
        self._before: WeakKeyDictionary[asyncio.Task[Any], tuple[CodeType, ...]] = WeakKeyDictionary()
        self._made: dict[FrameType, CodeType] = {}

    def make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Any,  # noqa: ANN401 - whatever may be a task
        *,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        """Make a task, as the loop asks (`loop.set_task_factory`)."""
        steps = self._here()
        task = asyncio.Task[Any](coroutine, loop=loop, context=context)
        self._before[task] = steps
        return task

    def _profile(self, frame: FrameType, event: str, brought: object) -> None:
        """Note who returns a coroutine without being one, as the interpreter asks (`sys.setprofile`)."""
        if event == "return" and isinstance(brought, CoroutineType) and _counts(frame.f_code):
            made: FrameType | None = brought.cr_frame
            if made is not None:
                self._made[made] = frame.f_code

    @contextmanager
    def followed(self) -> Generator[None]:
        """Note what is made within the block, from nothing."""
        self.sent.clear()
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            self._made.clear()

    def note(self, url: str) -> None:
        """Note what leads here."""
        self.sent.append((url, self._here()))

    def to(self, path: str) -> list[tuple[CodeType, ...]]:
        """Return what led to each request to that path of a node, on behalf of a request to us."""
        return [steps for url, steps in self.sent if url.endswith(path) and any(map(_is_router, steps))]

    def _here(self) -> tuple[CodeType, ...]:
        task = asyncio.current_task() if asyncio._get_running_loop() is not None else None
        before = () if task is None else self._before.get(task, ())
        return before + tuple(reversed([code for code in self._codes(inspect.currentframe()) if _counts(code)]))

    def _codes(self, frame: FrameType | None) -> Iterator[CodeType]:
        while frame is not None:
            yield frame.f_code
            if frame in self._made:
                yield self._made[frame]
            frame = frame.f_back


def own_names(steps: tuple[CodeType, ...], handler: CodeType) -> tuple[list[str], list[str]]:
    """Return the names of our functions around the router, and of those behind it.

    The function of the path is one of these, also where it has returned before: it made the response that asks.
    """
    last = max(number for number, code in enumerate(steps) if _is_router(code))
    around = tuple(code for code in steps[:last] if not _is_router(code))
    return _names(around), _names((handler, *steps[last + 1 :]))


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Generator[Footsteps]:
    """Watch every task that is made within the block, and every request of the HTTP client."""
    steps, loop = Footsteps(), asyncio.get_running_loop()
    request = aiohttp.ClientSession._request  # pyright: ignore[reportPrivateUsage]

    async def noting(session: aiohttp.ClientSession, method: str, url: str, **given: object) -> aiohttp.ClientResponse:
        steps.note(str(url))
        return await request(session, method, url, **cast("Any", given))

    monkeypatch.setattr(aiohttp.ClientSession, "_request", noting)
    loop.set_task_factory(steps.make_task)
    try:
        yield steps
    finally:
        loop.set_task_factory(None)
        monkeypatch.undo()


def _counts(code: CodeType) -> bool:
    return code.co_filename.startswith(OWN) or _is_router(code)


def _is_router(code: CodeType) -> bool:
    return code.co_filename.startswith(ROUTER)


def _names(codes: tuple[CodeType, ...]) -> list[str]:
    # One that is there twice is one function to a reader.
    return [f"{Path(code.co_filename).relative_to(OWN)} {code.co_qualname}" for code in dict.fromkeys(codes)]
