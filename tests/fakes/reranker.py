"""A reranker that answers as the servers do, and scores a text by how often it has one word."""

import asyncio
from enum import StrEnum
from typing import Any

import httpx
import msgspec


class Form(StrEnum):
    """Whose answers it gives."""

    LLAMA = "llama.cpp"
    """tools/server/server-common.cpp, format_response_rerank: sorted; where the request has `texts` as the next one."""
    TEI = "text-embeddings-inference"
    """router/src/http/types.rs, RerankRequest and Rank: `texts` is needed, the answer is a bare list."""
    VLLM = "vllm"
    """vllm/entrypoints/pooling/score/protocol.py, RerankResponse: each result has its document too."""


class FakeReranker:
    """Answers by httpx's transport, and remembers what it was asked."""

    def __init__(self, form: Form = Form.VLLM, *, likes: str = "kiln") -> None:
        self.form = form
        self.likes = likes
        self.asked: list[dict[str, Any]] = []
        self.reply: httpx.Response | None = None
        """What it answers instead."""
        self.silent = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        asked = msgspec.json.decode(request.content)
        self.asked.append(asked)
        if self.silent:
            await asyncio.Event().wait()
        if self.reply is not None:
            return self.reply
        texts = asked["texts"] if self.form is Form.TEI else asked["documents"]
        scores = [text.casefold().count(self.likes) - 9.5 for text in texts]
        order = sorted(range(len(texts)), key=lambda at: -scores[at])
        if self.form is Form.VLLM:
            results = [{"index": at, "document": {"text": texts[at]}, "relevance_score": scores[at]} for at in order]
            return httpx.Response(200, json={"id": "score-1", "model": "m", "usage": {}, "results": results})
        return httpx.Response(200, json=[{"index": at, "score": scores[at]} for at in order])

    def client(self) -> httpx.AsyncClient:
        """A client of it."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self))
