"""Organisations, the software that calls for them, and whose door a secret opens."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    text,
)
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
    ceremony_code: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """Whether a person types a one-time code before they decide on a consent."""
    codes_were_sent: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """To people who were erased since: the spaces of the others stay shut without a code."""


class Client(TenantOwned, Base):
    """One piece of software that calls for a tenant (OAuth2 client)."""

    __tablename__ = "clients"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = id_key()
    name: Mapped[str | None] = mapped_column(String(200))
    secret_sha256: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    retiring_secret_sha256: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    retiring_until: Mapped[datetime | None] = at(nullable=True)
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    dpop: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    scopes: Mapped[list[str]] = mapped_column(JSON)
    epoch: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = at()
    revoked_at: Mapped[datetime | None] = at(nullable=True)


class Door(Base):
    """Whose a client id or a secret is: all that is known before the tenant is."""

    __tablename__ = "doors"

    key_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(30))


class RevokedToken(TenantOwned, Base):
    """A token that its client gave up before its time (RFC 7009); kept until its `exp`."""

    __tablename__ = "revoked_tokens"

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    ends_at: Mapped[datetime] = at()


class UsedAssertion(TenantOwned, Base):
    """What a client signed to prove itself or a key that it holds, good for once (RFC 7523, 9449).

    Kept until nobody would take it any more.
    """

    __tablename__ = "used_assertions"

    client: Mapped[str] = mapped_column(String(32), primary_key=True)
    jti_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    ends_at: Mapped[datetime] = at()


class ApiKey(TenantOwned, Base):
    """A long-lived key of a client, for SDKs that cannot draw tokens."""

    __tablename__ = "api_keys"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "client"], ["clients.tenant", "clients.id"]),
        UniqueConstraint("tenant", "secret_sha256"),
    )

    id: Mapped[str] = id_key()
    client: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    counsellor: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = at()
    expires_at: Mapped[datetime] = at()
    revoked_at: Mapped[datetime | None] = at(nullable=True)
