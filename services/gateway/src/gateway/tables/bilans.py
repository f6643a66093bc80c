"""Career reviews."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, Integer, String
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
    agreement: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
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
