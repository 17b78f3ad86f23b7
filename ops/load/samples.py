"""What a load run saw: one sample for each thing that was measured."""

from enum import StrEnum

import msgspec


class Entry(StrEnum):
    """What a sample measures, by the name that Locust shows."""

    FIRST_TOKEN = "time to first token"  # noqa: S105 - a token of a model
    GAP = "inter-token gap"
    PER_TOKEN = "time per output token"  # noqa: S105 - a token of a model
    QUEUE_WAIT = "queue wait"
    END_TO_END = "end to end"
    UPLOAD = "upload"
    PROCESSING = "processing"
    REMOVAL = "removal"
    OPENAI = "openai answer"
    OLLAMA = "ollama answer"
    REFUSED = "refused"
    NOT_STARTED = "not started"


OPERATIONS = frozenset(
    {
        Entry.END_TO_END,
        Entry.UPLOAD,
        Entry.PROCESSING,
        Entry.REMOVAL,
        Entry.OPENAI,
        Entry.OLLAMA,
        Entry.REFUSED,
        Entry.NOT_STARTED,
    }
)
"""Entries of which each sample is something that a user asked for; the others are parts of an answer."""


class Outcome(StrEnum):
    """How an operation ended."""

    DONE = "done"
    UNCITED = "uncited"
    """It was answered without the citation that it must have: a miss of quality, and no error."""
    UNFINISHED = "unfinished"
    """It had not ended by its limit or the end of the run; the sample has the time so far."""
    FAILED = "failed"
    REFUSED = "refused"
    NOT_STARTED = "not_started"


ANSWERED = frozenset({Outcome.DONE, Outcome.UNCITED})
"""Outcomes that are no error."""
TIMED = ANSWERED | {Outcome.UNFINISHED}
"""Outcomes whose time belongs to the latencies: of an unfinished one it is a lower bound."""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One measured thing. `at_s` is its intended time, in seconds from the run's start; `seconds` counts from there.

    Of a gap or a refusal, `at_s` is when it began. `tier`, `model`, `cost_usd` and `output_tokens` are those that the
    answer named; `code` says why an operation did not end well; `must_cite` that the answer was to cite a document.
    """

    entry: Entry
    at_s: float
    seconds: float
    outcome: Outcome = Outcome.DONE
    tier: str = ""
    code: str = ""
    model: str = ""
    cost_usd: float = 0.0
    output_tokens: int = 0
    must_cite: bool = False


class LocustEntry(msgspec.Struct, frozen=True):
    """What Locust itself counted under one name; its type is the tier, or `-`."""

    type: str
    name: str
    requests: int
    failures: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All of one run. `started_at_s` is on the machine's monotonic clock.

    `latest_start_s` is how late the generator itself began an arrival, at worst; `is_generator_short` that it ran short
    of CPU. `problems` are its own mistakes: with one of them the run shows nothing.
    """

    started_at_s: float
    wall_s: float
    samples: tuple[Sample, ...]
    locust: tuple[LocustEntry, ...]
    latest_start_s: float = 0.0
    is_generator_short: bool = False
    problems: tuple[str, ...] = ()
