"""What calls teach those that come after them."""

from dataclasses import dataclass, field

from app.inference.calls.calibration import Calibration
from app.inference.calls.continuation import Continuations
from app.inference.lengths import Lengths
from app.inference.routing.prefixes import Prefixes


@dataclass(frozen=True, slots=True)
class Learnt:
    """Which models go on, who has read which prompts, how long answers are, and how many tokens texts have."""

    continuations: Continuations
    prefixes: Prefixes
    lengths: Lengths = field(default_factory=Lengths)
    calibration: Calibration = field(default_factory=Calibration)
