"""Create documents and vault."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_a"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "content_keys",
        sa.Column("tenant", sa.String(30), nullable=False),
        sa.Column("subject", sa.String(30), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", name="pk_content_keys"),
    )
    op.create_table(
        "documents",
        sa.Column("tenant", sa.String(30), nullable=False),
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("bilan", sa.String(30), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("pseudonymised", sa.LargeBinary(), nullable=False),
        sa.Column("findings", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_documents"),
    )
    op.create_index("ix_documents_tenant_bilan", "documents", ["tenant", "bilan"])
    op.create_table(
        "vault_entries",
        sa.Column("tenant", sa.String(30), nullable=False),
        sa.Column("bilan", sa.String(30), nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("form", sa.LargeBinary(32), nullable=False),
        sa.Column("folded", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "bilan", "type", "number", name="pk_vault_entries"),
    )
    op.create_index(
        "ix_vault_entries_tenant_bilan_type_form",
        "vault_entries",
        ["tenant", "bilan", "type", "form"],
        unique=True,
    )


def downgrade() -> None:
    op.drop_table("vault_entries")
    op.drop_table("documents")
    op.drop_table("content_keys")
