"""What the centre's software is told, where to, and how far the telling has come."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKeyConstraint, Index, Integer, LargeBinary, String
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


class WebhookEndpoint(TenantOwned, Base):
    """An address of the centre's software that is told what happens."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = id_key()
    url: Mapped[str] = mapped_column(String(2000))
    kinds: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """What it listens to; None for everything."""
    enabled: Mapped[bool] = mapped_column(Boolean)
    disabled_because: Mapped[str | None] = mapped_column(String(20))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    """Sealed under the key of the tenant's records, as is the secret before it."""
    earlier_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    earlier_secret_until: Mapped[datetime | None] = at(nullable=True)
    created_at: Mapped[datetime] = at()


class Delivery(TenantOwned, Base):
    """One event on its way to one endpoint."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "event"], ["events.tenant", "events.id"]),
        Index("ix_deliveries_tenant_endpoint", "tenant", "endpoint", "id"),
        Index("ix_deliveries_tenant_event", "tenant", "event"),
    )

    id: Mapped[str] = id_key()
    event: Mapped[str] = mapped_column(String(32))
    endpoint: Mapped[str] = mapped_column(String(32))
    # No foreign key to the endpoint: one that is deleted in the same moment fails no consent.
    status: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(Integer)
    last_status: Mapped[int | None] = mapped_column(Integer)
    last_failure: Mapped[str | None] = mapped_column(String(30))
    created_at: Mapped[datetime] = at()
    attempted_at: Mapped[datetime | None] = at(nullable=True)
    ended_at: Mapped[datetime | None] = at(nullable=True)


class DueDelivery(Base):
    """The platform's queue: which delivery of which tenant is due, and no word of what it says.

    It belongs to no tenant, so that a worker finds what is due without reading anybody's rows;
    the delivery itself is then read as its tenant.
    """

    __tablename__ = "due_deliveries"
    __table_args__ = (Index("ix_due_deliveries_due_at", "due_at"),)

    delivery: Mapped[str] = id_key()
    tenant: Mapped[str] = mapped_column(String(30))
    endpoint: Mapped[str] = mapped_column(String(32))
    """For fairness: one slow endpoint never takes every worker's hands."""
    due_at: Mapped[datetime] = at()
    leased_until: Mapped[datetime | None] = at(nullable=True)
