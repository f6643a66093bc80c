"""Find the number of a thing by the hash of its folded value."""

from alembic import op

revision = "2026_11_23_things_by_their_hash"
down_revision = "2026_11_23_one_number_a_person"
branch_labels = None
depends_on = None

_NAME = "ix_vault_entries_tenant_bilan_folded"


def upgrade() -> None:
    op.create_index(_NAME, "vault_entries", ["tenant", "bilan", "folded"])


def downgrade() -> None:
    op.drop_index(_NAME, "vault_entries")
