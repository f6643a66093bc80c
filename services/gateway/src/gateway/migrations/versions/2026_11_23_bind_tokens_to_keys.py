"""Let a client bind its tokens to a key that it proves to hold (RFC 9449)."""

import sqlalchemy as sa
from alembic import op

from keel.tenancy import isolate, unite

revision = "2026_11_23_bind_tokens_to_keys"
down_revision = "2026_11_23_code_before_consent"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("dpop", sa.Boolean(), server_default=sa.false(), nullable=False)
        )


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        unite(op.execute, ("clients",))
    # A client that was asked for its key is never let in without it: it is ended instead.
    op.execute(
        "UPDATE clients SET revoked_at = created_at, epoch = epoch + 1 "
        "WHERE dpop AND revoked_at IS NULL"
    )
    if on_postgresql:
        isolate(op.execute, ("clients",))
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_column("dpop")
