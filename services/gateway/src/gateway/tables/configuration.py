"""What was last recorded of what the installation runs with."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base
from keel.tenancy import TenantOwned


class RecordedVersion(TenantOwned, Base):
    """One component as its last `system.config` tells it; without a digest it is gone."""

    __tablename__ = "recorded_versions"

    component: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[str | None] = mapped_column(String(60))
    digest: Mapped[str | None] = mapped_column(String(64))
