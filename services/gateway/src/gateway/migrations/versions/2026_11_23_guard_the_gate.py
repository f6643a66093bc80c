"""Guard the gate: refusals are counted, and every fall of a consent is told as it commits."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import isolate, unite

revision = "2026_11_23_guard_the_gate"
down_revision = "2026_11_23_tell_the_centre"
branch_labels = None
depends_on = None

_OWNED = ("refusal_counts",)

# The payload is the consent and the epoch from which on it stands again: a narrowed consent at its
# new one, a consent that ended at none. On the row, so that no verb can forget to say it.
_TELL = """
CREATE FUNCTION tell_fallen_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify(
    'consent_fallen',
    NEW.id || ' ' || (CASE WHEN NEW.status = 'authorised' THEN NEW.epoch ELSE NEW.epoch + 1 END)
  );
  RETURN NULL;
END $$
"""
_ON_EACH_FALL = """
CREATE TRIGGER tell_fallen_consent AFTER UPDATE ON consents FOR EACH ROW
WHEN (OLD.status = 'authorised' AND (NEW.status <> 'authorised' OR NEW.epoch <> OLD.epoch))
EXECUTE FUNCTION tell_fallen_consent()
"""


def upgrade() -> None:
    op.create_table(
        "refusal_counts",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("consent", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("minute", Instant(), nullable=False),
        sa.Column("since_last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "consent"],
            ["consents.tenant", "consents.id"],
            name=op.f("fk_refusal_counts_tenant_consents"),
        ),
        sa.PrimaryKeyConstraint("tenant", "consent", "code", name=op.f("pk_refusal_counts")),
    )
    if op.get_bind().dialect.name == "postgresql":
        isolate(op.execute, _OWNED)
        op.execute(_TELL)
        op.execute(_ON_EACH_FALL)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER tell_fallen_consent ON consents")
        op.execute("DROP FUNCTION tell_fallen_consent()")
        unite(op.execute, _OWNED)
    op.drop_table("refusal_counts")
