"""Destroy what ends: destructions with their steps, the queue, the job's last run."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_destroy_what_ends"
down_revision = "2026_11_23_count_refusals"
branch_labels = None
depends_on = None

_OWNED = ("destructions", "destruction_steps")


def upgrade() -> None:
    op.add_column(
        "tenants",
        sa.Column("codes_were_sent", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "destructions",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("requested_by", sa.String(length=32), nullable=True),
        sa.Column("held_until", Instant(), nullable=True),
        sa.Column("completed_at", Instant(), nullable=True),
        sa.Column("targets", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("certificate", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.id"], name=op.f("fk_destructions_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_destructions")),
    )
    op.create_index("uq_destructions_subject", "destructions", ["tenant", "subject"], unique=True)
    op.create_index("ix_destructions_of_person", "destructions", ["tenant", "person"])
    op.create_table(
        "destruction_steps",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("destruction", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_failure", sa.String(length=60), nullable=True),
        sa.Column("counts", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "destruction"],
            ["destructions.tenant", "destructions.id"],
            name=op.f("fk_destruction_steps_tenant_destruction_destructions"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant", "destruction", "position", name=op.f("pk_destruction_steps")
        ),
    )
    op.create_table(
        "due_destructions",
        sa.Column("destruction", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("waits", sa.String(length=12), nullable=True),
        sa.Column("holder", sa.String(length=32), nullable=True),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("destruction", name=op.f("pk_due_destructions")),
    )
    op.create_index("ix_due_destructions_due_at", "due_destructions", ["due_at"])
    op.create_table(
        "due_runs",
        sa.Column("job", sa.String(length=30), nullable=False),
        sa.Column("ran_at", Instant(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=False),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.Column("restricted", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_due_runs")),
    )
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    op.drop_table("due_runs")
    op.drop_table("due_destructions")
    op.drop_table("destruction_steps")
    op.drop_table("destructions")
    op.drop_column("tenants", "codes_were_sent")
