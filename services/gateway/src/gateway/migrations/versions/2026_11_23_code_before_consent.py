"""Ask for a code before a consent, where a tenant's policy says so."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_code_before_consent"
down_revision = "2026_11_23_share_and_keep"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tenants",
        sa.Column("ceremony_code", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("personal_codes", sa.Column("consent", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("personal_codes", "consent")
    op.drop_column("tenants", "ceremony_code")
