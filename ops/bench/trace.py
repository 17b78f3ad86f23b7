"""Seeded traces of requests, for the simulation of routing."""

import random
from dataclasses import dataclass

from app.inference.words.tiers import TIERS, Tier

SYSTEM_TOKENS = 120


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `known_tokens` of its prompt were in the prompt and the answer of the session's turn before."""

    at_s: float
    tier: Tier
    prompt_tokens: int
    output_tokens: int
    session: int
    known_tokens: int = 0


def mixed(seed: int, *, requests: int, per_s: float) -> list[Request]:
    """Return single questions of all tiers, log-normal in length, with three bursts of simple ones."""
    source = random.Random(seed)  # noqa: S311 - no secret
    found: list[Request] = []
    at_s = 0.0
    for number in range(requests):
        is_burst = (number * 12 // requests) % 4 == 2
        at_s += source.expovariate(per_s * (3.0 if is_burst else 1.0))
        tier = Tier.SIMPLE if is_burst and source.random() < 0.7 else source.choices(TIERS, (5, 3, 2))[0]
        prompt = SYSTEM_TOKENS + round(source.lognormvariate(5.5, 0.8))
        output = max(8, round(source.lognormvariate(4.6, 0.6)))
        found.append(Request(at_s, tier, min(prompt, 3000), min(output, 600), number))
    return found


def turns(seed: int, *, sessions: int, per_s: float) -> list[Request]:
    """Return conversations of four to ten turns, each with some seconds of thinking between its turns."""
    source = random.Random(seed)  # noqa: S311 - no secret
    found: list[Request] = []
    begun = 0.0
    for session in range(sessions):
        begun += source.expovariate(per_s)
        at_s, known = begun, 0
        tier = source.choices(TIERS, (5, 3, 2))[0]
        for turn in range(source.randint(4, 10)):
            asked = (400 if turn == 0 else 0) + round(source.lognormvariate(4.2, 0.6))
            output = max(8, min(400, round(source.lognormvariate(4.4, 0.5))))
            found.append(Request(at_s, tier, min(known + asked, 3400), output, session, min(known, 3400)))
            known += asked + output
            at_s += 4.0 + source.expovariate(1 / 6.0)
    return sorted(found, key=lambda request: request.at_s)
