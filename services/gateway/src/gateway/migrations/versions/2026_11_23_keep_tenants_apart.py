"""Keep tenants apart: doors, tenant-first keys, row-level security; and tell events."""

import hashlib

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_keep_tenants_apart"
down_revision = "2026_11_23_create_the_gateway"
branch_labels = None
depends_on = None

_OWNED = (
    "beneficiaries",
    "bilans",
    "clients",
    "consents",
    "content_keys",
    "counsellors",
    "documents",
    "events",
    "idempotent_answers",
    "page_sessions",
    "personal_links",
    "record_keys",
    "records",
    "reports",
    "runs",
)


def upgrade() -> None:
    op.create_table(
        "doors",
        sa.Column("key_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.PrimaryKeyConstraint("key_sha256", name=op.f("pk_doors")),
    )
    op.create_table(
        "events",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("ids", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_events_tenant_tenants")),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_events")),
    )
    _open_doors()
    _begin_keys_with_the_tenant()
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def _open_doors() -> None:
    """Give every client id, ceremony link and personal link that exists its door."""
    connection = op.get_bind()
    clients = connection.execute(sa.text("SELECT id, tenant FROM clients")).all()
    doors = [{"key": hashlib.sha256(i.encode()).digest(), "tenant": t} for i, t in clients]
    for query in (
        "SELECT ceremony_sha256, tenant FROM consents",
        "SELECT secret_sha256, tenant FROM personal_links",
    ):
        doors += [{"key": key, "tenant": t} for key, t in connection.execute(sa.text(query))]
    if doors:
        insert = "INSERT INTO doors (key_sha256, tenant) VALUES (:key, :tenant)"
        connection.execute(sa.text(insert), doors)


def _begin_keys_with_the_tenant() -> None:
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_clients_tenant"))
        batch_op.drop_constraint("pk_clients", type_="primary")
        batch_op.create_primary_key(op.f("pk_clients"), ["tenant", "id"])
    with op.batch_alter_table("personal_links", schema=None) as batch_op:
        batch_op.drop_constraint("pk_personal_links", type_="primary")
        batch_op.create_primary_key(op.f("pk_personal_links"), ["tenant", "secret_sha256"])
    # Sessions last minutes: whoever reads a page now opens their link once more.
    op.drop_table("page_sessions")
    op.create_table(
        "page_sessions",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("consent", sa.String(length=32), nullable=True),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "token_sha256", name=op.f("pk_page_sessions")),
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_constraint("pk_clients", type_="primary")
        batch_op.create_primary_key(op.f("pk_clients"), ["id"])
        batch_op.create_index(batch_op.f("ix_clients_tenant"), ["tenant"], unique=False)
    for table, key in (("personal_links", "secret_sha256"), ("page_sessions", "token_sha256")):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(f"pk_{table}", type_="primary")
            batch_op.create_primary_key(op.f(f"pk_{table}"), [key])
    op.drop_table("events")
    op.drop_table("doors")
