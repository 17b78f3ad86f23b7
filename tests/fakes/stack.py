"""A stack as a client sees it: chat streams, uploads, jobs, metrics; what it says and when is up to the test."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID, uuid4

import msgspec
from aiohttp import web

from app.agents.events import Delta, EventKind, Queued
from app.agents.evidence import Citation
from app.agents.values import RouteSummary
from app.api.shapes import ChatMetadata, ChatResponse
from app.api.sse import RETRY_HINT_MS
from app.ids import DocumentId, RouteId, RunId, SessionId
from app.inference.words.ends import FinishReason
from app.inference.words.tiers import TIERS, Tier
from app.jobs.states import JobState

Routed: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "sy_fake_key_of_a_fake_stack"
METRICS = """\
# TYPE tool_duration_seconds histogram
tool_duration_seconds_bucket{{tool_name="document_search",le="0.25"}} {count}
tool_duration_seconds_bucket{{tool_name="document_search",le="+Inf"}} {count}
tool_duration_seconds_count{{tool_name="document_search"}} {count}
tool_duration_seconds_sum{{tool_name="document_search"}} {count}
# TYPE switchyard_slot_wait_seconds histogram
switchyard_slot_wait_seconds_bucket{{tier="simple",le="0.5"}} {count}
switchyard_slot_wait_seconds_bucket{{tier="simple",le="+Inf"}} {count}
switchyard_slot_wait_seconds_count{{tier="simple"}} {count}
switchyard_slot_wait_seconds_sum{{tier="simple"}} {count}
"""


@dataclass(slots=True)
class Manner:
    """How the fake stack answers.

    `stall_before` is the number of the question before which everything stops once for `stall_s`. `refuse` questions
    are answered with 429 first. Every answer costs `cost_usd`; `cites` says whether an upload's document is named.
    """

    words: int = 4
    delta_s: float = 0.0
    stall_before: int = 0
    stall_s: float = 0.5
    refuse: int = 0
    refuse_in_stream: int = 0
    cost_usd: float = 0.001
    cites: bool = True


@dataclass(slots=True)
class Asked:
    """One question as it came."""

    message: str
    session_id: str | None
    at_s: float


@dataclass(slots=True)
class Stall:
    """When everything stood still, on the monotonic clock."""

    began_s: float = 0.0
    ended_s: float = 0.0


@dataclass(slots=True)
class FakeStack:
    """Serves on loopback; `url` once started."""

    manner: Manner = field(default_factory=Manner)
    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    documents: dict[str, str] = field(default_factory=dict[str, str])
    removed: list[str] = field(default_factory=list[str])
    stall: Stall = field(default_factory=Stall)
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(middlewares=[self._door])
        app.router.add_post("/api/v1/chat", self._chat)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/ollama/api/chat", self._complete)
        app.router.add_get("/api/v1/documents", self._list)
        app.router.add_delete("/api/v1/documents/{id}", self._remove)
        app.router.add_post("/api/v2/upload", self._upload)
        app.router.add_get("/api/v2/jobs/{id}", self._job)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=512).start()
        self.url = f"http://127.0.0.1:{int(self._runner.addresses[0][1])}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _door(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        is_known = request.headers.get("authorization") == f"Bearer {KEY}"
        if not is_known and request.path != "/metrics":
            return problem(401, "key_unknown")
        return await handler(request)

    async def _stand_still(self) -> None:
        if self.manner.stall_before and len(self.asked) == self.manner.stall_before:
            self.stall = Stall(time.monotonic(), time.monotonic() + self.manner.stall_s)
        await asyncio.sleep(max(self.stall.ended_s - time.monotonic(), 0.0))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read(), type=dict[str, object])
        session_id = body.get("session_id")
        known = None if session_id is None else str(session_id)
        asked = Asked(str(body["message"]), known, time.monotonic())
        self.asked.append(asked)
        await self._stand_still()
        if self.manner.refuse:
            self.manner.refuse -= 1
            return problem(429, "rate_limited")
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(b"retry: %d\n\n" % RETRY_HINT_MS)
        await self._stream(response, asked.message, uuid4() if known is None else UUID(known))
        return response

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        """Answer a client of OpenAI's interface or of Ollama's, as its stream ends."""
        await request.read()
        await self._stand_still()
        ends = b'{"done":true}\n' if request.path.startswith("/ollama/") else b"data: [DONE]\n\n"
        return web.Response(body=ends)

    async def _stream(self, response: web.StreamResponse, message: str, session_id: UUID) -> None:
        await _write(response, EventKind.QUEUED, Queued(RunId(uuid4()), SessionId(session_id)))
        if self.manner.refuse_in_stream:
            self.manner.refuse_in_stream -= 1
            await _write(response, EventKind.ERROR, {"status": 503, "code": "no_slot_in_time"})
            return
        for number in range(self.manner.words):
            if number and self.manner.delta_s:
                await asyncio.sleep(self.manner.delta_s)
            await _write(response, EventKind.DELTA, Delta(f"word{number} "))
            await self._stand_still()
        await _write(response, EventKind.DONE, self._answer(message, session_id))

    def _answer(self, message: str, session_id: UUID) -> ChatResponse:
        named = [name for name in self.documents.values() if self.manner.cites and lockers(name) & lockers(message)]
        tier = TIERS[len(self.asked) % len(TIERS)]
        return answer_of(session_id, tier, self.manner.cost_usd, named, words=self.manner.words)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"documents": [], "next_cursor": None})

    async def _upload(self, request: web.Request) -> web.Response:
        part = await (await request.multipart()).next()
        document_id = str(uuid4())
        self.documents[document_id] = str(getattr(part, "filename", ""))
        return web.json_response({"job_id": document_id, "document_id": document_id}, status=202)

    async def _job(self, request: web.Request) -> web.Response:
        return web.json_response({"job_id": request.match_info["id"], "status": JobState.DONE.value})

    async def _remove(self, request: web.Request) -> web.Response:
        self.removed.append(request.match_info["id"])
        return web.Response(status=204)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(text=METRICS.format(count=len(self.asked)))


def lockers(text: str) -> set[str]:
    """Return the numbers of lockers that a text is about."""
    return set(re.findall(r"l-[0-9]{5}-[0-9a-fx]+", text.lower()))


def problem(status: int, code: str) -> web.Response:
    """Return a problem document; a refusal says when to come back."""
    headers = {"retry-after": "0"} if status in {429, 503} else {}
    return web.json_response({"status": status, "code": code}, status=status, headers=headers)


def answer_of(session_id: UUID, tier: Tier, cost_usd: float, named: list[str], *, words: int) -> ChatResponse:
    """Return what a stack says of an answer of that tier that cites the named documents."""
    route = _route_of(tier, cost_usd, words)
    return ChatResponse(
        session_id=session_id,
        message="".join(f"word{number} " for number in range(words)),
        finish_reason=FinishReason.STOP,
        agent_used="answer",
        requires_clarification=False,
        conversation_complete=True,
        metadata=ChatMetadata(
            tokens_used=10 + words,
            processing_time_ms=1,
            run_id=uuid4(),
            input_tokens=10,
            output_tokens=words,
            gpu_seconds=0.01,
            cost_usd=cost_usd,
            first_token_ms=0.1,
            attempt=1,
            routes=(route,),
        ),
        citations=tuple(Citation(name, DocumentId(uuid4()), "", "", 0, 0, 1.0) for name in named),
        degraded=(),
        thinking=None,
    )


def _route_of(tier: Tier, cost_usd: float, words: int) -> RouteSummary:
    return RouteSummary(
        route_id=RouteId(uuid4()),
        kind="chat",
        agent="answer",
        tier=tier,
        tier_reason="rated",
        reason="least_cost",
        node="a",
        model=f"{tier.value}-model",
        digest="0" * 64,
        input_tokens=10,
        output_tokens=words,
        first_token_ms=0.1,
        gpu_seconds=0.01,
        cost_usd=cost_usd,
        outcome="done",
    )


async def _write(response: web.StreamResponse, kind: EventKind, body: object) -> None:
    await response.write(b"event: %b\ndata: %b\n\n" % (kind.value.encode(), msgspec.json.encode(body)))
