"""The public log. No tenant owns it.

A log is a sequence of generations, each with an origin of its own: a database that was restored
behind what it had published begins the next one, and never goes on with the one before.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at
from keel.tenancy import CHANGES

_BIG = BigInteger().with_variant(Integer, "sqlite")


class LogOutbox(Base):
    """Commitments that wait for their place in the log; written in the business transaction."""

    __tablename__ = "log_outbox"

    id: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=True)
    tenant: Mapped[str] = mapped_column(String(30))
    record: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(30))
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32))


class LogEntry(Base):
    """One leaf; never updated, never deleted."""

    __tablename__ = "log_entries"
    # Read and written in the order of the key: SQLite keeps the rows in it.
    __table_args__ = {"sqlite_with_rowid": False, "info": {CHANGES: ()}}  # noqa: RUF012 - SQLAlchemy's own form

    generation: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    log_index: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)


class LogTile(Base):
    """Up to 256 hashes of one level; immutable once full."""

    __tablename__ = "log_tiles"
    __table_args__ = {"info": {CHANGES: ("hashes",)}}  # noqa: RUF012 - SQLAlchemy's own form

    generation: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    level: Mapped[int] = mapped_column(Integer, primary_key=True)
    position: Mapped[int] = mapped_column(_BIG, primary_key=True)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class LogState(Base):
    """One generation of the log. The newest row fences the sequencer; an ended one never changes.

    A row never gets smaller and never holds another root for its size.
    """

    __tablename__ = "log_state"
    __table_args__ = {  # noqa: RUF012 - SQLAlchemy's own form
        "info": {CHANGES: ("size", "last_minute", "root", "checkpoint", "keys", "ended_at")}
    }

    generation: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(BigInteger)
    last_minute: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    checkpoint: Mapped[str] = mapped_column(Text)
    keys: Mapped[str] = mapped_column(Text)
    """The verifier keys that signed `checkpoint`, a line each, in the order of the signatures."""
    begun_at: Mapped[datetime] = at()
    ended_at: Mapped[datetime | None] = at(nullable=True)


class LogAudit(Base):
    """The last audit of each scope and what it found: for whoever watches, and for a start."""

    __tablename__ = "log_audits"

    scope: Mapped[str] = mapped_column(String(10), primary_key=True)
    """`whole`: every leaf; `edge`: what the next leaf is appended to, as each start looks."""
    ran_at: Mapped[datetime] = at()
    verdict: Mapped[str] = mapped_column(String(12))
    size: Mapped[int] = mapped_column(BigInteger)
