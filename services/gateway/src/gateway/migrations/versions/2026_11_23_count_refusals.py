"""Count refusals of a bilan too: of a call that came without any consent."""

import sqlalchemy as sa
from alembic import op

from keel.tenancy import as_owner

revision = "2026_11_23_count_refusals"
down_revision = "2026_11_23_generations_of_log"
branch_labels = None
depends_on = None

_POINTS = "fk_refusal_counts_tenant_consents"


def upgrade() -> None:
    with op.batch_alter_table("refusal_counts", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(_POINTS), type_="foreignkey")
        batch_op.alter_column("consent", new_column_name="subject")


def downgrade() -> None:
    with as_owner(op.get_bind(), "refusal_counts", "consents"):
        # What was counted of a bilan has no place in the older table.
        op.execute(sa.text("DELETE FROM refusal_counts WHERE subject LIKE 'bil%'"))
        with op.batch_alter_table("refusal_counts", schema=None) as batch_op:
            batch_op.alter_column("subject", new_column_name="consent")
        with op.batch_alter_table("refusal_counts", schema=None) as batch_op:
            batch_op.create_foreign_key(
                op.f(_POINTS), "consents", ["tenant", "consent"], ["tenant", "id"]
            )
