"""The closed set of states that a job passes through."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    ACCEPTED = "accepted"
    """It waits for a worker, or for its next attempt: then `error_code` says what it waits for."""
    RUNNING = "running"
    """A worker is at it."""
    DONE = "done"
    """What it was for is done."""
    FAILED = "failed"
    """It ended without; `error` says why."""
    CANCELLED = "cancelled"
    """Its owner stopped it."""


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
