"""Calls of a client of a dialect that are under way: what is asked, what comes piece by piece, and how each ended."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping

import msgspec

from app.api.problems import ClientLeft
from app.api.queue_headers import position_header
from app.degradation import Degradation
from app.errors import AnswerBroken
from app.inference.words.contract import NO_CONTRACT, Contract
from app.inference.words.ends import FinishReason
from app.inference.words.messages import Message, ToolCall
from app.inference.words.priority import Priority
from app.inference.words.sampling import Sampling
from app.inference.words.thinking import Think

PENDING_CHARACTERS = 1_000_000
"""So much may wait for a reader that is slower than its model; then the call ends."""
HEAD_WAIT_S = 1.0
"""Once a slot is held, the head of a response waits so long for the first word, or for the node's refusal."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One call as a client asks it, whatever the dialect.

    `model` is what `read_wanted` takes. `max_tokens` None leaves it to the platform. `cuts` lets earlier turns be left
    out where they do not fit; without it a prompt that is too long is refused. What is said in a `stream` cannot be
    taken back. `contract` is `contracts.contract_of(request)`. `tells_queue` has a stream begin while the call waits
    for its slot, so that it can tell where it stands; a refusal comes inside it then.
    """

    model: str
    messages: tuple[Message, ...]
    agent: str
    request_id: str
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    think: Think | None = None
    response_schema: msgspec.Raw | None = None
    tools: tuple[msgspec.Raw, ...] = ()
    sampling: Sampling | None = None
    priority: Priority = Priority.INTERACTIVE
    deadline_s: float | None = None
    cuts: bool = False
    contract: Contract = NO_CONTRACT
    tells_queue: bool = False


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the call of that number stands in the queue for a slot: 1 is the next, in about `eta_s` seconds."""

    number: int
    position: int
    eta_s: float


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the call of that number: a part of its answer, or of what the model thinks before."""

    number: int
    text: str
    is_thinking: bool = False


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How a call ended, and all that it said. Durations are integer microseconds, money integer micro-dollars.

    `headers` say where the answer came from and what it cost: `x-route-*`, `x-cost-usd`.
    """

    text: str
    finish_reason: FinishReason
    model: str
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    wait_us: int = 0
    load_us: int = 0
    prefill_us: int = 0
    decode_us: int = 0
    total_us: int = 0
    cost_usd_micro: int = 0
    degraded: tuple[Degradation, ...] = ()
    headers: Mapping[str, str] = {}


class Talk:
    """Calls that are under way together. Memory is bounded by PENDING_CHARACTERS, whatever the reader does."""

    def __init__(self, count: int, *, tells_queue: bool = False) -> None:
        """`tells_queue`: it begins once a call waits for its slot."""
        self.headers: Mapping[str, str] = {}
        """What is known of where the first call goes."""
        self.error: Exception | None = None
        """What ended a call badly, the first one if there are several."""
        self._told: dict[int, Told] = {}
        self._left = count
        self._pieces: deque[Piece] = deque()
        self._pending = 0
        self._places: dict[int, Place] = {}
        self._first_place: Place | None = None
        self._tells_queue = tells_queue
        self._has_come = asyncio.Event()
        self._is_under_way = asyncio.Event()

    async def begin(self) -> None:
        """Return once a call has a slot, and its first word or HEAD_WAIT_S has passed. Raises what refuses it."""
        await self._is_under_way.wait()
        self._tells_queue = True
        if not self._has_come.is_set():
            try:
                async with asyncio.timeout(HEAD_WAIT_S):
                    await self._has_come.wait()
            except TimeoutError:
                return
        if self.error is not None and not self._pieces:
            raise self.error

    async def ends(self) -> list[Told]:
        """Wait for the end of every call, and return them in their order. Raises `error`."""
        async for _ in self.pieces():
            pass
        if self.error is not None:
            raise self.error
        return [self._told[number] for number in sorted(self._told)]

    async def pieces(self) -> AsyncGenerator[Piece | Place]:
        """Yield what comes until every call has ended, or one has badly."""
        while True:
            while self._places:
                yield self._places.popitem()[1]
            while self._pieces:
                piece = self._pieces.popleft()
                self._pending -= len(piece.text)
                yield piece
            if self.error is not None or not self._left:
                return
            self._has_come.clear()
            await self._has_come.wait()

    def put(self, piece: Piece) -> None:
        """Add a piece; what nobody has taken yet grows into one. Raises ClientLeft when too much waits."""
        self._pending += len(piece.text)
        if self._pending > PENDING_CHARACTERS:
            raise ClientLeft("the client takes its answer too slowly")
        last = self._pieces[-1] if self._pieces else None
        if last is not None and (last.number, last.is_thinking) == (piece.number, piece.is_thinking):
            self._pieces[-1] = msgspec.structs.replace(piece, text=last.text + piece.text)
        else:
            self._pieces.append(piece)
        self._has_come.set()

    @property
    def queue_headers(self) -> dict[str, str]:
        """What is known of where the first call that waited began to."""
        return {} if self._first_place is None else position_header(self._first_place.position)

    def queued(self, place: Place) -> None:
        """Note where a call stands; of several places that nobody has taken yet the last is told."""
        self._first_place = self._first_place or place
        if self._tells_queue:
            self._places[place.number] = place
            self._is_under_way.set()
            self._has_come.set()

    def begun(self, number: int, headers: Mapping[str, str]) -> None:
        """Note that a call has a slot, and where."""
        self._places.pop(number, None)
        if number == 0 or not self.headers:
            self.headers = {**headers, **self.queue_headers}
        self._is_under_way.set()

    def ended(self, number: int, call: asyncio.Task[Told]) -> None:
        """Note the end of a call, good or bad; one that is cancelled is nobody's any more."""
        if call.cancelled():
            return
        error = call.exception()
        if isinstance(error, Exception):
            self.error = self.error or error
        elif error is None:
            self._told[number] = call.result()
        self._left -= 1
        self._is_under_way.set()
        self._has_come.set()


class Voice:
    """What one call of a talk tells while it goes on; nothing before its end to a reader that gets it whole."""

    def __init__(self, talk: Talk, number: int, *, stream: bool) -> None:
        self._talk = talk
        self._number = number
        self._stream = stream

    def begun(self, headers: Mapping[str, str]) -> None:
        """Say that the call has a slot, and where."""
        self._talk.begun(self._number, headers)

    def queued(self, position: int, eta_s: float) -> None:
        """Say where the call stands in the queue for a slot."""
        self._talk.queued(Place(number=self._number, position=position, eta_s=round(eta_s, 1)))

    def say(self, text: str, *, is_thinking: bool = False) -> None:
        """Say a piece. Raises ClientLeft when the reader is too slow."""
        if self._stream and text:
            self._talk.put(Piece(number=self._number, text=text, is_thinking=is_thinking))

    def drop(self) -> None:
        """Drop what was said. Raises AnswerBroken where that cannot be."""
        if self._stream:
            raise AnswerBroken("the answer began again after its first words")
