"""Keep who imposed a restriction or an objection, and who lifted it."""

import sqlalchemy as sa
from alembic import op

from keel.tenancy import as_owner

revision = "2026_11_23_who_stopped_it"
down_revision = "2026_11_23_close_once"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody wrote down who imposed those of before. People object on their page, where there are no
    # restrictions: an objection counts as the person's own, so that nobody else lifts it.
    with op.batch_alter_table("restrictions") as batch_op:
        batch_op.add_column(
            sa.Column(
                "imposed_by", sa.String(length=11), nullable=False, server_default="beneficiary"
            )
        )
        batch_op.add_column(sa.Column("lifted_by", sa.String(length=11), nullable=True))
    with as_owner(op.get_bind(), "restrictions"):
        op.execute("UPDATE restrictions SET imposed_by = 'tenant' WHERE kind = 'restriction'")
    with op.batch_alter_table("restrictions") as batch_op:
        batch_op.alter_column("imposed_by", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("restrictions") as batch_op:
        batch_op.drop_column("lifted_by")
        batch_op.drop_column("imposed_by")
