"""One number a person: each further way of writing a name has a letter, and perhaps a gender."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_one_number_a_person"
down_revision = "2026_11_23_ends_and_keeping"
branch_labels = None
depends_on = None

_BEFORE = ["tenant", "bilan", "type", "number"]


def upgrade() -> None:
    with op.batch_alter_table("vault_entries") as table:
        table.add_column(sa.Column("variant", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("gender", sa.String(1), nullable=True))
        table.drop_constraint("pk_vault_entries", type_="primary")
        table.create_primary_key("pk_vault_entries", [*_BEFORE, "variant"])
    with op.batch_alter_table("vault_entries") as table:
        table.alter_column("variant", server_default=None)


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM vault_entries WHERE variant > 0"))
    with op.batch_alter_table("vault_entries") as table:
        table.drop_constraint("pk_vault_entries", type_="primary")
        table.create_primary_key("pk_vault_entries", _BEFORE)
        table.drop_column("gender")
        table.drop_column("variant")
