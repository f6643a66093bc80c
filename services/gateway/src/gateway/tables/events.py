"""What the centre's software is told."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Event(TenantOwned, Base):
    """Something that happened in a tenant: its kind and the ids concerned, nothing personal."""

    __tablename__ = "events"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = id_key()
    kind: Mapped[str] = mapped_column(String(60))
    occurred_at: Mapped[datetime] = at()
    ids: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The one exception: a code that the centre's channel hands to the person, gone once sent."""
