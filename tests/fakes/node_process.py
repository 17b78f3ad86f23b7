"""Starts a fake node as a process: `python -m tests.fakes.node_process`; its address is the first line it writes."""

import argparse
import asyncio
import sys

from tests.fakes.node import FakeNode
from tests.fakes.scripts import FakeModel


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--also", default="", help="further addresses to listen at, comma-separated")
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--queue", type=int, default=8)
    parser.add_argument("--chat", default="smollm2:135m", help="names of chat models, comma-separated")
    parser.add_argument("--embed", default="all-minilm:22m", help="names of embedding models, comma-separated")
    parser.add_argument("--tokens-per-s", type=float, default=0.0)
    parser.add_argument("--embed-tokens-per-s", type=float, default=0.0)
    parser.add_argument("--load-s", type=float, default=0.0)
    parser.add_argument("--answer-tokens", type=int, default=24)
    parser.add_argument("--quotes", action="store_true", help="begin an answer with a sentence of its first passage")
    parser.add_argument("--obeys", action="store_true", help="answer with as many words as a question wants")
    parser.add_argument("--control", action="store_true", help="serve /control, /control/cut and /control/calls")
    return parser.parse_args()


async def _main(given: argparse.Namespace) -> None:
    chat = [
        FakeModel(name=name, tokens_per_s=given.tokens_per_s, load_s=given.load_s)
        for name in given.chat.split(",")
        if name
    ]
    per_s = given.embed_tokens_per_s
    embed = [FakeModel(name=name, kind="embed", prefill_per_s=per_s) for name in given.embed.split(",") if name]
    node = FakeNode([*chat, *embed], slots=given.slots, queue=given.queue, answer_tokens=given.answer_tokens)
    node.quotes, node.obeys = given.quotes, given.obeys
    await node.start(given.port, control=given.control)
    await node.listen_too([address for address in given.also.split(",") if address])
    sys.stdout.write(f"{node.url}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(_arguments()))
