"""What the HTTP surface needs of the models."""

from collections.abc import Callable, Sequence
from typing import Protocol

from app.inference.calls.plan import Plan
from app.inference.slots.patience import OnQueue
from app.inference.words.account import Account
from app.inference.words.records import Answer, ChatCall, Embedding, Usage
from app.inference.words.route import Route


class Models(Protocol):
    """Calls models; see `app.inference.calls.dispatcher.Dispatcher`."""

    async def chat(
        self,
        call: ChatCall,
        *,
        on_route: Callable[[Route], None],
        on_delta: Callable[[str], None],
        on_restart: Callable[[], None],
        on_usage: Callable[[Usage], None],
        on_thinking: Callable[[int, str], None],
        on_queue: OnQueue,
    ) -> Answer:
        """Answer a chat call, and tell what comes."""
        ...

    async def embed(
        self,
        texts: Sequence[str],
        *,
        agent: str,
        account: Account,
        on_usage: Callable[[Usage], None],
        model: str | None = None,
    ) -> Embedding:
        """Return one vector a text."""
        ...

    async def plan(self, call: ChatCall, /) -> Plan:
        """Return where a chat call would go now; no model is asked."""
        ...


class Book(Protocol):
    """Takes the usage of calls that no run stores."""

    def take(self, usage: Usage, /) -> None:
        """Keep usage, and its route, until it is written."""
        ...
