"""Counsellors and beneficiaries: opaque ids."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary
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


class Beneficiary(TenantOwned, Base):
    """The person whose bilan it is; the tenant's own reference is sealed."""

    __tablename__ = "beneficiaries"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = id_key()
    reference: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = at()
