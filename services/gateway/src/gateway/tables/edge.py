"""Answers that may be asked for again."""

from datetime import datetime

from sqlalchemy import Boolean, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at
from keel.tenancy import TenantOwned


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
    created_at: Mapped[datetime] = at()
