"""Who comes when: visits of personas, at random times that a seed fixes."""

import random
from enum import StrEnum

import msgspec

UPLOADS_SHARE = 0.25
"""How many of the visits bring a document; the others ask about those that are there."""
DIALECT_SHARE = 0.1
"""How many come with a client of OpenAI's interface, and as many with one of Ollama's."""


class Persona(StrEnum):
    """Who a visitor is."""

    CHAT = "chat"
    """Asks, then asks on in the same session."""
    UPLOAD = "upload"
    """Brings a document and asks about what only it says."""
    OPENAI = "openai"
    """Asks once, as clients of OpenAI's interface do."""
    OLLAMA = "ollama"
    """Asks once, as clients of Ollama's interface do."""


DIALECTS = (Persona.OPENAI, Persona.OLLAMA)


class Visit(msgspec.Struct, frozen=True):
    """One visitor; `intended_s` is the time of the first request, in seconds from the run's start."""

    number: int
    persona: Persona
    intended_s: float


def source_of(seed: int, number: int, what: str = "visit") -> random.Random:
    """Return the random source of one visit: what a visitor does depends on nobody else.

    Each `what` has a source of its own, so that one choice tells nothing about the next.
    """
    return random.Random(f"{seed}/{number}/{what}")  # noqa: S311 - a reproducible run, no secret


def persona_of(seed: int, number: int) -> Persona:
    """Return who the visitor of that number is."""
    drawn = source_of(seed, number, "persona").random()
    for persona, share in ((Persona.UPLOAD, UPLOADS_SHARE), *((one, DIALECT_SHARE) for one in DIALECTS)):
        if drawn < share:
            return persona
        drawn -= share
    return Persona.CHAT


def schedule(per_minute: float, duration_s: float, seed: int) -> list[Visit]:
    """Return the visits of a Poisson process: the gaps are exponential, so nobody waits for anybody else's answer."""
    source = random.Random(seed)  # noqa: S311 - a reproducible run, no secret
    visits: list[Visit] = []
    at_s = source.expovariate(per_minute / 60)
    while at_s < duration_s:
        number = len(visits)
        visits.append(Visit(number, persona_of(seed, number), at_s))
        at_s += source.expovariate(per_minute / 60)
    return visits
