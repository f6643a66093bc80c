"""The public log. No tenant owns it."""

from sqlalchemy import BigInteger, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base


class LogOutbox(Base):
    """Commitments that wait for their place in the log; written in the business transaction."""

    __tablename__ = "log_outbox"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(String(30))
    record: Mapped[str] = mapped_column(String(32))
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32))


class LogEntry(Base):
    """One leaf; never updated, never deleted."""

    __tablename__ = "log_entries"

    log_index: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    leaf: Mapped[bytes] = mapped_column(LargeBinary)


class LogTile(Base):
    """Up to 256 hashes of one level; immutable once full."""

    __tablename__ = "log_tiles"

    level: Mapped[int] = mapped_column(Integer, primary_key=True)
    position: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class LogState(Base):
    """The one row that fences the sequencer."""

    __tablename__ = "log_state"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    last_minute: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    checkpoint: Mapped[str] = mapped_column(Text)
