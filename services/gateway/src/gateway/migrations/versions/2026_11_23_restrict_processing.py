"""Let a person stop the processing of their data, and a centre find its person again."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_restrict_processing"
down_revision = "2026_11_23_guard_the_gate"
branch_labels = None
depends_on = None

_OWNED = ("restrictions",)


def upgrade() -> None:
    # Persons of before have no digest: their reference is sealed, and no key is at hand here.
    op.add_column(
        "beneficiaries", sa.Column("reference_digest", sa.LargeBinary(length=32), nullable=True)
    )
    op.create_index(
        "ix_beneficiaries_reference", "beneficiaries", ["tenant", "reference_digest"], unique=True
    )
    op.create_table(
        "restrictions",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("ground", sa.String(length=30), nullable=False),
        sa.Column("imposed_at", Instant(), nullable=False),
        sa.Column("lifted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "beneficiary"],
            ["beneficiaries.tenant", "beneficiaries.id"],
            name=op.f("fk_restrictions_tenant_beneficiaries"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_restrictions")),
    )
    op.create_index("ix_restrictions_beneficiary", "restrictions", ["tenant", "beneficiary"])
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    op.drop_table("restrictions")
    op.drop_index("ix_beneficiaries_reference", "beneficiaries")
    with op.batch_alter_table("beneficiaries", schema=None) as batch_op:
        batch_op.drop_column("reference_digest")
