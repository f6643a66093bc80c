"""Bind counsellors: secrecy, qualifications, deactivation, and the bilans they are assigned to."""

import sqlalchemy as sa
from alembic import op

from keel.clock import utc_now
from keel.database import Instant
from keel.identifiers import new_id
from keel.tenancy import as_owner, isolate, unite

revision = "2026_11_23_bind_counsellors"
down_revision = "2026_11_23_keep_tenants_apart"
branch_labels = None
depends_on = None

_OWNED = ("assignments", "qualifications", "secrecy_acceptances")


def upgrade() -> None:
    op.add_column("counsellors", sa.Column("deactivated_at", Instant(), nullable=True))
    op.create_table(
        "secrecy_acceptances",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("counsellor", sa.String(length=32), nullable=False),
        sa.Column("notice_version", sa.String(length=10), nullable=False),
        sa.Column("notice_sha256", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=32), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "counsellor"],
            ["counsellors.tenant", "counsellors.id"],
            name=op.f("fk_secrecy_acceptances_tenant_counsellors"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_secrecy_acceptances")),
        sa.UniqueConstraint(
            "tenant", "counsellor", "notice_version", name=op.f("uq_secrecy_acceptances_tenant")
        ),
    )
    op.create_table(
        "qualifications",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("counsellor", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("obtained_on", sa.String(length=10), nullable=False),
        sa.Column("expires_on", sa.String(length=10), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "counsellor"],
            ["counsellors.tenant", "counsellors.id"],
            name=op.f("fk_qualifications_tenant_counsellors"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_qualifications")),
    )
    op.create_index("ix_qualifications_counsellor", "qualifications", ["tenant", "counsellor"])
    op.create_table(
        "assignments",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("counsellor", sa.String(length=32), nullable=False),
        sa.Column("assigned_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "bilan"],
            ["bilans.tenant", "bilans.id"],
            name=op.f("fk_assignments_tenant_bilans"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "counsellor"],
            ["counsellors.tenant", "counsellors.id"],
            name=op.f("fk_assignments_tenant_counsellors"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_assignments")),
    )
    op.create_index("ix_assignments_bilan", "assignments", ["tenant", "bilan"])
    _assign_who_conducts()
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def _assign_who_conducts() -> None:
    """Give each bilan that exists the assignment of its counsellor."""
    connection = op.get_bind()
    with as_owner(connection, "bilans"):
        rows = connection.execute(sa.text("SELECT tenant, id, counsellor FROM bilans")).all()
    at = round(utc_now().timestamp() * 1_000_000)
    assigned = [
        {"tenant": t, "id": new_id("asg"), "bilan": b, "counsellor": c, "at": at}
        for t, b, c in rows
    ]
    if assigned:
        insert = (
            "INSERT INTO assignments (tenant, id, bilan, counsellor, assigned_at) "
            "VALUES (:tenant, :id, :bilan, :counsellor, :at)"
        )
        connection.execute(sa.text(insert), assigned)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    for table in _OWNED:
        op.drop_table(table)
    with op.batch_alter_table("counsellors", schema=None) as batch_op:
        batch_op.drop_column("deactivated_at")
