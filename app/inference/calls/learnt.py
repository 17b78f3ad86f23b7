"""What calls teach those that come after them."""

from dataclasses import dataclass, field

from app.inference.calls.calibration import Calibration
from app.inference.calls.continuation import Continuations
from app.inference.calls.embedding_cache import EmbeddingCache
from app.inference.lengths import Lengths
from app.inference.routing.prefixes import Prefixes


@dataclass(frozen=True, slots=True)
class Learnt:
    """Which models go on, who has read which prompts, how long answers are, how many tokens texts have, and vectors."""

    continuations: Continuations
    prefixes: Prefixes
    vectors: EmbeddingCache | None = None
    lengths: Lengths = field(default_factory=Lengths)
    calibration: Calibration = field(default_factory=Calibration)
