"""Counsellors and beneficiaries: opaque ids."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Counsellor(TenantOwned, Base):
    """A natural person who conducts bilans inside a tenant."""

    __tablename__ = "counsellors"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = id_key()
    reference: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = at()
    deactivated_at: Mapped[datetime | None] = at(nullable=True)


class SecrecyAcceptance(TenantOwned, Base):
    """That a counsellor accepted one version of the secrecy notice."""

    __tablename__ = "secrecy_acceptances"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "counsellor"], ["counsellors.tenant", "counsellors.id"]),
        UniqueConstraint("tenant", "counsellor", "notice_version"),
    )

    id: Mapped[str] = id_key()
    counsellor: Mapped[str] = mapped_column(String(32))
    notice_version: Mapped[str] = mapped_column(String(10))
    notice_sha256: Mapped[str] = mapped_column(String(64))
    client: Mapped[str] = mapped_column(String(32))
    accepted_at: Mapped[datetime] = at()


class Qualification(TenantOwned, Base):
    """A training on AI or a certification for a test."""

    __tablename__ = "qualifications"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "counsellor"], ["counsellors.tenant", "counsellors.id"]),
        Index("ix_qualifications_counsellor", "tenant", "counsellor"),
    )

    id: Mapped[str] = id_key()
    counsellor: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(60))
    obtained_on: Mapped[str] = mapped_column(String(10))
    expires_on: Mapped[str | None] = mapped_column(String(10))
    recorded_at: Mapped[datetime] = at()


class Beneficiary(TenantOwned, Base):
    """The person whose bilan it is; the tenant's own reference is sealed."""

    __tablename__ = "beneficiaries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        Index("ix_beneficiaries_reference", "tenant", "reference_digest", unique=True),
    )

    id: Mapped[str] = id_key()
    reference: Mapped[bytes | None] = mapped_column(LargeBinary)
    reference_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Keyed by the tenant's key, so that the tenant finds its own person again."""
    created_at: Mapped[datetime] = at()


class Restriction(TenantOwned, Base):
    """That a person restricted the processing of their data, or objected to AI (GDPR 18, 21)."""

    __tablename__ = "restrictions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        Index("ix_restrictions_beneficiary", "tenant", "beneficiary"),
    )

    id: Mapped[str] = id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(12))
    ground: Mapped[str] = mapped_column(String(30))
    imposed_at: Mapped[datetime] = at()
    imposed_by: Mapped[str] = mapped_column(String(11))
    lifted_at: Mapped[datetime | None] = at(nullable=True)
    lifted_by: Mapped[str | None] = mapped_column(String(11))
