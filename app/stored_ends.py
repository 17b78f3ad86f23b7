"""The facts that a stored run ended with, read back from its row."""

from collections.abc import Mapping
from typing import Any

from app.errors import Refused, RunCancelled, RunFailed, SwitchyardError, Unavailable


def kind_of(code: str | None, facts: Mapping[str, Any]) -> type[SwitchyardError]:
    """Return the class of a stored run's end; RunFailed for codes that no run ends with, or of another version."""
    # Runs of earlier versions were cancelled so.
    if code == RunFailed.code and facts.get("reason") == RunCancelled.code:
        return RunCancelled
    return ENDS.get(code or "", RunFailed)


def rebuild(code: str | None, detail: str | None, facts: Mapping[str, Any]) -> SwitchyardError:
    """Return the error that a stored run ended with; a code that is not of the tree becomes a RunFailed's reason."""
    kind = kind_of(code, facts)
    plain = {
        name: value
        for name, value in facts.items()
        if isinstance(value, (str, int, float)) and name not in {"self", "detail"}
    }
    if kind is RunFailed:
        return RunFailed(detail or "the run failed", **{"reason": code or "internal", **plain})
    return kind(detail or "", **plain)


def _below(kind: type[SwitchyardError]) -> dict[str, type[SwitchyardError]]:
    found = {kind.code: kind}
    for child in kind.__subclasses__():
        # A child that says no code of its own is told as its parent, and makes itself of other facts.
        found = _below(child) | found
    return found


ENDS: Mapping[str, type[SwitchyardError]] = _below(Refused) | _below(Unavailable)
"""What a run can end with besides RunFailed, by code."""
