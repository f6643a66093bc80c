"""Keep what witnesses of the log cosigned."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant

revision = "2026_11_23_hear_witnesses"
down_revision = "2026_11_23_see_retention_run"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_cosignatures",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "size",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("witness", sa.String(length=210), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("cosigned_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("generation", "size", "witness", name=op.f("pk_log_cosignatures")),
    )


def downgrade() -> None:
    op.drop_table("log_cosignatures")
