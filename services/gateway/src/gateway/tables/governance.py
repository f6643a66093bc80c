"""What a centre answers for: that people were told, and what went wrong."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Incident(TenantOwned, Base):
    """Something that went wrong, and by when whom to tell; it outlives whom it was about."""

    __tablename__ = "incidents"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = id_key()
    incident_class: Mapped[str] = mapped_column(String(30))
    origin: Mapped[str] = mapped_column(String(10))
    bilan: Mapped[str | None] = mapped_column(String(32))
    opened_at: Mapped[datetime] = at()
    aware_at: Mapped[datetime] = at()
    deadline_at: Mapped[datetime | None] = at(nullable=True)
    description: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The centre's own words, sealed under its key; so are those of the closing."""
    record: Mapped[str] = mapped_column(String(32))
    closed_at: Mapped[datetime | None] = at(nullable=True)
    outcome: Mapped[str | None] = mapped_column(String(20))
    closing: Mapped[bytes | None] = mapped_column(LargeBinary)


class Disclosure(TenantOwned, Base):
    """That a notice about AI was shown, as the centre's software confirms (AI Act 50(1), 50(5))."""

    __tablename__ = "disclosures"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_disclosures_bilan", "tenant", "bilan"),
    )

    id: Mapped[str] = id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    beneficiary: Mapped[str] = mapped_column(String(32))
    notice: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(5))
    audience: Mapped[str] = mapped_column(String(30))
    channel: Mapped[str] = mapped_column(String(20))
    moment: Mapped[str] = mapped_column(String(30))
    accessibility_profile: Mapped[str] = mapped_column(String(20))
    confirmed_at: Mapped[datetime] = at()
    acknowledged_at: Mapped[datetime | None] = at(nullable=True)
    record: Mapped[str] = mapped_column(String(32))
