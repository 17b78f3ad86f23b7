"""What the scheduler team knows: resources, constraints and bookings of each tenant, and the conflicts it met."""

from alembic import op

revision = "0029_pre_scheduler"
down_revision = "0028_pre_webhooks"
branch_labels = None
depends_on = None

# Opening hours are those of a clock on the wall: minutes after midnight in the resource's own time zone.
KNOWN = """
CREATE TABLE resources (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    resource_id uuid NOT NULL DEFAULT gen_random_uuid(),
    name varchar(100) NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('room', 'field', 'gear')),
    capacity integer CHECK (capacity > 0),
    time_zone varchar(64) NOT NULL DEFAULT 'UTC',
    opens_minute integer NOT NULL DEFAULT 0 CHECK (opens_minute BETWEEN 0 AND 1439),
    closes_minute integer NOT NULL DEFAULT 1440 CHECK (closes_minute > opens_minute AND closes_minute <= 1440),
    open_days smallint[] NOT NULL DEFAULT '{0,1,2,3,4,5,6}',
    is_shared boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, resource_id)
);
CREATE UNIQUE INDEX resources_name ON resources (tenant_id, lower(name));
CREATE TABLE constraints (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    constraint_id uuid NOT NULL DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('notice', 'length', 'blackout', 'attendee')),
    resource_id uuid,
    minutes integer CHECK (minutes >= 0),
    starts_at timestamptz,
    ends_at timestamptz CHECK (ends_at > starts_at),
    note varchar(200) NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, constraint_id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES resources ON DELETE CASCADE,
    CHECK ((minutes IS NOT NULL) = (kind IN ('notice', 'length'))),
    CHECK ((starts_at IS NOT NULL AND ends_at IS NOT NULL) = (kind = 'blackout'))
);
"""
# No rule of the table keeps two bookings apart: resources may be shared, and attendees are in lists. Whoever books
# holds the tenant's lock for bookings, and looks before it writes.
MADE = """
CREATE TABLE bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    session_id uuid,
    resource_id uuid,
    title text NOT NULL,
    place text NOT NULL DEFAULT '',
    attendees text[] NOT NULL DEFAULT '{}',
    headcount integer,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    time_zone varchar(64) NOT NULL,
    state text NOT NULL DEFAULT 'booked' CHECK (state IN ('booked', 'cancelled')),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX bookings_time ON bookings (tenant_id, starts_at, id);
CREATE TABLE conflicts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    session_id uuid,
    kind text NOT NULL
        CHECK (kind IN ('overlap', 'closed', 'capacity', 'notice', 'length', 'blackout', 'attendee')),
    title text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    resource_id uuid,
    with_booking_id uuid REFERENCES bookings ON DELETE CASCADE,
    resolved_by uuid REFERENCES bookings ON DELETE SET NULL,
    resolved_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conflicts_open ON conflicts (tenant_id, session_id) WHERE resolved_at IS NULL;
CREATE TABLE scheduler_seeds (
    tenant_id uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    edition integer NOT NULL,
    seeded_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in (KNOWN, MADE):
        op.get_bind().exec_driver_sql(statement)
