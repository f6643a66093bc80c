"""The gateway's tables. Every tenant-owned row is keyed by its tenant first."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from keel.database import Instant, metadata
from keel.sealing import ContentKeyRow


class Base(DeclarativeBase):
    """The gateway's own metadata."""

    metadata = metadata()


def _tenant_key() -> Mapped[str]:
    return mapped_column(String(30), primary_key=True)


def _id_key() -> Mapped[str]:
    return mapped_column(String(32), primary_key=True)


def _at(*, nullable: bool = False) -> Mapped[Any]:
    return mapped_column(Instant, nullable=nullable)


class ContentKey(ContentKeyRow, Base):
    """One wrapped key per bilan: runs and drafts; dies at the bilan's closing."""


class RecordKey(ContentKeyRow, Base):
    """One wrapped key per beneficiary, and one per tenant for records about no person."""

    __tablename__ = "record_keys"


class Tenant(Base):
    """One career-guidance organisation."""

    __tablename__ = "tenants"

    id: Mapped[str] = _id_key()
    name: Mapped[str] = mapped_column(String(200))
    siren: Mapped[str | None] = mapped_column(String(9))
    created_at: Mapped[datetime] = _at()
    suspended_at: Mapped[datetime | None] = _at(nullable=True)


class Client(Base):
    """One piece of software that calls for a tenant (OAuth2 client)."""

    __tablename__ = "clients"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    id: Mapped[str] = _id_key()
    tenant: Mapped[str] = mapped_column(String(30), index=True)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    epoch: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = _at()
    revoked_at: Mapped[datetime | None] = _at(nullable=True)


class Counsellor(Base):
    """A natural person who conducts bilans inside a tenant."""

    __tablename__ = "counsellors"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    tenant: Mapped[str] = _tenant_key()
    id: Mapped[str] = _id_key()
    reference: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = _at()


class Beneficiary(Base):
    """The person whose bilan it is; the tenant's own reference is sealed."""

    __tablename__ = "beneficiaries"
    __table_args__ = (ForeignKeyConstraint(["tenant"], ["tenants.id"]),)

    tenant: Mapped[str] = _tenant_key()
    id: Mapped[str] = _id_key()
    reference: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = _at()


class Bilan(Base):
    """One career review."""

    __tablename__ = "bilans"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        ForeignKeyConstraint(["tenant", "counsellor"], ["counsellors.tenant", "counsellors.id"]),
    )

    tenant: Mapped[str] = _tenant_key()
    id: Mapped[str] = _id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    counsellor: Mapped[str] = mapped_column(String(32))
    funding: Mapped[str] = mapped_column(String(20))
    planned_minutes: Mapped[int] = mapped_column(Integer)
    support_minutes: Mapped[int] = mapped_column(Integer)
    starts_on: Mapped[str] = mapped_column(String(10))
    ends_on: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(12))
    agreement: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = _at()


class Consent(Base):
    """What a beneficiary allowed; the row is the authority, tokens only copy it."""

    __tablename__ = "consents"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        Index("ix_consents_beneficiary", "tenant", "beneficiary"),
    )

    tenant: Mapped[str] = _tenant_key()
    id: Mapped[str] = _id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    bilan: Mapped[str] = mapped_column(String(32))
    client: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(12))
    epoch: Mapped[int] = mapped_column(Integer)
    grants: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    notice_version: Mapped[str] = mapped_column(String(40))
    notice_sha256: Mapped[str] = mapped_column(String(64))
    notice_text: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime] = _at()
    expires_at: Mapped[datetime] = _at()
    authorised_at: Mapped[datetime | None] = _at(nullable=True)
    ended_at: Mapped[datetime | None] = _at(nullable=True)
    end_reason: Mapped[str | None] = mapped_column(String(40))
    evidence: Mapped[bytes | None] = mapped_column(LargeBinary)
    evidence_record: Mapped[str | None] = mapped_column(String(32))
    ceremony: Mapped[str] = mapped_column(String(32))
    ceremony_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    ceremony_ends_at: Mapped[datetime] = _at()
    ceremony_used_at: Mapped[datetime | None] = _at(nullable=True)


class PersonalLink(Base):
    """The beneficiary's own door; only the digest of its secret is kept."""

    __tablename__ = "personal_links"

    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(30))
    beneficiary: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = _at()


class PageSession(Base):
    """A short session on the hosted pages, opened by a link's secret."""

    __tablename__ = "page_sessions"

    token_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    tenant: Mapped[str] = mapped_column(String(30))
    beneficiary: Mapped[str] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    ends_at: Mapped[datetime] = _at()


class Document(Base):
    """That a document exists and whose it is; its content rests in the anonymizer."""

    __tablename__ = "documents"
    __table_args__ = (ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),)

    tenant: Mapped[str] = _tenant_key()
    id: Mapped[str] = _id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = _at()


class Report(Base):
    """That a report exists and whose it is; its content rests in the reports service."""

    __tablename__ = "reports"
    __table_args__ = (ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),)

    tenant: Mapped[str] = _tenant_key()
    id: Mapped[str] = _id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = _at()


class Run(Base):
    """One use case at work. What it made is sealed under the bilan's content key."""

    __tablename__ = "runs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_runs_bilan", "tenant", "bilan"),
        Index("ix_runs_open", "status"),
    )

    tenant: Mapped[str] = _tenant_key()
    id: Mapped[str] = _id_key()
    bilan: Mapped[str] = mapped_column(String(32))
    beneficiary: Mapped[str] = mapped_column(String(32))
    use_case: Mapped[str] = mapped_column(String(60))
    mode: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(12))
    record: Mapped[str | None] = mapped_column(String(32))
    envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    timings_ms: Mapped[dict[str, int]] = mapped_column(JSON)
    created_at: Mapped[datetime] = _at()
    ended_at: Mapped[datetime | None] = _at(nullable=True)
    review: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Record(Base):
    """A private transparency record: ciphertext, commitment, and what is needed to find it."""

    __tablename__ = "records"
    __table_args__ = (
        Index("ix_records_beneficiary", "tenant", "beneficiary"),
        Index("ix_records_prev", "tenant", "prev"),
    )

    tenant: Mapped[str] = _tenant_key()
    id: Mapped[str] = _id_key()
    kind: Mapped[str] = mapped_column(String(30))
    beneficiary: Mapped[str | None] = mapped_column(String(32))
    bilan: Mapped[str | None] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    prev: Mapped[str | None] = mapped_column(String(32))
    occurred_at: Mapped[datetime] = _at()
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    log_index: Mapped[int | None] = mapped_column(BigInteger)


class LogOutbox(Base):
    """Commitments that wait for their place in the log; written in the business transaction."""

    __tablename__ = "log_outbox"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    tenant: Mapped[str] = mapped_column(String(30))
    record: Mapped[str] = mapped_column(String(32))
    commitment: Mapped[bytes] = mapped_column(LargeBinary(32))


class LogEntry(Base):
    """One leaf; never updated, never deleted."""

    __tablename__ = "log_entries"

    log_index: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    leaf: Mapped[bytes] = mapped_column(LargeBinary)


class LogTile(Base):
    """Up to 256 hashes of one level; immutable once full."""

    __tablename__ = "log_tiles"

    level: Mapped[int] = mapped_column(Integer, primary_key=True)
    position: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


class LogState(Base):
    """The one row that fences the sequencer."""

    __tablename__ = "log_state"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    last_minute: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    checkpoint: Mapped[str] = mapped_column(Text)


class IdempotentAnswer(Base):
    """The answer to a request that may come again (24 h), sealed."""

    __tablename__ = "idempotent_answers"

    tenant: Mapped[str] = _tenant_key()
    scope: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    subject: Mapped[str | None] = mapped_column(String(32))
    consent: Mapped[str | None] = mapped_column(String(32))
    consent_epoch: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    finished: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = _at()
