"""Career reviews."""

from datetime import datetime

from sqlalchemy import (
    JSON,
    Boolean,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Bilan(TenantOwned, Base):
    """One career review."""

    __tablename__ = "bilans"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        ForeignKeyConstraint(["tenant", "counsellor"], ["counsellors.tenant", "counsellors.id"]),
        Index("ix_bilans_beneficiary", "tenant", "beneficiary"),
    )

    id: Mapped[str] = id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    counsellor: Mapped[str] = mapped_column(String(32))
    funding: Mapped[str] = mapped_column(String(20))
    planned_minutes: Mapped[int] = mapped_column(Integer)
    support_minutes: Mapped[int] = mapped_column(Integer)
    starts_on: Mapped[str] = mapped_column(String(10))
    ends_on: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(12))
    public_service: Mapped[bool] = mapped_column(Boolean, server_default=false())
    employer_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Keyed by the tenant's key: enough to tell that the tenant is not the employer (R6313-5)."""
    created_at: Mapped[datetime] = at()


class Assignment(TenantOwned, Base):
    """That a counsellor conducts a bilan, from when to when (LR-A04)."""

    __tablename__ = "assignments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        ForeignKeyConstraint(["tenant", "counsellor"], ["counsellors.tenant", "counsellors.id"]),
        Index("ix_assignments_bilan", "tenant", "bilan"),
    )

    id: Mapped[str] = id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    counsellor: Mapped[str] = mapped_column(String(32))
    assigned_at: Mapped[datetime] = at()
    ended_at: Mapped[datetime | None] = at(nullable=True)


class BilanAgreement(TenantOwned, Base):
    """The worker's own consent to the bilan, which opens it; it says nothing about AI (LR-A01)."""

    __tablename__ = "bilan_agreements"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        UniqueConstraint("tenant", "bilan"),
    )

    id: Mapped[str] = id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    agreed_on: Mapped[str] = mapped_column(String(10))
    method: Mapped[str] = mapped_column(String(30))
    document_sha256: Mapped[str | None] = mapped_column(String(64))
    recorded_by: Mapped[str | None] = mapped_column(String(32))
    """The counsellor for whom the call was made, else the client; unknown of the oldest rows."""
    recorded_at: Mapped[datetime] = at()


class Convention(TenantOwned, Base):
    """What employer, worker and provider sign (R6313-8); the terms are sealed with the bilan."""

    __tablename__ = "conventions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_conventions_bilan", "tenant", "bilan"),
    )

    id: Mapped[str] = id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    terms: Mapped[bytes] = mapped_column(LargeBinary)
    received_on: Mapped[str] = mapped_column(String(10))
    worker_signed_on: Mapped[str | None] = mapped_column(String(10))
    employer_signed_on: Mapped[str | None] = mapped_column(String(10))
    provider_signed_on: Mapped[str | None] = mapped_column(String(10))
    created_at: Mapped[datetime] = at()


class Interview(TenantOwned, Base):
    """That a counsellor and the person met; nothing of what was said."""

    __tablename__ = "interviews"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_interviews_bilan", "tenant", "bilan"),
    )

    id: Mapped[str] = id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    phase: Mapped[str] = mapped_column(String(20))
    held_on: Mapped[str] = mapped_column(String(10))
    minutes: Mapped[int] = mapped_column(Integer)
    format: Mapped[str] = mapped_column(String(12))
    individual: Mapped[bool] = mapped_column(Boolean)
    counsellor: Mapped[str] = mapped_column(String(32))
    recorded_at: Mapped[datetime] = at()


class ClosedPhase(TenantOwned, Base):
    """That a counsellor closed a phase, with the legal aims that it met (LR-A08)."""

    __tablename__ = "closed_phases"
    __table_args__ = (ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),)

    bilan: Mapped[str] = id_key()
    phase: Mapped[str] = mapped_column(String(20), primary_key=True)
    aims: Mapped[list[str]] = mapped_column(JSON)
    cosigned_on: Mapped[str | None] = mapped_column(String(10))
    closed_by: Mapped[str] = mapped_column(String(32))
    closed_at: Mapped[datetime] = at()
