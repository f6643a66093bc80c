"""Create the gateway's tables, and make the log's entries and full tiles immutable."""

import sqlalchemy as sa
from alembic import op

from keel.database import Instant

revision = "2026_11_23_create_the_gateway"
down_revision = None
branch_labels = None
depends_on = None


# An entry is never changed or removed, a tile never after its 256th hash (profile section 8): the
# database says so itself, whoever asks.
_FULL_TILE = "length(OLD.hashes) = 8192"
_TRIGGERS = {
    "sqlite": [
        f"CREATE TRIGGER log_entries_no_{verb.lower()} BEFORE {verb} ON log_entries "
        "BEGIN SELECT RAISE(ABORT, 'log entries are immutable'); END"
        for verb in ("UPDATE", "DELETE")
    ]
    + [
        f"CREATE TRIGGER log_tiles_no_{verb.lower()} BEFORE {verb} ON log_tiles "
        f"WHEN {_FULL_TILE} "
        "BEGIN SELECT RAISE(ABORT, 'full tiles are immutable'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        """CREATE FUNCTION passerelle_immutable() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the log is immutable'; END $$""",
        """CREATE TRIGGER log_entries_immutable BEFORE UPDATE OR DELETE ON log_entries
        FOR EACH ROW EXECUTE FUNCTION passerelle_immutable()""",
        f"""CREATE TRIGGER log_tiles_immutable BEFORE UPDATE OR DELETE ON log_tiles
        FOR EACH ROW WHEN ({_FULL_TILE}) EXECUTE FUNCTION passerelle_immutable()""",
    ],
}


def upgrade() -> None:
    op.create_table(
        "content_keys",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.String(length=30), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", name=op.f("pk_content_keys")),
    )
    op.create_table(
        "idempotent_answers",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=True),
        sa.Column("consent", sa.String(length=32), nullable=True),
        sa.Column("consent_epoch", sa.Integer(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "scope", "key", name=op.f("pk_idempotent_answers")),
    )
    op.create_table(
        "log_entries",
        sa.Column(
            "log_index",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log_index", name=op.f("pk_log_entries")),
    )
    op.create_table(
        "log_outbox",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("record", sa.String(length=32), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_outbox")),
    )
    op.create_table(
        "log_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_minute", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_state")),
    )
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name=op.f("pk_log_tiles")),
    )
    op.create_table(
        "page_sessions",
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("consent", sa.String(length=32), nullable=True),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_page_sessions")),
    )
    op.create_table(
        "personal_links",
        sa.Column("secret_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("secret_sha256", name=op.f("pk_personal_links")),
    )
    op.create_table(
        "record_keys",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.String(length=30), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", name=op.f("pk_record_keys")),
    )
    op.create_table(
        "records",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=True),
        sa.Column("bilan", sa.String(length=32), nullable=True),
        sa.Column("consent", sa.String(length=32), nullable=True),
        sa.Column("prev", sa.String(length=32), nullable=True),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_records")),
    )
    with op.batch_alter_table("records", schema=None) as batch_op:
        batch_op.create_index("ix_records_beneficiary", ["tenant", "beneficiary"], unique=False)
        batch_op.create_index("ix_records_prev", ["tenant", "prev"], unique=False)

    op.create_table(
        "tenants",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("siren", sa.String(length=9), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("suspended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_table(
        "beneficiaries",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.id"], name=op.f("fk_beneficiaries_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_beneficiaries")),
    )
    op.create_table(
        "clients",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], name=op.f("fk_clients_tenant_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
    )
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clients_tenant"), ["tenant"], unique=False)

    op.create_table(
        "counsellors",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.id"], name=op.f("fk_counsellors_tenant_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_counsellors")),
    )
    op.create_table(
        "bilans",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("counsellor", sa.String(length=32), nullable=False),
        sa.Column("funding", sa.String(length=20), nullable=False),
        sa.Column("planned_minutes", sa.Integer(), nullable=False),
        sa.Column("support_minutes", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.String(length=10), nullable=False),
        sa.Column("ends_on", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("agreement", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "beneficiary"],
            ["beneficiaries.tenant", "beneficiaries.id"],
            name=op.f("fk_bilans_tenant_beneficiary_beneficiaries"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "counsellor"],
            ["counsellors.tenant", "counsellors.id"],
            name=op.f("fk_bilans_tenant_counsellor_counsellors"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_bilans")),
    )
    op.create_table(
        "consents",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("client", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("grants", sa.JSON(), nullable=False),
        sa.Column("notice_version", sa.String(length=40), nullable=False),
        sa.Column("notice_sha256", sa.String(length=64), nullable=False),
        sa.Column("notice_text", sa.Text(), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("authorised_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("end_reason", sa.String(length=40), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=True),
        sa.Column("evidence_record", sa.String(length=32), nullable=True),
        sa.Column("ceremony", sa.String(length=32), nullable=False),
        sa.Column("ceremony_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ceremony_ends_at", Instant(), nullable=False),
        sa.Column("ceremony_used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "beneficiary"],
            ["beneficiaries.tenant", "beneficiaries.id"],
            name=op.f("fk_consents_tenant_beneficiary_beneficiaries"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_consents")),
        sa.UniqueConstraint("ceremony_sha256", name=op.f("uq_consents_ceremony_sha256")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index("ix_consents_beneficiary", ["tenant", "beneficiary"], unique=False)

    op.create_table(
        "documents",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "bilan"],
            ["bilans.tenant", "bilans.id"],
            name=op.f("fk_documents_tenant_bilan_bilans"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_documents")),
    )
    op.create_table(
        "reports",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "bilan"],
            ["bilans.tenant", "bilans.id"],
            name=op.f("fk_reports_tenant_bilan_bilans"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_reports")),
    )
    op.create_table(
        "runs",
        sa.Column("tenant", sa.String(length=30), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("bilan", sa.String(length=32), nullable=False),
        sa.Column("beneficiary", sa.String(length=32), nullable=False),
        sa.Column("use_case", sa.String(length=60), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("record", sa.String(length=32), nullable=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=True),
        sa.Column("problem", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("timings_ms", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("review", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "bilan"],
            ["bilans.tenant", "bilans.id"],
            name=op.f("fk_runs_tenant_bilan_bilans"),
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_runs")),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index("ix_runs_bilan", ["tenant", "bilan"], unique=False)
        batch_op.create_index("ix_runs_open", ["status"], unique=False)
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION passerelle_immutable() CASCADE")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("ix_runs_open")
        batch_op.drop_index("ix_runs_bilan")

    op.drop_table("runs")
    op.drop_table("reports")
    op.drop_table("documents")
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_index("ix_consents_beneficiary")

    op.drop_table("consents")
    op.drop_table("bilans")
    op.drop_table("counsellors")
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_clients_tenant"))

    op.drop_table("clients")
    op.drop_table("beneficiaries")
    op.drop_table("tenants")
    with op.batch_alter_table("records", schema=None) as batch_op:
        batch_op.drop_index("ix_records_prev")
        batch_op.drop_index("ix_records_beneficiary")

    op.drop_table("records")
    op.drop_table("record_keys")
    op.drop_table("personal_links")
    op.drop_table("page_sessions")
    op.drop_table("log_tiles")
    op.drop_table("log_state")
    op.drop_table("log_outbox")
    op.drop_table("log_entries")
    op.drop_table("idempotent_answers")
    op.drop_table("content_keys")
