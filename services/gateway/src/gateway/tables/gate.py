"""What the gate remembers beside its records."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at
from keel.tenancy import TenantOwned


class RefusalCount(TenantOwned, Base):
    """When a refusal on a consent was last recorded, and how often it came again since."""

    __tablename__ = "refusal_counts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "consent"], ["consents.tenant", "consents.id"]),
    )

    consent: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    minute: Mapped[datetime] = at()
    since_last: Mapped[int] = mapped_column(Integer)
