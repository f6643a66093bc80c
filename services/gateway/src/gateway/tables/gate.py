"""What the gate remembers beside its records."""

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at
from keel.tenancy import TenantOwned


class RefusalCount(TenantOwned, Base):
    """When a refusal was last recorded, and how often it came again since."""

    __tablename__ = "refusal_counts"

    subject: Mapped[str] = mapped_column(String(32), primary_key=True)
    """The consent that it is about; the bilan, where there was no consent."""
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    minute: Mapped[datetime] = at()
    since_last: Mapped[int] = mapped_column(Integer)
