"""How many tokens a prompt has before a node counts them, learnt by digest and script from what nodes have counted."""

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from app.inference.words.records import Message
from app.scripts import SCRIPTS, Census, Script, census

# Chat templates wrap a message in its role and two to five marks.
TOKENS_PER_MESSAGE = 8
# A picture of 336 by 336 is 576 tokens for LLaVA 1.5 (24 by 24 patches); models that keep a picture's size take more.
TOKENS_PER_IMAGE = 768

PRIOR = {
    Script.LATIN: 1 / 3,
    Script.ALPHABETS: 1.0,
    Script.CJK: 2.0,
    Script.THAI: 2.0,
    Script.SYMBOLS: 3.0,
    Script.CODES: 1.0,
    Script.SIGNS: 1.0,
}
"""Tokens a character before anything was counted. Measured with SmolLM2's vocabulary, whose 49,152 entries are English:
0.3 for prose, 0.8 to 1.15 for Russian, Greek, Arabic and Hindi, 1.9 for Chinese, Japanese, Korean and Thai, 2.7 for
emoji, 0.8 to 1 for base64, digits and signs. Larger vocabularies need fewer: an estimate must rather be too high, for
one that is too low costs a refused call."""

MOST_CHARS = {Script.CJK: 4, Script.THAI: 6, Script.SYMBOLS: 8, Script.CODES: 4}
"""Characters that a token holds at most over a whole text, in any vocabulary. Elsewhere an entry never spans two words
(`================` may be one)."""

MARGIN = 1.05
"""Two texts of one script differ: what was learnt is raised by this much."""
PRIOR_WEIGHT = 0.25
"""The prior counts as much as a quarter of a prompt that is all of one script."""
MOST_WEIGHT = 8.0
"""A new prompt always moves a rate by a ninth of its share: prompts change."""
LEAST_TOKENS = 32
"""Of a shorter prompt most is the template."""
MOST_RATIO = 8.0
"""A count further from its estimate than this is not one of the same text."""
SEEN_SHARE = 0.9
"""A node that counts less than this of the least there can be has dropped a part, or counts without its cache."""
DIGESTS_KEPT = 64


class Size(msgspec.Struct, frozen=True):
    """What is counted of a prompt before a node does: its characters by script, and its messages.

    `beside` is about how many tokens all else has: pictures, thinking, tools and the calls of them. A template is free
    in how, and whether, it writes them, so that nothing is certain of them, and nothing is learnt where they are.
    """

    census: Census = Census()
    messages: int = 0
    beside: int = 0

    def __add__(self, other: "Size") -> "Size":
        """Return the size of both."""
        return Size(self.census + other.census, self.messages + other.messages, self.beside + other.beside)

    @property
    def least_tokens(self) -> int:
        """Fewer tokens than the prompt has for certain, in any vocabulary and without its template."""
        unspaced = sum(self.census.of(script) / most for script, most in MOST_CHARS.items())
        return max(self.census.words, math.floor(unspaced))


def size_of(messages: Iterable[Message]) -> Size:
    """Return the size of messages."""
    total = Size()
    for message in messages:
        total += Size(census(message.content), 1)
        if not message.is_plain:
            total += _beside(message)
    return total


def size_of_tools(tools: Iterable[msgspec.Raw]) -> Size:
    """Return the size of what describes tools to a model: about as they are sent."""
    return Size(beside=sum(_prior_tokens(_text(tool)) + TOKENS_PER_MESSAGE for tool in tools))


def _beside(message: Message) -> Size:
    """Return the size of what a message has beside its text."""
    asked = (part for call in message.tool_calls for part in (call.function.name, _text(call.function.arguments)))
    texts = (message.thinking, message.tool_name, *asked)
    return Size(beside=sum(map(_prior_tokens, texts)) + TOKENS_PER_IMAGE * len(message.images))


def _prior_tokens(text: str) -> int:
    return math.ceil(sum(_Rates().parts(Size(census(text))))) if text else 0


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode("utf-8", "replace")


@dataclass(slots=True)
class _Rates:
    """Tokens a character of each script, and how much was seen of it."""

    tokens: list[float] = field(default_factory=lambda: [PRIOR[script] for script in SCRIPTS])
    weights: list[float] = field(default_factory=lambda: [PRIOR_WEIGHT] * len(SCRIPTS))

    def parts(self, size: Size) -> list[float]:
        """Return the tokens of each script."""
        return [rate * count for rate, count in zip(self.tokens, size.census.characters, strict=True)]

    def learn(self, size: Size, counted: float, *, is_refusal: bool) -> None:
        """Move each script's rate by its share of the prompt: up at once, down as what was seen outweighs the prior.

        A refusal raises all of them to what it says, since the same text goes again.
        """
        parts = self.parts(size)
        estimated = sum(parts)
        ratio = min(max(counted / estimated, 1 / MOST_RATIO), MOST_RATIO)
        for index, part in enumerate(parts):
            share = part / estimated
            step = share / (share + self.weights[index])
            up = 1.0 if is_refusal else max(step, share)
            self.tokens[index] *= 1.0 + (up if ratio > 1.0 else step) * (ratio - 1.0) if share else 1.0
            self.weights[index] = min(MOST_WEIGHT, self.weights[index] + share)


class Calibration:
    """What this process has learnt of each model's vocabulary, for the digests that it met last."""

    def __init__(self) -> None:
        self._rates: OrderedDict[str, _Rates] = OrderedDict()

    def tokens(self, size: Size, digest: str = "") -> int:
        """Return about how many tokens a prompt has, rather too many than too few; `digest` names the model."""
        rates = self._rates.get(digest)
        content = sum(_Rates().parts(size)) if rates is None else sum(rates.parts(size)) * MARGIN
        return math.ceil(content) + size.messages * TOKENS_PER_MESSAGE + size.beside

    def by_digest(self, size: Size) -> dict[str, int]:
        """Return the same for each digest that is known."""
        return {digest: self.tokens(size, digest) for digest in self._rates}

    def most_tokens(self, text: str) -> int | None:
        """Return about how many tokens a text has for the known model that needs most; None while none is known."""
        return max(self.by_digest(Size(census(text))).values(), default=None)

    def observe(self, digest: str, size: Size, counted: int) -> None:
        """Note how many tokens a node counted for a prompt, its template included.

        Ollama counts what it read from its cache too: `prompt_eval_count` is `cache_n + prompt_n`
        (ollama: llm/llama_server.go, `promptEvalCount`). One that counts less than there can be is not believed.
        """
        if size.beside:
            return
        content = counted - size.messages * TOKENS_PER_MESSAGE
        if content >= LEAST_TOKENS and counted >= SEEN_SHARE * size.least_tokens:
            self._learn(digest, size, content, is_refusal=False)

    def overflowed(self, digest: str, size: Size, *, at_least: int) -> None:
        """Note that a node refused a prompt because it has so many tokens, or more."""
        if self.tokens(size, digest) < at_least and sum(size.census.characters):
            beside = size.messages * TOKENS_PER_MESSAGE + size.beside
            self._learn(digest, size, max(1, at_least - beside), is_refusal=True)

    def _learn(self, digest: str, size: Size, content: float, *, is_refusal: bool) -> None:
        rates = self._rates.setdefault(digest, _Rates())
        self._rates.move_to_end(digest)
        rates.learn(size, content, is_refusal=is_refusal)
        while len(self._rates) > DIGESTS_KEPT:
            self._rates.popitem(last=False)
