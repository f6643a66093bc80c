"""Organisations, the software that calls for them, and whose door a secret opens."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKeyConstraint, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Tenant(Base):
    """One career-guidance organisation."""

    __tablename__ = "tenants"

    id: Mapped[str] = id_key()
    name: Mapped[str] = mapped_column(String(200))
    siren: Mapped[str | None] = mapped_column(String(9))
    created_at: Mapped[datetime] = at()
    suspended_at: Mapped[datetime | None] = at(nullable=True)


class Client(TenantOwned, Base):
    """One piece of software that calls for a tenant (OAuth2 client)."""

    __tablename__ = "clients"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = id_key()
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    epoch: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = at()
    revoked_at: Mapped[datetime | None] = at(nullable=True)


class Door(Base):
    """Whose a client id or a secret is: all that is known before the tenant is."""

    __tablename__ = "doors"

    key_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(30))
