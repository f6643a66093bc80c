"""Remember what ended; keep what a person agreed to keep."""

import sqlalchemy as sa
from alembic import op

from keel.tenancy import isolate

revision = "2026_11_23_ends_and_keeping"
down_revision = "2026_11_23_keep_tenants_apart"
branch_labels = None
depends_on = None

_OWNED = ("ended_subjects", "kept_documents", "kept_surrogates")
_PARTS = ("summary", "pseudonymised", "findings", "text", "original")


def upgrade() -> None:
    op.create_table(
        "ended_subjects",
        sa.Column("tenant", sa.String(30), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name="pk_ended_subjects"),
    )
    op.create_table(
        "kept_documents",
        *_of_an_agreement(),
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("bilan", sa.String(30), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *(sa.Column(part, sa.LargeBinary(), nullable=False) for part in _PARTS),
        sa.PrimaryKeyConstraint("tenant", "agreement", "id", name="pk_kept_documents"),
    )
    op.create_index("ix_kept_documents_tenant_bilan", "kept_documents", ["tenant", "bilan"])
    op.create_table(
        "kept_surrogates",
        *_of_an_agreement(),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("bilan", sa.String(30), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "agreement", "name", name="pk_kept_surrogates"),
    )
    op.create_index("ix_kept_surrogates_tenant_bilan", "kept_surrogates", ["tenant", "bilan"])
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def _of_an_agreement() -> tuple[sa.Column[str], sa.Column[str]]:
    return (
        sa.Column("tenant", sa.String(30), nullable=False),
        sa.Column("agreement", sa.String(30), nullable=False),
    )


def downgrade() -> None:
    for table in reversed(_OWNED):
        op.drop_table(table)
