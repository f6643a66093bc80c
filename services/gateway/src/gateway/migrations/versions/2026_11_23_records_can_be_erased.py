"""Let what a record says be erased, and its place in the log stay."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_records_can_be_erased"
down_revision = "2026_11_23_who_stopped_it"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("records") as batch_op:
        batch_op.alter_column("sealed", existing_type=sa.LargeBinary(), nullable=True)


def downgrade() -> None:
    with op.batch_alter_table("records") as batch_op:
        batch_op.alter_column("sealed", existing_type=sa.LargeBinary(), nullable=False)
