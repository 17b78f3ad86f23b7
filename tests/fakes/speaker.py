"""Writes an answer of the fake node: piece by piece or in one object, in Ollama's words or in OpenAI's."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec
from aiohttp import web

from ops.local.ollama.faults import Refused
from tests.fakes.asked import Asked, Form
from tests.fakes.replies import now
from tests.fakes.scripts import Script

NS = 1_000_000_000
COMPLETION_ID = "chatcmpl-1"


class Counts(msgspec.Struct, frozen=True):
    """What the last line says. Times in seconds."""

    load_s: float
    prefill_s: float
    decode_s: float
    prompt_tokens: int
    tokens: int
    wait_s: float = 0.0
    """Before it was its turn, which is in the whole time alone."""


class Speaker:
    """One answer on its way. As in Ollama, the headers of a stream go out with its first piece."""

    def __init__(self, request: web.Request, asked: Asked, script: Script) -> None:
        self._request = request
        self._asked = asked
        self._script = script
        self._line_end = script.line_end.encode()
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._created_s = int(time.time())
        kind = "text/event-stream" if asked.form is Form.COMPLETION else "application/x-ndjson"
        self._stream = web.StreamResponse(headers={"content-type": kind})

    async def say(self, text: str) -> None:
        """Send one piece, or keep it for the one object."""
        if self._asked.is_stream:
            await self._write(self._piece(text, "", is_first=not self._stream.prepared))
        else:
            self._texts.append(text)

    async def think(self, text: str) -> None:
        """Send one piece of thinking, or keep it for the one object."""
        if self._asked.is_stream:
            await self._write(self._piece("", text, is_first=not self._stream.prepared))
        else:
            self._thoughts.append(text)

    async def end(self, reason: str, counts: Counts | None = None) -> web.StreamResponse:
        """Send the last piece, or the one object; without counts the model was only loaded or unloaded."""
        reason = reason if self._script.done_reason is None else self._script.done_reason
        if self._asked.is_stream and counts is not None:
            await self._write(self._last(reason, counts))
            await self._stream.write_eof()
            return self._stream
        whole = self._whole("".join(self._texts), "".join(self._thoughts), reason, counts)
        return web.Response(body=msgspec.json.encode(whole), content_type="application/json", charset="utf-8")

    async def trouble(self, script: Script, number: int) -> web.StreamResponse | None:
        """Do what the script says for this token; returns the reply if that ended it. Raises Refused."""
        if script.hang_after == number:
            await asyncio.Event().wait()
        if script.raw is not None and script.raw_after == number and self._asked.is_stream:
            await self._write(script.raw.encode("utf-8", "surrogateescape") + self._line_end)
        if script.die_after == number:
            if self._request.transport is not None:
                self._request.transport.abort()
            return self._stream
        if script.error_after == number:
            return await self._fail(script.error)
        if script.eof_after == number:
            return await self._fail("")
        return None

    async def _fail(self, error: str) -> web.StreamResponse:
        """End a stream early, with a line that says why; one object has become an error instead."""
        if not self._asked.is_stream:
            raise Refused(500, error)
        await self._write(msgspec.json.encode({"error": error}) + b"\n" if error else b"")
        await self._stream.write_eof()
        return self._stream

    async def _write(self, raw: bytes) -> None:
        if not self._stream.prepared:
            await self._stream.prepare(self._request)
        if raw:
            await self._stream.write(raw)

    def _piece(self, text: str, thinking: str, *, is_first: bool) -> bytes:
        match self._asked.form:
            case Form.CHAT | Form.GENERATE:
                return (
                    msgspec.json.encode({**self._head(), **self._said(text, thinking), "done": False}) + self._line_end
                )
            case Form.COMPLETION:
                delta = ({"role": "assistant"} if is_first else {}) | {"content": text}
                # openai/openai.go, Message: `reasoning`.
                delta |= {"reasoning": thinking} if thinking else {}
                return _event(self._chunk([{"index": 0, "delta": delta, "finish_reason": None}]))
            case _:
                assert_never(self._asked.form)

    def _last(self, reason: str, counts: Counts) -> bytes:
        match self._asked.form:
            case Form.CHAT | Form.GENERATE:
                end = self._script.last_line_end
                return msgspec.json.encode(self._whole("", "", reason, counts)) + (
                    self._line_end if end is None else end.encode()
                )
            case Form.COMPLETION:
                # middleware/openai.go, ChatWriter: a chunk with the reason, one with the usage if asked, and the end.
                chunks = [self._chunk([{"index": 0, "delta": {}, "finish_reason": reason}])]
                if self._asked.with_usage:
                    chunks.append(self._chunk([]) | {"usage": _usage(counts)})
                return b"".join(map(_event, chunks)) + b"data: [DONE]\n\n"
            case _:
                assert_never(self._asked.form)

    def _whole(self, text: str, thinking: str, reason: str, counts: Counts | None) -> dict[str, object]:
        match self._asked.form:
            case Form.CHAT | Form.GENERATE:
                # api/types.go: `done_reason,omitempty`.
                end = {"done": True, **({"done_reason": reason} if reason else {})}
                said = self._said(text, thinking, self._script.tool_calls)
                return {**self._head(), **said, **end, **_metrics(counts, self._script.eval_count)}
            case Form.COMPLETION:
                message = {"role": "assistant", "content": text} | ({"reasoning": thinking} if thinking else {})
                choices = [{"index": 0, "message": message, "finish_reason": reason}]
                usage = {} if counts is None else {"usage": _usage(counts)}
                return self._chunk(choices) | {"object": "chat.completion"} | usage
            case _:
                assert_never(self._asked.form)

    def _head(self) -> dict[str, object]:
        return {"model": self._asked.model, "created_at": now()}

    def _said(self, text: str, thinking: str, tool_calls: Sequence[Mapping[str, object]] = ()) -> dict[str, object]:
        more: dict[str, object] = {}
        if thinking:
            more["thinking"] = thinking
        if tool_calls:
            more["tool_calls"] = tool_calls
        is_chat = self._asked.form is Form.CHAT
        return {"message": {"role": "assistant", "content": text} | more} if is_chat else {"response": text} | more

    def _chunk(self, choices: Sequence[Mapping[str, object]]) -> dict[str, object]:
        head = {"id": COMPLETION_ID, "object": "chat.completion.chunk", "created": self._created_s}
        return {**head, "model": self._asked.model, "system_fingerprint": "fp_ollama", "choices": choices}


def _event(chunk: Mapping[str, object]) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(chunk)


def _metrics(counts: Counts | None, eval_count: int | None) -> dict[str, object]:
    if counts is None:
        return {}
    return {
        "total_duration": int((counts.wait_s + counts.load_s + counts.prefill_s + counts.decode_s) * NS),
        "load_duration": int(counts.load_s * NS),
        "prompt_eval_count": counts.prompt_tokens,
        "prompt_eval_duration": int(counts.prefill_s * NS),
        "eval_count": counts.tokens if eval_count is None else eval_count,
        "eval_duration": int(counts.decode_s * NS),
    }


def _usage(counts: Counts) -> dict[str, int]:
    spent, said = counts.prompt_tokens, counts.tokens
    return {"prompt_tokens": spent, "completion_tokens": said, "total_tokens": spent + said}
