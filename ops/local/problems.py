"""What can go wrong in the local stack, as facts."""

from collections.abc import Sequence


class LocalProblem(Exception):
    """The root: its text is shown to the person at the terminal, so it says what to do where that is known."""


class SourceFailed(LocalProblem):
    """One source of a file does not have it, or broke off; the next source is tried."""


class WeightsUnavailable(LocalProblem):
    """No source gave a model's bytes with the right digest."""

    def __init__(self, model: str, file: str, reasons: Sequence[str]) -> None:
        lines = "\n".join(f"  - {reason}" for reason in reasons)
        super().__init__(f"no source gave {file} of {model}:\n{lines}")
        self.model = model
        self.file = file
        self.reasons = tuple(reasons)


class ModelUnknown(LocalProblem):
    """`models.toml` lists no such model."""


class PartFailed(LocalProblem):
    """A part of the stack did not become ready, or a one-time step of it failed."""

    def __init__(self, part: str, reason: str, log_tail: str = "") -> None:
        tail = f"\n--- last lines of its log\n{log_tail}" if log_tail else ""
        super().__init__(f"{part}: {reason}{tail}")
        self.part = part
        self.reason = reason


class AlreadyRunning(LocalProblem):
    """Another supervisor owns the directory."""


class ProgramMissing(LocalProblem):
    """A server's program is not installed."""
