"""What delays a destruction."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class LegalHold(TenantOwned, Base):
    """That a tenant's records are kept for a proceeding, and until when; never without an end."""

    __tablename__ = "legal_holds"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = id_key()
    reason: Mapped[str] = mapped_column(String(30))
    reference: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The operator's own words, sealed under the tenant's key."""
    starts_at: Mapped[datetime] = at()
    ends_at: Mapped[datetime] = at()
    lifted_at: Mapped[datetime | None] = at(nullable=True)
