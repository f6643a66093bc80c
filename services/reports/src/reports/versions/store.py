"""The rows of reports. Texts and files are sealed; what is readable is ids, dates and digests."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CursorResult,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    delete,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from keel.database import Instant
from keel.tenancy import TenantOwned
from reports.tables import Base


class ReportRow(TenantOwned, Base):
    """A report, and where it stands."""

    __tablename__ = "reports"
    __table_args__ = (Index("ix_reports_tenant_bilan", "tenant", "bilan"),)

    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    bilan: Mapped[str] = mapped_column(String(30))
    kind: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(24))
    version: Mapped[int] = mapped_column(Integer)
    revision: Mapped[int] = mapped_column(Integer)
    request_digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    signed_at: Mapped[datetime | None] = mapped_column(Instant)


class RevisionRow(TenantOwned, Base):
    """One state of a version, never changed once written; `previous` is the digest before it."""

    __tablename__ = "revisions"
    __table_args__ = (ForeignKeyConstraint(["tenant", "report"], ["reports.tenant", "reports.id"]),)

    report: Mapped[str] = mapped_column(String(30), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    previous: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class FileRow(TenantOwned, Base):
    """A file of a signed version: kept as it was handed over, never made again."""

    __tablename__ = "files"
    __table_args__ = (ForeignKeyConstraint(["tenant", "report"], ["reports.tenant", "reports.id"]),)

    report: Mapped[str] = mapped_column(String(30), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    format: Mapped[str] = mapped_column(String(8), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class ActRow(TenantOwned, Base):
    """What somebody did after the signature: submission, observation, agreement."""

    __tablename__ = "acts"
    __table_args__ = (ForeignKeyConstraint(["tenant", "report"], ["reports.tenant", "reports.id"]),)

    report: Mapped[str] = mapped_column(String(30), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    act: Mapped[str] = mapped_column(String(12))
    on_version: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Instant)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


def revision_context(row: ReportRow, version: int, revision: int) -> str:
    """Return what a sealed state is bound to: it opens nowhere else."""
    return f"revision|{row.tenant}|{row.bilan}|{row.id}|{version}|{revision}"


def file_context(row: ReportRow, version: int, wanted: str) -> str:
    """Return what a sealed file is bound to."""
    return f"file|{row.tenant}|{row.bilan}|{row.id}|{version}|{wanted}"


def act_context(row: ReportRow, number: int) -> str:
    """Return what the sealed text of an act is bound to."""
    return f"act|{row.tenant}|{row.bilan}|{row.id}|{number}"


async def find_report(
    session: AsyncSession, tenant: str, bilan: str, report: str, *, lock: bool = False
) -> ReportRow | None:
    """Return a report of this tenant and bilan; `lock` holds its row to the end."""
    query = select(ReportRow).where(
        ReportRow.tenant == tenant, ReportRow.bilan == bilan, ReportRow.id == report
    )
    return await session.scalar(query.with_for_update() if lock else query)


async def id_is_taken(session: AsyncSession, tenant: str, report: str) -> bool:
    """Say whether the tenant has a report of this id, in any bilan."""
    query = select(ReportRow.id).where(ReportRow.tenant == tenant, ReportRow.id == report)
    return await session.scalar(query) is not None


async def read_revision(
    session: AsyncSession, row: ReportRow, version: int, revision: int
) -> RevisionRow | None:
    """Return one state of a version."""
    return await session.get(RevisionRow, (row.tenant, row.id, version, revision))


async def files_of(session: AsyncSession, row: ReportRow, version: int) -> list[FileRow]:
    """Return the files of a signed version, by format."""
    query = select(FileRow).where(
        FileRow.tenant == row.tenant, FileRow.report == row.id, FileRow.version == version
    )
    return list(await session.scalars(query.order_by(FileRow.format)))


async def acts_of(session: AsyncSession, row: ReportRow) -> list[ActRow]:
    """Return what was done after the signature, in order."""
    query = select(ActRow).where(ActRow.tenant == row.tenant, ActRow.report == row.id)
    return list(await session.scalars(query.order_by(ActRow.number)))


async def signed_reports(session: AsyncSession, tenant: str, bilan: str) -> list[ReportRow]:
    """Return the reports of a bilan that somebody signed."""
    query = select(ReportRow).where(
        ReportRow.tenant == tenant, ReportRow.bilan == bilan, ReportRow.signed_at.is_not(None)
    )
    return list(await session.scalars(query.order_by(ReportRow.id)))


async def erase(session: AsyncSession, tenant: str, bilan: str) -> dict[str, int]:
    """Delete every report of a bilan with all that belongs to it; returns how much there was."""
    of_bilan = select(ReportRow.id).where(ReportRow.tenant == tenant, ReportRow.bilan == bilan)
    gone: dict[str, int] = {}
    parts: tuple[tuple[str, Any], ...] = (
        ("acts", ActRow),
        ("files", FileRow),
        ("versions", RevisionRow),
    )
    for name, table in parts:
        deleted = delete(table).where(table.tenant == tenant, table.report.in_(of_bilan))
        gone[name] = _rows(
            await session.execute(deleted.execution_options(synchronize_session=False))
        )
    reports = delete(ReportRow).where(ReportRow.tenant == tenant, ReportRow.bilan == bilan)
    gone["reports"] = _rows(await session.execute(reports))
    return {name: gone[name] for name in ("reports", "versions", "files")}


def _rows(result: Any) -> int:  # noqa: ANN401 - any result of SQLAlchemy
    return result.rowcount if isinstance(result, CursorResult) else 0
