"""Links, codes and sessions of the hosted pages."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class PersonalLink(TenantOwned, Base):
    """A door that a person keeps: to their space, or to the withdrawal of one consent.

    Only the digest of its secret is kept.
    """

    __tablename__ = "personal_links"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        Index("ix_personal_links_beneficiary", "tenant", "beneficiary"),
    )

    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    beneficiary: Mapped[str] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = at()
    expires_at: Mapped[datetime] = at()
    revoked_at: Mapped[datetime | None] = at(nullable=True)


class PersonalCode(TenantOwned, Base):
    """A one-time code that the centre's channel hands to a person; only its keyed hash is kept."""

    __tablename__ = "personal_codes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        Index("ix_personal_codes_beneficiary", "tenant", "beneficiary"),
    )

    id: Mapped[str] = id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    """The consent whose ceremony it opens; None: it opens the person's own space."""
    code_hmac: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = at()
    ends_at: Mapped[datetime] = at()
    tries_left: Mapped[int] = mapped_column(Integer)
    used_at: Mapped[datetime | None] = at(nullable=True)


class PageSession(TenantOwned, Base):
    """A short session on the hosted pages, opened by a link's secret."""

    __tablename__ = "page_sessions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
    )

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    method: Mapped[str] = mapped_column(String(20))
    """How the person came in: `hosted_page`, or `hosted_page+code`."""
    beneficiary: Mapped[str] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    ends_at: Mapped[datetime] = at()
