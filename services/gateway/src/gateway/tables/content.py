"""That documents, reports and runs exist, and whose they are."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Document(TenantOwned, Base):
    """That a document exists and whose it is; its content rests in the anonymizer."""

    __tablename__ = "documents"
    __table_args__ = (ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),)

    id: Mapped[str] = id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = at()


class Report(TenantOwned, Base):
    """That a report exists and whose it is; its content rests in the reports service."""

    __tablename__ = "reports"
    __table_args__ = (ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),)

    id: Mapped[str] = id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = at()


class Run(TenantOwned, Base):
    """One use case at work. What it made is sealed under the bilan's content key."""

    __tablename__ = "runs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_runs_bilan", "tenant", "bilan"),
        Index("ix_runs_open", "status"),
    )

    id: Mapped[str] = id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    beneficiary: Mapped[str] = mapped_column(String(32))
    use_case: Mapped[str] = mapped_column(String(60))
    mode: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(12))
    record: Mapped[str | None] = mapped_column(String(32))
    envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    timings_ms: Mapped[dict[str, int]] = mapped_column(JSON)
    created_at: Mapped[datetime] = at()
    alive_at: Mapped[datetime] = at()
    """When the process that works on it last said that it does."""
    ended_at: Mapped[datetime | None] = at(nullable=True)
    review: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
