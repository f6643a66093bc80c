"""Let a log have generations, each with its own origin; what is there is the first one."""

import json
import time
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from keel.database import Instant
from keel.tenancy import as_owner

revision = "2026_11_23_generations_of_log"
down_revision = "2026_11_23_hold_records"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FULL = "length(OLD.hashes) = 8192"
_ENDED = (
    "EXISTS (SELECT 1 FROM log_state s "
    "WHERE s.generation = {}.generation AND s.ended_at IS NOT NULL)"
)
_REWRITTEN = (
    "OLD.ended_at IS NOT NULL OR NEW.generation <> OLD.generation OR NEW.origin <> OLD.origin "
    "OR NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)"
)
_NO = "the log is immutable"


def _on_sqlite(name: str, verb: str, table: str, when: str) -> str:
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, '{_NO}'); END"
    )


_SQLITE = {
    "log_entries_no_update": ("UPDATE", "log_entries", ""),
    "log_entries_no_delete": ("DELETE", "log_entries", ""),
    "log_entries_none_after_the_end": ("INSERT", "log_entries", f"WHEN {_ENDED.format('NEW')}"),
    "log_tiles_no_update": ("UPDATE", "log_tiles", f"WHEN {_FULL} OR {_ENDED.format('OLD')}"),
    "log_tiles_no_delete": ("DELETE", "log_tiles", ""),
    "log_tiles_none_after_the_end": ("INSERT", "log_tiles", f"WHEN {_ENDED.format('NEW')}"),
    "log_state_no_rewriting": ("UPDATE", "log_state", f"WHEN {_REWRITTEN}"),
    "log_state_no_delete": ("DELETE", "log_state", ""),
}
_MOVED = "OLD.log_generation IS NOT NULL AND NEW.log_generation {} OLD.log_generation"
_STAY_IN_THEIR_LOG = {
    "sqlite": (
        "CREATE TRIGGER records_stay_in_their_log BEFORE UPDATE ON records "
        f"WHEN {_MOVED.format('IS NOT')} "
        "BEGIN SELECT RAISE(ABORT, 'a record stays as it was written'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER records_stay_in_their_log BEFORE UPDATE ON records FOR EACH ROW "
        f"WHEN ({_MOVED.format('IS DISTINCT FROM')}) EXECUTE FUNCTION refuse_change_of_record()"
    ),
}
_REFUSE = "FOR EACH ROW EXECUTE FUNCTION passerelle_immutable()"
_MADE_ON_POSTGRESQL = (
    f"""CREATE FUNCTION passerelle_log_ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM log_state s JOIN added a ON s.generation = a.generation
      WHERE s.ended_at IS NOT NULL) THEN RAISE EXCEPTION '{_NO}'; END IF;
    RETURN NULL; END $$""",  # noqa: S608 - ours
    f"""CREATE FUNCTION passerelle_log_tile() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF {_ENDED.format("OLD")} THEN RAISE EXCEPTION '{_NO}'; END IF;
    RETURN NEW; END $$""",
    "DROP TRIGGER log_tiles_immutable ON log_tiles",
)
_TRIGGERS = {
    ("log_tiles", "no_delete"): f"BEFORE DELETE ON log_tiles {_REFUSE}",
    ("log_tiles", "no_update"): (
        f"BEFORE UPDATE ON log_tiles FOR EACH ROW WHEN ({_FULL}) "
        "EXECUTE FUNCTION passerelle_immutable()"
    ),
    ("log_tiles", "none_after_the_end"): (
        "BEFORE UPDATE ON log_tiles FOR EACH ROW EXECUTE FUNCTION passerelle_log_tile()"
    ),
    ("log_state", "no_delete"): f"BEFORE DELETE ON log_state {_REFUSE}",
    ("log_state", "no_rewriting"): (
        f"BEFORE UPDATE ON log_state FOR EACH ROW WHEN ({_REWRITTEN}) "
        "EXECUTE FUNCTION passerelle_immutable()"
    ),
    **{
        (table, "no_more"): (
            f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS added FOR EACH STATEMENT "
            "EXECUTE FUNCTION passerelle_log_ended()"
        )
        for table in ("log_entries", "log_tiles")
    },
}
"""On PostgreSQL, by table and name."""


def upgrade() -> None:
    op.add_column("records", sa.Column("log_generation", sa.Integer(), nullable=True))
    with as_owner(op.get_bind(), "records"):
        op.execute("UPDATE records SET log_generation = 1 WHERE log_index IS NOT NULL")
    _tell_the_kinds()
    if op.get_bind().dialect.name == "postgresql":
        for table, key in _KEYS.items():
            op.add_column(
                table, sa.Column("generation", sa.Integer(), nullable=False, server_default="1")
            )
            op.alter_column(table, "generation", server_default=None)
            op.drop_constraint(f"pk_{table}", table, type_="primary")
            op.create_primary_key(f"pk_{table}", table, ["generation", *key])
    else:
        _make_anew("log_entries", _entries, "log_index, leaf")
        _make_anew("log_tiles", _tiles, "level, position, hashes")
    _begin_generations()
    op.execute(_STAY_IN_THEIR_LOG[op.get_bind().dialect.name])
    for statement in _triggers():
        op.execute(statement)


_KEYS = {"log_entries": ("log_index",), "log_tiles": ("level", "position")}


def _tell_the_kinds() -> None:
    """Let the outbox say the kind of what waits; only a log that is open shows it."""
    with op.batch_alter_table("log_outbox") as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=30), nullable=True))
    with as_owner(op.get_bind(), "records"):
        op.execute(
            "UPDATE log_outbox SET kind = (SELECT r.kind FROM records r "
            "WHERE r.tenant = log_outbox.tenant AND r.id = log_outbox.record)"
        )
    with op.batch_alter_table("log_outbox") as batch_op:
        batch_op.alter_column("kind", existing_type=sa.String(length=30), nullable=False)


def _entries(name: str) -> None:
    op.create_table(
        name,
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("log_index", _BIG, autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("generation", "log_index", name=op.f("pk_log_entries")),
        sqlite_with_rowid=False,
    )


def _tiles(name: str) -> None:
    op.create_table(
        name,
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("position", _BIG, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("generation", "level", "position", name=op.f("pk_log_tiles")),
    )


def _make_anew(table: str, make: Callable[[str], None], columns: str) -> None:
    """Give a table of SQLite its new key; its triggers go with the old one."""
    make(f"{table}_new")
    op.execute(f"INSERT INTO {table}_new (generation, {columns}) SELECT 1, {columns} FROM {table}")  # noqa: S608 - ours
    op.drop_table(table)
    op.rename_table(f"{table}_new", table)


def _begin_generations() -> None:
    """Make what is there the first generation; the first start writes down whose key signed it."""
    connection = op.get_bind()
    held = connection.execute(
        sa.text("SELECT size, last_minute, root, checkpoint FROM log_state")
    ).mappings()
    rows = [dict(row) for row in held]
    op.drop_table("log_state")
    op.create_table(
        "log_state",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_minute", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_log_state")),
    )
    first = connection.execute(sa.text("SELECT leaf FROM log_entries WHERE log_index = 0")).scalar()
    begun = time.time() if first is None else json.loads(first)["t"]
    insert = (
        "INSERT INTO log_state "
        "(generation, origin, size, last_minute, root, checkpoint, keys, begun_at) "
        "VALUES (1, :origin, :size, :last_minute, :root, :checkpoint, '', :begun)"
    )
    for row in rows:
        origin = row["checkpoint"].partition("\n")[0]
        bound = {**row, "origin": origin, "begun": int(begun * 1_000_000)}
        connection.execute(sa.text(insert), bound)


def _triggers() -> list[str]:
    if op.get_bind().dialect.name != "postgresql":
        return [_on_sqlite(name, *where) for name, where in _SQLITE.items()]
    made = [f"CREATE TRIGGER {table}_{name} {does}" for (table, name), does in _TRIGGERS.items()]
    return [*_MADE_ON_POSTGRESQL, *made]


def downgrade() -> None:
    """Give back the one log of before; a later generation has no place in it."""
    connection = op.get_bind()
    later = "SELECT count(*) FROM log_state WHERE generation > 1"
    if connection.execute(sa.text(later)).scalar_one():
        msg = "The log has a second generation, which the older release cannot hold."
        raise RuntimeError(msg)
    if connection.dialect.name == "postgresql":
        _downgrade_postgresql()
    else:
        _downgrade_sqlite()
    _end_generations()
    with op.batch_alter_table("log_outbox") as batch_op:
        batch_op.drop_column("kind")
    # Not anew, on SQLite: the other triggers of the table would go with it.
    of_table = " ON records" if connection.dialect.name == "postgresql" else ""
    op.execute(f"DROP TRIGGER records_stay_in_their_log{of_table}")
    op.execute("ALTER TABLE records DROP COLUMN log_generation")


def _downgrade_postgresql() -> None:
    for table, name in _TRIGGERS:
        op.execute(f"DROP TRIGGER {table}_{name} ON {table}")
    op.execute("DROP FUNCTION passerelle_log_ended()")
    op.execute("DROP FUNCTION passerelle_log_tile()")
    for table, key in _KEYS.items():
        op.drop_constraint(f"pk_{table}", table, type_="primary")
        op.drop_column(table, "generation")
        op.create_primary_key(f"pk_{table}", table, list(key))
    op.execute(
        "CREATE TRIGGER log_tiles_immutable BEFORE UPDATE OR DELETE ON log_tiles "
        f"FOR EACH ROW WHEN ({_FULL}) EXECUTE FUNCTION passerelle_immutable()"
    )


def _downgrade_sqlite() -> None:
    for name in _SQLITE:
        op.execute(f"DROP TRIGGER {name}")
    for table, key in _KEYS.items():
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(f"pk_{table}", type_="primary")
            batch_op.drop_column("generation")
            batch_op.create_primary_key(f"pk_{table}", list(key))
    for verb in ("UPDATE", "DELETE"):
        name = verb.lower()
        op.execute(_on_sqlite(f"log_entries_no_{name}", verb, "log_entries", ""))
        op.execute(_on_sqlite(f"log_tiles_no_{name}", verb, "log_tiles", f"WHEN {_FULL}"))


def _end_generations() -> None:
    connection = op.get_bind()
    held = connection.execute(
        sa.text("SELECT size, last_minute, root, checkpoint FROM log_state")
    ).mappings()
    rows = [dict(row) for row in held]
    op.drop_table("log_state")
    op.create_table(
        "log_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_minute", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_state")),
    )
    insert = (
        "INSERT INTO log_state (id, size, last_minute, root, checkpoint) "
        "VALUES (1, :size, :last_minute, :root, :checkpoint)"
    )
    for row in rows:
        connection.execute(sa.text(insert), row)
