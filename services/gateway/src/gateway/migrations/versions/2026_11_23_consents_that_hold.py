"""Consents that hold: how long they are asked for, what they renew, how they were given."""

import sqlalchemy as sa
from alembic import op

from keel.tenancy import as_owner

revision = "2026_11_23_consents_that_hold"
down_revision = "2026_11_23_count_the_contract"
branch_labels = None
depends_on = None

_HALF_A_YEAR = 182 * 24 * 3600
"""What every consent of the first release was asked for, unless its operator said otherwise."""


def upgrade() -> None:
    length = sa.Column(
        "validity_seconds", sa.Integer(), nullable=False, server_default=str(_HALF_A_YEAR)
    )
    op.add_column("consents", length)
    op.add_column("consents", sa.Column("renewal_of", sa.String(length=32), nullable=True))
    op.add_column("consents", sa.Column("method", sa.String(length=30), nullable=True))
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.alter_column("validity_seconds", server_default=None)
    op.create_index("ix_consents_bilan", "consents", ["tenant", "bilan"])
    _say_how_they_were_given()


def _say_how_they_were_given() -> None:
    """Note the method of every tenant's answers: the first release had one."""
    with as_owner(op.get_bind(), "consents"):
        op.execute("UPDATE consents SET method = 'hosted_page' WHERE ceremony_used_at IS NOT NULL")


def downgrade() -> None:
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_index("ix_consents_bilan")
        batch_op.drop_column("validity_seconds")
        batch_op.drop_column("method")
        batch_op.drop_column("renewal_of")
