"""Ollama's replies, as the fake node writes them."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from tests.fakes.scripts import FakeCall, FakeModel, Script
from tests.fakes.words import words_after

NS = 1_000_000_000


def now() -> str:
    """Return the time as Ollama writes it."""
    return datetime.now(UTC).isoformat()


async def running(_request: web.Request) -> web.Response:
    """Answer `GET /`."""
    return web.Response(text="Ollama is running")


def entry(model: FakeModel) -> dict[str, object]:
    """Return a model as `/api/tags` lists it."""
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": "fake",
        "families": ["fake"],
        "parameter_size": "1M",
        "quantization_level": "Q8_0",
    }
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": now(),
        "size": 1000,
        "digest": model.sha,
        "details": details,
    }


def refuse(status: int, error: str) -> web.Response:
    """Return an error in Ollama's shape."""
    return web.json_response({"error": error}, status=status)


def options(call: FakeCall) -> dict[str, object]:
    """Return the options of a call."""
    return msgspec.convert(call.body.get("options") or {}, dict[str, object])


def tokens_of(call: FakeCall, messages: list[dict[str, str]], answer_tokens: int) -> list[str]:
    """Return what the fake answers: numbered words that go on where a final assistant message ends."""
    given = options(call)
    ends_with_answer = messages[-1]["role"] == "assistant"
    shown = messages[-1]["content"] if ends_with_answer else ""
    prompt = "\n".join(message["content"] for message in (messages[:-1] if ends_with_answer else messages))
    left = answer_tokens - len(shown.split())
    seed = given.get("seed")
    return words_after(
        prompt,
        shown,
        max(0, min(left, int(str(given.get("num_predict", left))))),
        temperature=float(str(given.get("temperature", 0.8))),
        seed=int(str(seed)) if seed is not None else None,
    )


def line(model: str, text: str) -> bytes:
    """Return one line of a stream."""
    message = {"role": "assistant", "content": text}
    return msgspec.json.encode({"model": model, "created_at": now(), "message": message, "done": False}) + b"\n"


def last_line(model: str, times_s: Mapping[str, float], prompt_tokens: int, tokens: int) -> bytes:
    """Return the line with `done: true`, counts and durations."""
    last = {
        "model": model,
        "created_at": now(),
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "total_duration": int(sum(times_s.values()) * NS),
        "load_duration": int(times_s["load"] * NS),
        "prompt_eval_count": prompt_tokens,
        "prompt_eval_duration": int(times_s["prefill"] * NS),
        "eval_count": tokens,
        "eval_duration": int(times_s["decode"] * NS),
    }
    return msgspec.json.encode(last) + b"\n"


async def write(request: web.Request, reply: web.StreamResponse, raw: bytes) -> None:
    """Send a line; as Ollama, send the headers only with the first one."""
    if not reply.prepared:
        await reply.prepare(request)
    await reply.write(raw)


async def trouble(request: web.Request, reply: web.StreamResponse, script: Script, number: int) -> bool:
    """Do what the script says for this token; True if the stream has ended."""
    if script.hang_after == number:
        await asyncio.Event().wait()
    if script.raw is not None and script.raw_after == number:
        await write(request, reply, script.raw.encode("utf-8", "surrogateescape") + b"\n")
    if script.die_after == number:
        if request.transport is not None:
            request.transport.abort()
        return True
    if script.error_after == number:
        await write(request, reply, msgspec.json.encode({"error": script.error}) + b"\n")
        await reply.write_eof()
        return True
    if script.eof_after == number:
        if not reply.prepared:
            await reply.prepare(request)
        await reply.write_eof()
        return True
    return False
