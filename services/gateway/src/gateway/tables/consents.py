"""What beneficiaries allowed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Consent(TenantOwned, Base):
    """What a beneficiary allowed; the row is the authority, tokens only copy it."""

    __tablename__ = "consents"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_consents_beneficiary", "tenant", "beneficiary"),
        Index("ix_consents_bilan", "tenant", "bilan"),
    )

    id: Mapped[str] = id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    bilan: Mapped[str] = mapped_column(String(32))
    client: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(12))
    epoch: Mapped[int] = mapped_column(Integer)
    grants: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    notice_version: Mapped[str] = mapped_column(String(40))
    notice_sha256: Mapped[str] = mapped_column(String(64))
    notice_text: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime] = at()
    expires_at: Mapped[datetime] = at()
    validity_seconds: Mapped[int] = mapped_column(Integer)
    """How long it is asked for, counted from the answer."""
    authorised_at: Mapped[datetime | None] = at(nullable=True)
    ended_at: Mapped[datetime | None] = at(nullable=True)
    end_reason: Mapped[str | None] = mapped_column(String(40))
    renewal_of: Mapped[str | None] = mapped_column(String(32))
    method: Mapped[str | None] = mapped_column(String(30))
    evidence: Mapped[bytes | None] = mapped_column(LargeBinary)
    evidence_record: Mapped[str | None] = mapped_column(String(32))
    ceremony: Mapped[str] = mapped_column(String(32))
    ceremony_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    ceremony_ends_at: Mapped[datetime] = at()
    ceremony_used_at: Mapped[datetime | None] = at(nullable=True)
