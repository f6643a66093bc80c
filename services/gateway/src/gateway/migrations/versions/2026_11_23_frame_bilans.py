"""Frame bilans in law: the agreement as an object, conventions, employers, phases, interviews."""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from keel.clock import rfc3339
from keel.database import Instant
from keel.identifiers import new_id
from keel.tenancy import as_owner, isolate, unite

revision = "2026_11_23_frame_bilans"
down_revision = "2026_11_23_consents_that_hold"
branch_labels = None
depends_on = None

_OWNED = ("bilan_agreements", "closed_phases", "conventions", "interviews")


def _of_bilan(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant", "bilan"], ["bilans.tenant", "bilans.id"], name=op.f(f"fk_{table}_tenant_bilans")
    )


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("tenant", *columns, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    op.create_table(
        "bilan_agreements",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("agreed_on", sa.String(length=10), nullable=False),
        sa.Column("method", sa.String(length=30), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=True),
        sa.Column("recorded_by", sa.String(length=32), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        _of_bilan("bilan_agreements"),
        _key("bilan_agreements", "id"),
        sa.UniqueConstraint("tenant", "bilan", name=op.f("uq_bilan_agreements_tenant")),
    )
    op.create_table(
        "conventions",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("received_on", sa.String(length=10), nullable=False),
        sa.Column("worker_signed_on", sa.String(length=10), nullable=True),
        sa.Column("employer_signed_on", sa.String(length=10), nullable=True),
        sa.Column("provider_signed_on", sa.String(length=10), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        _of_bilan("conventions"),
        _key("conventions", "id"),
    )
    op.create_index("ix_conventions_bilan", "conventions", ["tenant", "bilan"])
    op.create_table(
        "interviews",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("phase", sa.String(length=20), nullable=False),
        sa.Column("held_on", sa.String(length=10), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=12), nullable=False),
        sa.Column("individual", sa.Boolean(), nullable=False),
        sa.Column("counsellor", sa.String(length=32), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        _of_bilan("interviews"),
        _key("interviews", "id"),
    )
    op.create_index("ix_interviews_bilan", "interviews", ["tenant", "bilan"])
    op.create_table(
        "closed_phases",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("phase", sa.String(length=20), nullable=False),
        sa.Column("aims", sa.JSON(), nullable=False),
        sa.Column("cosigned_on", sa.String(length=10), nullable=True),
        sa.Column("closed_by", sa.String(length=32), nullable=False),
        sa.Column("closed_at", Instant(), nullable=False),
        _of_bilan("closed_phases"),
        _key("closed_phases", "bilan", "phase"),
    )
    _make_agreements_objects()
    with op.batch_alter_table("bilans", schema=None) as batch_op:
        batch_op.drop_column("agreement")
        batch_op.add_column(
            sa.Column("public_service", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("employer_digest", sa.LargeBinary(length=32), nullable=True))
        batch_op.create_index("ix_bilans_beneficiary", ["tenant", "beneficiary"])
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def _make_agreements_objects() -> None:
    connection = op.get_bind()
    query = "SELECT tenant, id, agreement FROM bilans WHERE agreement IS NOT NULL"
    rows = []
    with as_owner(connection, "bilans"):
        held = connection.execute(sa.text(query)).all()
    for tenant, bilan, agreement in held:
        said = json.loads(agreement) if isinstance(agreement, str) else agreement
        recorded = datetime.fromisoformat(said["recorded_at"])
        rows.append(
            {
                "tenant": tenant,
                "id": new_id("bag"),
                "bilan": bilan,
                "agreed_on": said["agreed_on"],
                "method": said["method"],
                "at": round(recorded.timestamp() * 1_000_000),
            }
        )
    if rows:
        insert = (
            "INSERT INTO bilan_agreements (tenant, id, bilan, agreed_on, method, recorded_at) "
            "VALUES (:tenant, :id, :bilan, :agreed_on, :method, :at)"
        )
        connection.execute(sa.text(insert), rows)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    with op.batch_alter_table("bilans", schema=None) as batch_op:
        batch_op.drop_index("ix_bilans_beneficiary")
        batch_op.drop_column("employer_digest")
        batch_op.drop_column("public_service")
        batch_op.add_column(sa.Column("agreement", sa.JSON(), nullable=True))
    _give_agreements_back()
    for table in _OWNED:
        op.drop_table(table)


def _give_agreements_back() -> None:
    connection = op.get_bind()
    query = "SELECT tenant, bilan, agreed_on, method, recorded_at FROM bilan_agreements"
    bilans = sa.table("bilans", *map(sa.column, ("tenant", "id")), sa.column("agreement", sa.JSON))
    with as_owner(connection, "bilans"):
        for tenant, bilan, agreed_on, method, at in connection.execute(sa.text(query)).all():
            recorded = rfc3339(datetime.fromtimestamp(at / 1_000_000, UTC))
            said = {"agreed_on": agreed_on, "method": method, "recorded_at": recorded}
            connection.execute(
                sa.update(bilans)
                .where(bilans.c.tenant == tenant, bilans.c.id == bilan)
                .values(agreement=said)
            )
