"""Tell the centre's software: endpoints, deliveries, and the platform's queue of what is due."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_tell_the_centre"
down_revision = "2026_11_23_bind_counsellors"
branch_labels = None
depends_on = None

_OWNED = ("webhook_endpoints", "deliveries")


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_because", sa.String(length=20), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("earlier_secret", sa.LargeBinary(), nullable=True),
        sa.Column("earlier_secret_until", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.id"], name=op.f("fk_webhook_endpoints_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "deliveries",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_failure", sa.String(length=30), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("attempted_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "event"],
            ["events.tenant", "events.id"],
            name=op.f("fk_deliveries_tenant_event_events"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_tenant_endpoint", "deliveries", ["tenant", "endpoint", "id"])
    op.create_index("ix_deliveries_tenant_event", "deliveries", ["tenant", "event"])
    op.create_table(
        "due_deliveries",
        sa.Column("delivery", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("delivery", name=op.f("pk_due_deliveries")),
    )
    op.create_index("ix_due_deliveries_due_at", "due_deliveries", ["due_at"])
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    op.drop_table("due_deliveries")
    op.drop_table("deliveries")
    op.drop_table("webhook_endpoints")
