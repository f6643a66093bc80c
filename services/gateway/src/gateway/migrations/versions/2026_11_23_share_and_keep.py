"""Hand a synthesis over, and keep documents, by the person's own agreement."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_share_and_keep"
down_revision = "2026_11_23_frame_bilans"
branch_labels = None
depends_on = None

_OWNED = ("retention_agreements", "shares")


def _of_person(table: str, *own: sa.Column[object]) -> None:
    op.create_table(
        table,
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        *own,
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=True),
        sa.Column("attested_by", sa.String(length=32), nullable=True),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "beneficiary"],
            ["beneficiaries.tenant", "beneficiaries.id"],
            name=op.f(f"fk_{table}_tenant_beneficiaries"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "bilan"],
            ["bilans.tenant", "bilans.id"],
            name=op.f(f"fk_{table}_tenant_bilans"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_beneficiary", table, ["tenant", "beneficiary"])


def upgrade() -> None:
    _of_person(
        "shares",
        sa.Column("report", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(length=12), nullable=False),
        sa.Column("recipient_name", sa.LargeBinary(), nullable=True),
        sa.Column("requested_on", sa.String(length=10), nullable=False),
    )
    _of_person(
        "retention_agreements",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    for table in _OWNED:
        op.drop_table(table)
