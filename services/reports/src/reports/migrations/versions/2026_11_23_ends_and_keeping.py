"""Remember what ended; keep what a person agreed to keep."""

import sqlalchemy as sa
from alembic import op

from keel.tenancy import isolate

revision = "2026_11_23_ends_and_keeping"
down_revision = "2026_11_23_keep_tenants_apart"
branch_labels = None
depends_on = None

_OWNED = ("ended_subjects", "kept_reports", "kept_files")


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
        "kept_reports",
        *_of_an_agreement(),
        sa.Column("id", sa.String(30), nullable=False),
        sa.Column("bilan", sa.String(30), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "agreement", "id", name="pk_kept_reports"),
    )
    op.create_index("ix_kept_reports_tenant_bilan", "kept_reports", ["tenant", "bilan"])
    op.create_table(
        "kept_files",
        *_of_an_agreement(),
        sa.Column("report", sa.String(30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(8), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "agreement", "report", "version", "format", name="pk_kept_files"
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "agreement", "report"],
            ["kept_reports.tenant", "kept_reports.agreement", "kept_reports.id"],
            name="fk_kept_files_tenant_agreement_report_kept_reports",
        ),
    )
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
