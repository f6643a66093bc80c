"""Count the contract: what a tenant may use in a month, and what it used."""

import sqlalchemy as sa
from alembic import op

from keel.tenancy import isolate, unite

revision = "2026_11_23_count_the_contract"
down_revision = "2026_11_23_clients_prove"
branch_labels = None
depends_on = None

_OWNED = ("quotas", "usages")


def upgrade() -> None:
    op.create_table(
        "quotas",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("per_month", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_quotas_tenant_tenants")),
        sa.PrimaryKeyConstraint("tenant", "kind", name=op.f("pk_quotas")),
    )
    op.create_table(
        "usages",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_usages_tenant_tenants")),
        sa.PrimaryKeyConstraint("tenant", "kind", "period", name=op.f("pk_usages")),
    )
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    op.drop_table("usages")
    op.drop_table("quotas")
