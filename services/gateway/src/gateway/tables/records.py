"""Private transparency records."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import CHANGES, TenantOwned

_CLOSES = text("kind IN ('ai.result', 'ai.error', 'ai.cancelled')")


class Record(TenantOwned, Base):
    """A private transparency record: ciphertext, commitment, and what is needed to find it."""

    __tablename__ = "records"
    # No foreign keys: a record outlives what it names. Persons, bilans and consents are erased and
    # destroyed, and the record that says so stays, with the ids that it was about.
    __table_args__ = (
        Index("ix_records_beneficiary", "tenant", "beneficiary"),
        Index("ix_records_prev", "tenant", "prev"),
        # Exactly one of them closes each dispatch (profile section 7.1).
        Index(
            "uq_records_closing",
            "tenant",
            "prev",
            unique=True,
            sqlite_where=_CLOSES,
            postgresql_where=_CLOSES,
        ),
        # It is placed in the log once, and emptied once; a trigger holds it to that (I-7).
        {
            "info": {
                CHANGES: (
                    "log_generation",
                    "log_index",
                    "sealed",
                    "beneficiary",
                    "bilan",
                    "consent",
                    "prev",
                )
            }
        },
    )

    id: Mapped[str] = id_key()
    kind: Mapped[str] = mapped_column(String(30))
    beneficiary: Mapped[str | None] = mapped_column(String(32))
    bilan: Mapped[str | None] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    prev: Mapped[str | None] = mapped_column(String(32))
    occurred_at: Mapped[datetime] = at()
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None once it was erased: leaf and proof stay."""
    log_generation: Mapped[int | None] = mapped_column(Integer)
    """Which log of this installation holds its leaf, at `log_index`; None until sequenced."""
    log_index: Mapped[int | None] = mapped_column(BigInteger)


class RetentionRun(Base):
    """When the job that empties old records last ran, and what it saw: one row, for metrics."""

    __tablename__ = "retention_runs"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ran_at: Mapped[datetime] = at()
    emptied: Mapped[int] = mapped_column(Integer)
    keys_destroyed: Mapped[int] = mapped_column(Integer)
    tenants_held: Mapped[int] = mapped_column(Integer)
    """Under a legal hold, so that nothing of theirs was due."""
    tenants_failed: Mapped[int] = mapped_column(Integer)
