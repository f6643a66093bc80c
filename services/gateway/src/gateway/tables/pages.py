"""Links and sessions of the hosted pages."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at
from keel.tenancy import TenantOwned


class PersonalLink(TenantOwned, Base):
    """The beneficiary's own door; only the digest of its secret is kept."""

    __tablename__ = "personal_links"

    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    beneficiary: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = at()


class PageSession(TenantOwned, Base):
    """A short session on the hosted pages, opened by a link's secret."""

    __tablename__ = "page_sessions"

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    beneficiary: Mapped[str] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    ends_at: Mapped[datetime] = at()
