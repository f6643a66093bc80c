"""Keep that people were told of AI, and what went wrong."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_tell_and_answer_for"
down_revision = "2026_11_23_hear_witnesses"
branch_labels = None
depends_on = None

_OWNED = ("incidents", "disclosures")


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "incidents",
        _text("tenant", 30),
        _text("id", 32),
        _text("incident_class", 30),
        _text("origin", 10),
        _text("bilan", 32, nullable=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("aware_at", Instant(), nullable=False),
        sa.Column("deadline_at", Instant(), nullable=True),
        sa.Column("description", sa.LargeBinary(), nullable=True),
        _text("record", 32),
        sa.Column("closed_at", Instant(), nullable=True),
        _text("outcome", 20, nullable=True),
        sa.Column("closing", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.id"], name=op.f("fk_incidents_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_incidents")),
    )
    op.create_table(
        "disclosures",
        _text("tenant", 30),
        _text("id", 32),
        _text("bilan", 32),
        _text("beneficiary", 32),
        _text("notice", 40),
        _text("version", 20),
        _text("language", 5),
        _text("audience", 30),
        _text("channel", 20),
        _text("moment", 30),
        _text("accessibility_profile", 20),
        sa.Column("confirmed_at", Instant(), nullable=False),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        _text("record", 32),
        sa.ForeignKeyConstraint(
            ["tenant", "bilan"],
            ["bilans.tenant", "bilans.id"],
            name=op.f("fk_disclosures_tenant_bilans"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_disclosures")),
    )
    op.create_index("ix_disclosures_bilan", "disclosures", ["tenant", "bilan"])
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    op.drop_table("disclosures")
    op.drop_table("incidents")
