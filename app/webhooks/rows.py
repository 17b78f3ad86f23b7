"""The rows of deliveries: each is one end of one task, to be told to one URL."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from app.errors import Refused
from app.ids import RunId, TenantId
from app.jobs.errands import Errand

QUEUE = "webhooks"
TASK = "deliver"
"""What workers call the errand of a delivery; its argument is `delivery_id`, as text."""

SELECT_DUE: LiteralString = """
    SELECT tenant_id FROM webhook_deliveries WHERE id = %(id)s AND state = 'pending' AND next_at <= now()
"""
# Until when it is this process's is what nobody else's claim has: an attempt that is overtaken, by the next or by one
# that was asked for, notes nothing. One that its process did not live to see the end of counts as none.
CLAIM: LiteralString = """
    UPDATE webhook_deliveries SET next_at = now() + make_interval(secs => %(lease_s)s)
    WHERE id = (
        SELECT id FROM webhook_deliveries
        WHERE id = %(id)s AND state = 'pending' AND next_at <= now() FOR UPDATE SKIP LOCKED
    )
    RETURNING id, tenant_id, run_id, url, attempts, next_at AS until
"""
END: LiteralString = """
    UPDATE webhook_deliveries SET state = %(state)s, attempts = attempts + 1, last_status = %(status)s,
                                  last_error = %(lapse)s, finished_at = now()
    WHERE id = %(id)s AND tenant_id = %(tenant_id)s AND state = 'pending' AND next_at = %(until)s
    RETURNING id
"""
AGAIN: LiteralString = """
    UPDATE webhook_deliveries SET attempts = attempts + 1, last_status = %(status)s, last_error = %(lapse)s,
                                  next_at = now() + make_interval(secs => %(wait_s)s)
    WHERE id = %(id)s AND tenant_id = %(tenant_id)s AND state = 'pending' AND next_at = %(until)s
    RETURNING id
"""
# The next end of its task has a delivery of its own.
SUPERSEDE: LiteralString = """
    DELETE FROM webhook_deliveries
    WHERE id = %(id)s AND tenant_id = %(tenant_id)s AND state = 'pending' AND next_at = %(until)s
    RETURNING id
"""
REDELIVER: LiteralString = """
    UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_at = now(), finished_at = NULL
    WHERE id = %(id)s AND tenant_id = %(tenant_id)s
    RETURNING id, tenant_id, run_id, url, state, attempts, next_at, last_status, last_error, created_at, finished_at
"""
# The errand of its next try, which may be hours away, is that of this one.
HASTEN: LiteralString = """
    UPDATE procrastinate_jobs SET scheduled_at = NULL
    WHERE queueing_lock = 'webhook:' || %(id)s::uuid AND status = 'todo'
"""
LIST: LiteralString = """
    SELECT id, tenant_id, run_id, url, state, attempts, next_at, last_status, last_error, created_at, finished_at
    FROM webhook_deliveries
    WHERE tenant_id = %(tenant_id)s
      AND (%(states)s::text[] = '{}' OR state = ANY(%(states)s))
      AND (%(run_id)s::uuid IS NULL OR run_id = %(run_id)s)
      AND (%(place)s::timestamptz IS NULL OR (created_at, id) < (%(place)s, %(place_id)s::uuid))
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""
# Its errand was lost with a worker, or is of a time that has passed. Of each tenant a few, so that none hides others.
OVERDUE: LiteralString = """
    SELECT id, tenant_id FROM webhook_deliveries WHERE id IN (
        SELECT id FROM (
            SELECT id, next_at, row_number() OVER (PARTITION BY tenant_id ORDER BY next_at) AS place
            FROM webhook_deliveries
            WHERE state = 'pending' AND next_at < now() - interval '10 seconds' AND NOT EXISTS (
                SELECT 1 FROM procrastinate_jobs
                WHERE queueing_lock = 'webhook:' || webhook_deliveries.id AND status = 'todo'
            )
        ) AS overdue
        WHERE place <= %(each)s ORDER BY next_at LIMIT %(limit)s
    )
    FOR UPDATE SKIP LOCKED
"""
# One that found its tenant's places taken, and so has no errand.
NEXT: LiteralString = """
    SELECT id FROM webhook_deliveries
    WHERE tenant_id = %(tenant_id)s AND state = 'pending' AND next_at <= now() AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = 'webhook:' || webhook_deliveries.id AND status = 'todo'
    )
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""


class DeliveryUnknown(Refused):
    """The tenant has no such delivery, or its task was removed."""

    code = "delivery_unknown"


class DeliveryState(StrEnum):
    """How far the telling of an end is."""

    PENDING = "pending"
    """It is tried, now or at its next time."""
    DELIVERED = "delivered"
    """The receiver took it."""
    DEAD = "dead"
    """It was given up: a dead letter, until somebody has it delivered again."""


class Due(msgspec.Struct, frozen=True):
    """A delivery that this process tries now, after `attempts` that are noted."""

    id: UUID
    tenant_id: TenantId
    run_id: RunId
    url: str
    attempts: int
    until: datetime
    """Until when it is this process's: what the noting of the attempt is let through by."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as its tenant sees it; its id is the `webhook-id` that the receiver sees."""

    id: UUID
    tenant_id: TenantId
    run_id: RunId
    url: str
    state: DeliveryState
    attempts: int
    next_at: datetime
    last_status: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None


def errand_of(delivery_id: UUID) -> Errand:
    """Return the errand of a delivery; of several, one waits."""
    return Errand(QUEUE, TASK, f"webhook:{delivery_id}", {"delivery_id": str(delivery_id)})


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """Return a delivery as its row shows it."""
    return msgspec.convert(row, Delivery)
