"""Answers that may be asked for again, and what a contract allows."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKeyConstraint, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at
from keel.tenancy import TenantOwned


class Quota(TenantOwned, Base):
    """What a contract allows a month; no row, or no number: no limit."""

    __tablename__ = "quotas"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    kind: Mapped[str] = mapped_column(String(30), primary_key=True)
    per_month: Mapped[int | None] = mapped_column(Integer)


class Usage(TenantOwned, Base):
    """What was used of a quota in one month; `block` is what the last reservation took."""

    __tablename__ = "usages"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    kind: Mapped[str] = mapped_column(String(30), primary_key=True)
    period: Mapped[str] = mapped_column(String(7), primary_key=True)
    reserved: Mapped[int] = mapped_column(Integer)
    used: Mapped[int] = mapped_column(Integer)
    block: Mapped[int] = mapped_column(Integer)


class IdempotentAnswer(TenantOwned, Base):
    """The answer to a request that may come again (24 h), sealed."""

    __tablename__ = "idempotent_answers"

    scope: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    subject: Mapped[str | None] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    consent_epoch: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    finished: Mapped[bool] = mapped_column(Boolean)
    carried_out: Mapped[bool] = mapped_column(Boolean)
    """What was asked is committed: the key is not free again, whatever becomes of its answer."""
    created_at: Mapped[datetime] = at()
    alive_at: Mapped[datetime] = at()
    """When the process that answers last said that it does."""
