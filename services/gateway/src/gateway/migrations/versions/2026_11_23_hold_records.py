"""Let a proceeding delay what would be destroyed."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_hold_records"
down_revision = "2026_11_23_records_stay"
branch_labels = None
depends_on = None

_OWNED = ("legal_holds",)


def upgrade() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=True),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.id"], name=op.f("fk_legal_holds_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_legal_holds")),
    )
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    op.drop_table("legal_holds")
