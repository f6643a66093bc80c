"""Write down when the log was last audited, and what was found."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant

revision = "2026_11_23_remember_audits"
down_revision = "2026_11_23_watch_versions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_audits",
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("ran_at", Instant(), nullable=False),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_log_audits")),
    )


def downgrade() -> None:
    op.drop_table("log_audits")
