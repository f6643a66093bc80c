"""A plausible value beside a surrogate: sealed, and only where one was asked for."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_plausible_values"
down_revision = "2026_11_23_things_by_their_hash"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("vault_entries", sa.Column("plausible", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("vault_entries") as table:
        table.drop_column("plausible")
