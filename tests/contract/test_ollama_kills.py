"""A node with a real model is killed at a token of its answer; another one ends it, and the reader has it once.

The weights are real and the server is the double: a real one is not ours to kill.
"""

import random
import subprocess
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.inference.calls.attempts import Limits
from app.inference.calls.continuation import Continuation, Continuations
from app.inference.fleet.catalogue import Catalogue, Model, Node
from app.inference.words.records import Answer, ChatCall
from app.inference.words.route import Reason, Route
from app.inference.words.tiers import Tier
from tests.contract.ollama_server import CHAT_MODEL, TOOL_MODEL, node
from tests.integration.inference_fixtures import Replica, Seen, ask, open_replica, valkey

pytest_plugins = ("tests.contract.ollama_fixtures",)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.source("ollama: server/prompt.go", "ollama: template/template.go"),
    pytest.mark.usefixtures("own_store"),
]

TOKENS = 40
NUM_CTX = 1024
KILLED = 2
"""Of the tokens of an answer, for each model, in a sample."""
QUESTION = "Tell me a story about a lighthouse keeper."


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of a Valkey."""
    with valkey(tmp_path_factory.mktemp("kills")) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@dataclass(slots=True)
class Victim(Seen):
    """A reader whose node is killed as soon as it has so many pieces of the answer; None spares it."""

    process: subprocess.Popen[bytes] | None = None
    at: int | None = None
    pieces: int = 0

    def on_delta(self, text: str) -> None:
        """Add what came."""
        self.text += text
        self.pieces += 1
        self.strike()

    def on_route(self, route: Route) -> None:
        """Note where it goes."""
        self.routes.append(route)
        self.strike()

    def strike(self) -> None:
        """Kill the node when it is time, once."""
        if self.process is not None and self.pieces == self.at and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def two_nodes(urls: tuple[str, str], model: str) -> Catalogue:
    """Declare the victim and the other one."""
    nodes = tuple(
        Node(name=name, url=url, slots=1, models=(model,)) for name, url in zip(("victim", "other"), urls, strict=True)
    )
    return Catalogue(models=(Model(name=model, tiers=(Tier.SIMPLE,), num_ctx=(NUM_CTX,)),), nodes=nodes)


def load(url: str, model: str, **how: object) -> None:
    """Have a node take a model into memory, or out of it (server/routes.go, GenerateHandler)."""
    httpx.post(f"{url}/api/generate", json={"model": model, "stream": False, **how}, timeout=60.0).raise_for_status()


def greedy(model: str) -> ChatCall:
    """Return a call whose answer is always the same."""
    return ask(QUESTION, model=model, max_tokens=TOKENS, last_node="victim", patience_s=30.0)


@asynccontextmanager
async def beside(
    other: str, store: Path, redis: str, model: str, found: Continuation
) -> AsyncGenerator[tuple[Replica, subprocess.Popen[bytes]]]:
    """Open a replica over a victim of its own and the other node, of whose model so much is known."""
    async with AsyncExitStack() as stack:
        url, process = stack.enter_context(node(store))
        known = Continuations()
        limits = Limits(first_token_s=30.0, load_s=30.0, gap_s=10.0)
        # So that the victim is asked first, whatever else placement weighs.
        load(url, model, options={"num_ctx": NUM_CTX})
        load(other, model, keep_alive=0)
        declared = two_nodes((url, other), model)
        replica = await stack.enter_async_context(open_replica(declared, redis, limits=limits, known=known))
        known.learn(model, replica.fleet.view("other").holds[model], found)
        yield replica, process


async def killed_at(
    at: int | None, model: str, found: Continuation, where: tuple[str, Path, str]
) -> tuple[Answer, Victim]:
    """Ask, kill the answering node after so many pieces, and return what became of it."""
    async with beside(*where, model, found) as (replica, process):
        victim = Victim(process=process, at=at)
        answer = await replica.dispatcher.chat(
            greedy(model),
            on_route=victim.on_route,
            on_delta=victim.on_delta,
            on_restart=victim.on_restart,
            on_usage=victim.usages.append,
        )
    return answer, victim


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of an answer whose node was killed."""

    read: str
    answered: str
    restarts: int
    reason: Reason
    continued: bool


def expected(found: Continuation, whole: str, at: int) -> Ended:
    """Return what must become of it: the undisturbed text in any case."""
    if at == 0:
        return Ended(whole, whole, 0, Reason.RETRY, continued=False)
    if found is Continuation.GOES_ON:
        return Ended(whole, whole, 0, Reason.CONTINUED, continued=True)
    return Ended(whole, whole, 1, Reason.RESTARTED, continued=False)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("model", "found"),
    [(TOOL_MODEL, Continuation.GOES_ON), (CHAT_MODEL, Continuation.CLOSED)],
    ids=["goes on", "closed"],
)
async def test_an_answer_whose_node_is_killed_is_the_undisturbed_one(
    ollama_store: Path,
    redis: str,
    seeded: Callable[..., random.Random],
    *,
    is_full: bool,
    model: str,
    found: Continuation,
) -> None:
    """server/prompt.go, chatPrompt; template.go: a final assistant message is left open by one of the templates."""
    with node(ollama_store) as (other, _):
        where = (other, ollama_store, redis)
        whole, calm = await killed_at(None, model, found, where)
        assert (calm.text, calm.restarts) == (whole.text, 0)
        rng, all_of = seeded(KILLED, of=calm.pieces), range(calm.pieces)
        for at in all_of if is_full else sorted(rng.sample(all_of, KILLED)):
            answer, victim = await killed_at(at, model, found, where)
            ended = Ended(victim.text, answer.text, victim.restarts, victim.routes[-1].reason, answer.continued)
            assert ended == expected(found, whole.text, at), at
