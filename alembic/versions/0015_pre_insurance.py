"""What the insurance team knows: customers, policies, bills and claims of each tenant, and what it files for people."""

from alembic import op

revision = "0015_pre_insurance"
down_revision = "0014_pre_key_contracts"
branch_labels = None
depends_on = None

# Two tenants may both have a POL000004, so every key begins with the tenant.
PEOPLE = """
CREATE TABLE customers (
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    customer_id varchar(20) NOT NULL,
    first_name varchar(50) NOT NULL,
    last_name varchar(50) NOT NULL,
    email varchar(100) NOT NULL,
    phone varchar(20) NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, customer_id)
);
CREATE TABLE policies (
    tenant_id uuid NOT NULL,
    policy_number varchar(20) NOT NULL,
    customer_id varchar(20) NOT NULL,
    kind text NOT NULL CHECK (kind IN ('auto', 'home', 'renters', 'life')),
    state text NOT NULL CHECK (state IN ('active', 'lapsed', 'cancelled')),
    insured text NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL CHECK (ends_on > starts_on),
    billed text NOT NULL CHECK (billed IN ('monthly', 'quarterly', 'yearly')),
    premium_usd_micro bigint NOT NULL CHECK (premium_usd_micro >= 0),
    coverage_usd_micro bigint NOT NULL CHECK (coverage_usd_micro >= 0),
    deductible_usd_micro bigint NOT NULL CHECK (deductible_usd_micro >= 0),
    PRIMARY KEY (tenant_id, policy_number),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers ON DELETE CASCADE
);
CREATE INDEX policies_customer ON policies (tenant_id, customer_id);
"""
MONEY = """
CREATE TABLE billing (
    tenant_id uuid NOT NULL,
    bill_id varchar(20) NOT NULL,
    policy_number varchar(20) NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'paid', 'overdue')),
    amount_usd_micro bigint NOT NULL CHECK (amount_usd_micro >= 0),
    due_on date NOT NULL,
    paid_on date CHECK ((paid_on IS NOT NULL) = (state = 'paid')),
    PRIMARY KEY (tenant_id, bill_id),
    FOREIGN KEY (tenant_id, policy_number) REFERENCES policies ON DELETE CASCADE
);
CREATE INDEX billing_policy ON billing (tenant_id, policy_number, due_on DESC);
CREATE TABLE claims (
    tenant_id uuid NOT NULL,
    claim_id varchar(20) NOT NULL,
    policy_number varchar(20) NOT NULL,
    state text NOT NULL CHECK (state IN ('submitted', 'in_review', 'approved', 'denied', 'paid')),
    incident text NOT NULL,
    happened_on date NOT NULL,
    filed_on date NOT NULL,
    loss_usd_micro bigint NOT NULL CHECK (loss_usd_micro >= 0),
    paid_usd_micro bigint CHECK (paid_usd_micro >= 0 AND (paid_usd_micro IS NOT NULL) = (state = 'paid')),
    PRIMARY KEY (tenant_id, claim_id),
    FOREIGN KEY (tenant_id, policy_number) REFERENCES policies ON DELETE CASCADE
);
CREATE INDEX claims_policy ON claims (tenant_id, policy_number, filed_on DESC);
"""
# An escalation outlives its run and its session: somebody works on it.
FILED = """
CREATE TABLE escalations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('escalation', 'callback')),
    customer_id varchar(20),
    policy_number varchar(20),
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz
);
CREATE INDEX escalations_open ON escalations (tenant_id, created_at) WHERE closed_at IS NULL;
CREATE TABLE insurance_seeds (
    tenant_id uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    edition integer NOT NULL,
    customers integer NOT NULL,
    seeded_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in (PEOPLE, MONEY, FILED):
        op.get_bind().exec_driver_sql(statement)
