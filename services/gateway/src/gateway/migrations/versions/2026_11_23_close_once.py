"""Close each dispatch once; runs and keys say that somebody is still at them."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import as_owner

revision = "2026_11_23_close_once"
down_revision = "2026_11_23_point_inside_tenant"
branch_labels = None
depends_on = None

_CLOSES = "kind IN ('ai.result', 'ai.error', 'ai.cancelled')"
_LATER_ONES = """
UPDATE records SET prev = NULL
WHERE kind IN ('ai.result', 'ai.error', 'ai.cancelled') AND EXISTS (
  SELECT 1 FROM records AS earlier
  WHERE earlier.tenant = records.tenant AND earlier.prev = records.prev
  AND earlier.kind IN ('ai.result', 'ai.error', 'ai.cancelled') AND earlier.id < records.id)
"""


def upgrade() -> None:
    for table in ("runs", "idempotent_answers"):
        # What was at work when this is applied has no beat: it counts as silent since 1970.
        op.add_column(table, sa.Column("alive_at", Instant(), nullable=False, server_default="0"))
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column("alive_at", server_default=None)
    op.add_column(
        "idempotent_answers",
        sa.Column("carried_out", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    with op.batch_alter_table("idempotent_answers", schema=None) as batch_op:
        batch_op.alter_column("carried_out", server_default=None)
    _find_the_first_only()
    op.create_index(
        "uq_records_closing",
        "records",
        ["tenant", "prev"],
        unique=True,
        sqlite_where=sa.text(_CLOSES),
        postgresql_where=sa.text(_CLOSES),
    )


def _find_the_first_only() -> None:
    """Where several replicas closed one dispatch, let the first be found by it.

    The others stay in the log, and each says in its sealed text what it followed.
    """
    with as_owner(op.get_bind(), "records"):
        op.execute(_LATER_ONES)


def downgrade() -> None:
    op.drop_index("uq_records_closing", table_name="records")
    with op.batch_alter_table("idempotent_answers", schema=None) as batch_op:
        batch_op.drop_column("carried_out")
        batch_op.drop_column("alive_at")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_column("alive_at")
