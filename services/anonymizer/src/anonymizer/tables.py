"""The anonymizer's tables. Every row is keyed by its tenant first; every content is sealed."""

from datetime import datetime

from sqlalchemy import Index, Integer, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from keel.database import Instant, metadata
from keel.endings import EndedRow
from keel.sealing import ContentKeyRow
from keel.tenancy import TenantOwned


class Base(DeclarativeBase):
    """The anonymizer's own metadata."""

    metadata = metadata()


class ContentKey(ContentKeyRow, Base):
    """One wrapped key per bilan (documents and vault; dies at its closing), one per agreement."""


class Ended(EndedRow, Base):
    """That a bilan or an agreement ended here: nobody makes its key again."""


class StoredDocument(TenantOwned, Base):
    """A document that was read: all that tells something is sealed."""

    __tablename__ = "documents"

    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    bilan: Mapped[str] = mapped_column(String(30))
    created_at: Mapped[datetime] = mapped_column(Instant)
    # JSON of `documents.rules.Summary`, `Findings`; UTF-8 texts; the file as it came.
    summary: Mapped[bytes] = mapped_column(LargeBinary)
    pseudonymised: Mapped[bytes] = mapped_column(LargeBinary)
    findings: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    text: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    original: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)

    __table_args__ = (Index(None, "tenant", "bilan"),)


class VaultEntry(TenantOwned, Base):
    """What a surrogate stands for: the value sealed, found again by a keyed hash of its form."""

    __tablename__ = "vault_entries"

    bilan: Mapped[str] = mapped_column(String(30), primary_key=True)
    type: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    # Which way of writing it; f or m where a title or a given name says it of a person.
    variant: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    gender: Mapped[str | None] = mapped_column(String(1))
    # HMAC of the exact written form: one surrogate a form, so that restoration is exact.
    form: Mapped[bytes] = mapped_column(LargeBinary(32))
    # HMAC of the folded value: the ways of writing one thing share a number, and none is read.
    folded: Mapped[bytes] = mapped_column(LargeBinary(32))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    # JSON of `restoration.plausible.Plausible`, sealed too; set once, where one was asked for.
    plausible: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        Index(None, "tenant", "bilan", "type", "form", unique=True),
        Index(None, "tenant", "bilan", "folded"),
    )


class KeptDocument(TenantOwned, Base):
    """A document that outlives its bilan as the person agreed, sealed under the kept key."""

    __tablename__ = "kept_documents"

    agreement: Mapped[str] = mapped_column(String(30), primary_key=True)
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    bilan: Mapped[str] = mapped_column(String(30))
    created_at: Mapped[datetime] = mapped_column(Instant)
    # The parts of a `StoredDocument`.
    summary: Mapped[bytes] = mapped_column(LargeBinary)
    pseudonymised: Mapped[bytes] = mapped_column(LargeBinary)
    findings: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    text: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    original: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)

    __table_args__ = (Index(None, "tenant", "bilan"),)


class KeptSurrogate(TenantOwned, Base):
    """What a surrogate in a kept document stands for; the rest of the vault dies."""

    __tablename__ = "kept_surrogates"

    agreement: Mapped[str] = mapped_column(String(30), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    bilan: Mapped[str] = mapped_column(String(30))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index(None, "tenant", "bilan"),)
