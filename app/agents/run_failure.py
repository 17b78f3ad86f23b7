"""Why a run ended as `run_failed`."""

from enum import StrEnum


class RunFailure(StrEnum):
    """Why a run ended as `run_failed`: `reason` of the problem, and of the line `run.finished` in the log.

    A run of another version may have stored a word that is none of these.
    """

    ATTEMPTS = "attempts"
    """Given up, and `dead`: too many processes ended while they worked on it."""
    RUN_DIVERGED = "run_diverged"
    """Gone on with, it asked something else under the same step: its team was changed while it was under way."""
    NO_REPLY = "no_reply"
    """Its team came to its end and left no reply."""
    PROMPTS_GONE = "prompts_gone"
    """Gone on with, the prompts that it began with are not there any more, or have a form of another version."""
    TEAM_UNKNOWN = "team_unknown"
    """Gone on with, it is of a team that this version does not have, and no process of another version took it."""
    UNSTORABLE = "unstorable"
    """Its team's state holds a number that cannot be stored, or a struct that the team does not declare."""
    WRONG_THREAD = "wrong_thread"
    """Its team asked for the checkpoint of another session."""
    INTERNAL = "internal"
    """An error that nobody foresaw; the line `run.crashed` in the log has it."""
