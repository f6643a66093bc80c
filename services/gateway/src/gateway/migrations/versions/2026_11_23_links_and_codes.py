"""Personal links end and can be renewed; one-time codes; contestations."""

import time

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_links_and_codes"
down_revision = "2026_11_23_restrict_processing"
branch_labels = None
depends_on = None

_NEW = ("personal_codes", "contestations")
_400_DAYS_US = 400 * 24 * 3600 * 1_000_000


def upgrade() -> None:
    op.create_table(
        "personal_codes",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("code_hmac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_personal_codes")),
    )
    op.create_index("ix_personal_codes_beneficiary", "personal_codes", ["tenant", "beneficiary"])
    op.create_table(
        "contestations",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("contested", sa.String(length=32), nullable=False),
        sa.Column("record", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "beneficiary"],
            ["beneficiaries.tenant", "beneficiaries.id"],
            name=op.f("fk_contestations_tenant_beneficiary_beneficiaries"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_contestations")),
    )
    op.create_index("ix_contestations_bilan", "contestations", ["tenant", "bilan"])
    op.create_index("ix_contestations_beneficiary", "contestations", ["tenant", "beneficiary"])
    _let_links_end()
    # Sessions last minutes: whoever reads a page now opens their link once more.
    with op.batch_alter_table("page_sessions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("method", sa.String(length=20), nullable=False, server_default="hosted_page")
        )
    with op.batch_alter_table("page_sessions", schema=None) as batch_op:
        batch_op.alter_column("method", server_default=None)
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _NEW)


def _let_links_end() -> None:
    """Every link that exists opens a personal space, for 400 days from now."""
    now = time.time_ns() // 1000
    with op.batch_alter_table("personal_links", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("kind", sa.String(length=12), nullable=False, server_default="personal")
        )
        batch_op.add_column(sa.Column("consent", sa.String(length=32), nullable=True))
        batch_op.add_column(
            sa.Column(
                "expires_at", Instant(), nullable=False, server_default=str(now + _400_DAYS_US)
            )
        )
        batch_op.add_column(sa.Column("revoked_at", Instant(), nullable=True))
    with op.batch_alter_table("personal_links", schema=None) as batch_op:
        batch_op.alter_column("kind", server_default=None)
        batch_op.alter_column("expires_at", server_default=None)
    op.create_index("ix_personal_links_beneficiary", "personal_links", ["tenant", "beneficiary"])


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _NEW)
    with op.batch_alter_table("page_sessions", schema=None) as batch_op:
        batch_op.drop_column("method")
    op.drop_index("ix_personal_links_beneficiary", table_name="personal_links")
    with op.batch_alter_table("personal_links", schema=None) as batch_op:
        for column in ("revoked_at", "expires_at", "consent", "kind"):
            batch_op.drop_column(column)
    op.drop_table("contestations")
    op.drop_table("personal_codes")
