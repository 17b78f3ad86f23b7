"""A job as its tenant sees it."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from app.ids import JobId, TenantId
from app.jobs.states import JobState


class Job(msgspec.Struct, frozen=True):
    """A job; `progress` is 0 to 1, `step` the last of its kind's steps that it reached.

    `counts` are what its work counted, each under its kind's own word; `is_stopping` is whether it was cancelled and a
    worker has not noticed yet.
    """

    id: JobId
    tenant_id: TenantId
    kind: str
    subject_id: UUID
    state: JobState
    step: str
    progress: float
    attempt: int
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, int] = {}
    is_stopping: bool = False
