"""What is destroyed, how far that has come, and what proves it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Destruction(TenantOwned, Base):
    """That a bilan, a person or what an agreement kept is destroyed; it outlives all three.

    It is also why nobody makes a key again for what it destroyed: the ids that stand here are
    opaque, and lead to nothing any more.
    """

    __tablename__ = "destructions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        Index("uq_destructions_subject", "tenant", "subject", unique=True),
        Index("ix_destructions_of_person", "tenant", "person"),
    )

    id: Mapped[str] = id_key()
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(32))
    """The bilan, the person or the retention agreement."""
    person: Mapped[str | None] = mapped_column(String(32))
    """Whose it is; None once that person was erased."""
    reason: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    requested_at: Mapped[datetime] = at()
    requested_by: Mapped[str | None] = mapped_column(String(32))
    """The counsellor for whom the call was made, else the client; None: the law's term."""
    held_until: Mapped[datetime | None] = at(nullable=True)
    completed_at: Mapped[datetime | None] = at(nullable=True)
    targets: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Which bilans, consents and agreements it reaches, fixed when it was asked for; None once it
    is done."""
    certificate: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class DestructionStep(TenantOwned, Base):
    """One step of a destruction; with `acknowledged_at` it is done: how much there was."""

    __tablename__ = "destruction_steps"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "destruction"], ["destructions.tenant", "destructions.id"]),
    )

    destruction: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int] = mapped_column(Integer)
    last_failure: Mapped[str | None] = mapped_column(String(60))
    counts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    acknowledged_at: Mapped[datetime | None] = at(nullable=True)


class DueDestruction(Base):
    """The platform's queue: which destruction of which tenant goes on when, and nothing else.

    It belongs to no tenant, as the queue of deliveries, and a row leaves it with the certificate.
    """

    __tablename__ = "due_destructions"
    __table_args__ = (Index("ix_due_destructions_due_at", "due_at"),)

    destruction: Mapped[str] = id_key()
    tenant: Mapped[str] = mapped_column(String(30))
    since: Mapped[datetime] = at()
    """When it was asked for: what is overdue is measured from here."""
    failures: Mapped[int] = mapped_column(Integer)
    """In a row; the pause before the next try grows with them."""
    due_at: Mapped[datetime] = at()
    waits: Mapped[str | None] = mapped_column(String(12))
    """Why it does not go on although nothing failed: `held`."""
    holder: Mapped[str | None] = mapped_column(String(32))
    """The worker whose it is; what another worker took over meanwhile, it acknowledges no more."""
    leased_until: Mapped[datetime | None] = at(nullable=True)


class DueRun(Base):
    """When the job of what is due last ran, and what it saw: one row, so that its rest shows."""

    __tablename__ = "due_runs"

    job: Mapped[str] = mapped_column(String(30), primary_key=True)
    ran_at: Mapped[datetime] = at()
    due: Mapped[int] = mapped_column(Integer)
    begun: Mapped[int] = mapped_column(Integer)
    restricted: Mapped[int] = mapped_column(Integer)
    """Due, and left alone because the person restricted the processing of their data."""
    failed: Mapped[int] = mapped_column(Integer)
