"""Which nodes have read the beginning of a conversation before, known to every replica through Redis."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from typing import TypeAlias, cast

import structlog

from app.errors import StoreUnavailable
from app.inference.words.messages import Message
from app.redis import RedisStore

log = structlog.stdlib.get_logger(__name__)

SCRIPT = files("app.inference.routing").joinpath("prefixes.lua").read_text(encoding="utf-8")
Knower: TypeAlias = tuple[str, str]
"""A node and the full name of a model."""

LEAST_CHARACTERS = 1000
"""A shorter prompt is read within a fraction of a second: to ask Redis about it is not worth it."""
MOST_ENDS = 6
"""Beginnings that end with a message: the newest so many are looked up."""
STEPS = tuple(1024 << power for power in range(7))
"""Beginnings of so many characters are looked up too: prompts with the same opening have them in common."""
WAITING = 2000
"""So many marks wait at most to be written; what comes then is forgotten."""
KEPT = 4096
"""So many marks a process remembers by itself, for when Redis is away."""
AWAY_S = 1.5
"""After Redis did not answer, it is not asked again for so long."""
BATCH = 500


@dataclass(frozen=True, slots=True)
class Mark:
    """The beginning of a prompt: its digest, and the share of the prompt that it is."""

    digest: str
    share: float


def marks_of(messages: Sequence[Message]) -> tuple[Mark, ...]:
    """Return the marks of a prompt, the longest first; none for a short one."""
    texts = [message.role + message.content for message in messages]
    whole = sum(map(len, texts))
    if whole < LEAST_CHARACTERS:
        return ()
    found: list[Mark] = []
    running, at = blake2b(digest_size=12), 0
    for number, text in enumerate(texts):
        begun = at
        for step in STEPS:
            if begun < step < begun + len(text):
                running.update(text[at - begun : step - begun].encode("utf-8", "surrogatepass"))
                at = step
                found.append(Mark(running.copy().hexdigest(), at / whole))
        running.update(text[at - begun :].encode("utf-8", "surrogatepass") + b"\0")
        at = begun + len(text)
        if number >= len(texts) - MOST_ENDS and at >= LEAST_CHARACTERS:
            found.append(Mark(running.copy().hexdigest(), at / whole))
    return tuple(sorted(found, key=lambda mark: -mark.share))


class Prefixes:
    """Finds who has read a prompt, and keeps who has. `flush` must be called again and again beside the calls."""

    def __init__(self, store: RedisStore, *, ttl_s: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._script = store.client.register_script(SCRIPT)
        self._ttl_s = ttl_s
        self._clock = clock
        self._away_until = float("-inf")
        self._own: OrderedDict[str, dict[Knower, float]] = OrderedDict()
        self._waiting: dict[tuple[str, Knower], None] = {}

    async def find(self, marks: Sequence[Mark]) -> Mapping[Knower, float] | None:
        """Return the share of the prompt that each knower has read; None for a prompt too short to be kept."""
        if not marks:
            return None
        known = self._known(marks)
        if self._clock() >= self._away_until:
            try:
                for knower, share in (await self._ask(marks)).items():
                    known[knower] = max(share, known.get(knower, 0.0))
            except StoreUnavailable as error:
                self._away_until = self._clock() + AWAY_S
                log.debug("prefixes.alone", cause=error.facts.get("reason"))
        return known

    def keep(self, node: str, model: str, marks: Iterable[Mark]) -> None:
        """Note that a node has read a prompt with a model (its full name)."""
        until, knower = self._clock() + self._ttl_s, (node, model)
        for mark in marks:
            self._own.setdefault(mark.digest, {})[knower] = until
            self._own.move_to_end(mark.digest)
            if len(self._waiting) < WAITING:
                self._waiting[mark.digest, knower] = None
        while len(self._own) > KEPT:
            self._own.popitem(last=False)

    async def flush(self) -> None:
        """Tell the other replicas what was kept since. Raises StoreUnavailable: what was to be told is dropped."""
        told, self._waiting = list(self._waiting), {}
        for start in range(0, len(told), BATCH):
            part = told[start : start + BATCH]
            fields = ["\0".join(knower) for _, knower in part]
            async with self._store.use("prefixes.keep") as redis:
                await self._script(
                    keys=[_key(digest) for digest, _ in part],
                    args=["keep", int(self._ttl_s * 1000), *fields],
                    client=redis,
                )

    async def _ask(self, marks: Sequence[Mark]) -> dict[Knower, float]:
        async with self._store.use("prefixes.find") as redis:
            reply = await self._script(keys=[_key(mark.digest) for mark in marks], args=["find"], client=redis)
        found: dict[Knower, float] = {}
        for mark, fields in zip(marks, cast("list[list[bytes]]", reply), strict=True):
            for field in fields:
                node, _, model = field.decode().partition("\0")
                found.setdefault((node, model), mark.share)
        return found

    def _known(self, marks: Sequence[Mark]) -> dict[Knower, float]:
        now, found = self._clock(), dict[Knower, float]()
        for mark in marks:
            for knower, until in self._own.get(mark.digest, {}).items():
                if until > now:
                    found.setdefault(knower, mark.share)
        return found


def _key(digest: str) -> str:
    return f"sy:prefix:{digest}"
