"""Keep tenants apart: row-level security on PostgreSQL."""

from alembic import op

from keel.tenancy import isolate, unite

revision = "2026_11_23_keep_tenants_apart"
down_revision = "2026_11_23_a"
branch_labels = None
depends_on = None

_OWNED = ("content_keys", "documents", "vault_entries")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
