"""Let a record stay as it was written: placed once, emptied at most, never deleted young."""

from alembic import op

revision = "2026_11_23_records_stay"
down_revision = "2026_11_23_records_can_be_erased"
branch_labels = None
depends_on = None

_WRITTEN = ("tenant", "id", "kind", "occurred_at")
_EMPTIED = ("sealed", "beneficiary", "bilan", "consent", "prev")
_PLACED = ("log_index",)


def _allowed(same: str) -> str:
    """Say which updates are allowed; `same` compares two values and knows NULL."""
    kept = [f"NEW.{name} {same} OLD.{name}" for name in _WRITTEN]
    placed = [f"(OLD.{name} IS NULL OR NEW.{name} {same} OLD.{name})" for name in _PLACED]
    # All or nothing: a record without its `prev` alone would reopen a dispatch.
    as_it_was = " AND ".join(f"NEW.{name} {same} OLD.{name}" for name in _EMPTIED)
    emptied = " AND ".join(f"NEW.{name} IS NULL" for name in _EMPTIED)
    return " AND ".join([*kept, *placed, f"(({as_it_was}) OR ({emptied}))"])


_ON_SQLITE = (
    f"""CREATE TRIGGER records_stay BEFORE UPDATE ON records WHEN NOT ({_allowed("IS")})
        BEGIN SELECT RAISE(ABORT, 'a record stays as it was written'); END""",
    # From the record forward, not from today back: 31 August is no end of February's six months.
    """CREATE TRIGGER records_are_kept BEFORE DELETE ON records
       WHEN datetime(OLD.occurred_at / 1000000, 'unixepoch', '+6 months') > datetime('now')
       BEGIN SELECT RAISE(ABORT, 'a record is kept for six months'); END""",
)
_ON_POSTGRESQL = (
    """CREATE FUNCTION refuse_change_of_record() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'a record stays as it was written'; END $$""",
    """CREATE FUNCTION refuse_loss_of_record() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'a record is kept for six months'; END $$""",
    f"""CREATE TRIGGER records_stay BEFORE UPDATE ON records FOR EACH ROW
        WHEN (NOT ({_allowed("IS NOT DISTINCT FROM")}))
        EXECUTE FUNCTION refuse_change_of_record()""",
    """CREATE TRIGGER records_are_kept BEFORE DELETE ON records FOR EACH ROW
       WHEN (to_timestamp(OLD.occurred_at / 1000000.0) AT TIME ZONE 'UTC' + INTERVAL '6 months'
             > clock_timestamp() AT TIME ZONE 'UTC')
       EXECUTE FUNCTION refuse_loss_of_record()""",
    # Nobody who serves may truncate; whoever owns the table says so by dropping this first.
    """CREATE TRIGGER records_are_not_truncated BEFORE TRUNCATE ON records
       EXECUTE FUNCTION refuse_loss_of_record()""",
)


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _ON_SQLITE if on_sqlite else _ON_POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER IF EXISTS records_stay")
        op.execute("DROP TRIGGER IF EXISTS records_are_kept")
        return
    for trigger in ("records_stay", "records_are_kept", "records_are_not_truncated"):
        op.execute(f"DROP TRIGGER {trigger} ON records")
    op.execute("DROP FUNCTION refuse_change_of_record()")
    op.execute("DROP FUNCTION refuse_loss_of_record()")
