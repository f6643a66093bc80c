"""Let clients prove themselves by a key, give a token up, and hold long-lived keys."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_clients_prove"
down_revision = "2026_11_23_links_and_codes"
branch_labels = None
depends_on = None

_OWNED = ("api_keys", "revoked_tokens", "used_assertions")


def upgrade() -> None:
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("retiring_secret_sha256", sa.LargeBinary(32), nullable=True))
        batch_op.add_column(sa.Column("retiring_until", Instant(), nullable=True))
        batch_op.add_column(sa.Column("jwks", sa.JSON(), nullable=True))
        batch_op.alter_column("secret_sha256", existing_type=sa.LargeBinary(32), nullable=True)
    op.create_table(
        "revoked_tokens",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("jti", sa.String(length=64), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "jti", name=op.f("pk_revoked_tokens")),
    )
    op.create_table(
        "used_assertions",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("client", sa.String(length=32), nullable=False),
        sa.Column("jti_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "client", "jti_sha256", name=op.f("pk_used_assertions")),
    )
    op.create_table(
        "api_keys",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("client", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("counsellor", sa.String(length=32), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "client"],
            ["clients.tenant", "clients.id"],
            name=op.f("fk_api_keys_tenant_client_clients"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint(
            "tenant", "secret_sha256", name=op.f("uq_api_keys_tenant_secret_sha256")
        ),
    )
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        unite(op.execute, (*_OWNED, "clients"))
    for table in _OWNED:
        op.drop_table(table)
    # A client without a secret cannot go back: its keys were all that it had.
    op.execute("DELETE FROM clients WHERE secret_sha256 IS NULL")
    if on_postgresql:
        isolate(op.execute, ("clients",))
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.alter_column("secret_sha256", existing_type=sa.LargeBinary(32), nullable=False)
        for column in ("jwks", "retiring_until", "retiring_secret_sha256", "name"):
            batch_op.drop_column(column)
