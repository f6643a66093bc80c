"""Write down when the job that empties old records ran, and what it saw."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant

revision = "2026_11_23_see_retention_run"
down_revision = "2026_11_23_destroy_what_ends"
branch_labels = None
depends_on = None

_COUNTS = ("emptied", "keys_destroyed", "tenants_held", "tenants_failed")


def upgrade() -> None:
    op.create_table(
        "retention_runs",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ran_at", Instant(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_runs")),
    )


def downgrade() -> None:
    op.drop_table("retention_runs")
