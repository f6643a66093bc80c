"""Remember what was last recorded of what the installation runs with."""

import sqlalchemy as sa
from alembic import op

from keel.tenancy import isolate, unite

revision = "2026_11_23_watch_versions"
down_revision = "2026_11_23_tell_and_answer_for"
branch_labels = None
depends_on = None

_OWNED = ("recorded_versions",)


def upgrade() -> None:
    op.create_table(
        "recorded_versions",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("component", sa.String(length=120), nullable=False),
        sa.Column("version", sa.String(length=60), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "component", name=op.f("pk_recorded_versions")),
    )
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        unite(op.execute, _OWNED)
    op.drop_table("recorded_versions")
