"""What a person lets others see, and lets the centre keep."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Share(TenantOwned, Base):
    """One signed version of a synthesis, one recipient, as the person asked (LR-A05)."""

    __tablename__ = "shares"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_shares_beneficiary", "tenant", "beneficiary"),
    )

    id: Mapped[str] = id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    bilan: Mapped[str] = mapped_column(String(32))
    report: Mapped[str] = mapped_column(String(32))
    version: Mapped[int] = mapped_column(Integer)
    recipient: Mapped[str] = mapped_column(String(12))
    recipient_name: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed under the person's own key."""
    requested_on: Mapped[str] = mapped_column(String(10))
    ends_at: Mapped[datetime] = at()
    status: Mapped[str] = mapped_column(String(10))
    method: Mapped[str] = mapped_column(String(20))
    document_sha256: Mapped[str | None] = mapped_column(String(64))
    attested_by: Mapped[str | None] = mapped_column(String(32))
    asked_at: Mapped[datetime] = at()
    decided_at: Mapped[datetime | None] = at(nullable=True)
    ended_at: Mapped[datetime | None] = at(nullable=True)


class RetentionAgreement(TenantOwned, Base):
    """What is kept beyond the end of a bilan, why and until when (R6313-7; LR-A14)."""

    __tablename__ = "retention_agreements"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_retention_agreements_beneficiary", "tenant", "beneficiary"),
    )

    id: Mapped[str] = id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    bilan: Mapped[str] = mapped_column(String(32))
    scope: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(20))
    ends_at: Mapped[datetime] = at()
    status: Mapped[str] = mapped_column(String(10))
    method: Mapped[str] = mapped_column(String(20))
    document_sha256: Mapped[str | None] = mapped_column(String(64))
    attested_by: Mapped[str | None] = mapped_column(String(32))
    asked_at: Mapped[datetime] = at()
    decided_at: Mapped[datetime | None] = at(nullable=True)
    ended_at: Mapped[datetime | None] = at(nullable=True)
