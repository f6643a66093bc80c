"""The rows of what is kept. What is readable is ids, sizes and digests."""

from typing import Any

from sqlalchemy import (
    CursorResult,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    func,
    select,
)
from sqlalchemy import delete as sql_delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from keel.tenancy import TenantOwned
from reports.tables import Base


class KeptReportRow(TenantOwned, Base):
    """A signed version, as JSON of `keeping.rules.KeptReport` sealed under its agreement's key."""

    __tablename__ = "kept_reports"
    __table_args__ = (Index("ix_kept_reports_tenant_bilan", "tenant", "bilan"),)

    agreement: Mapped[str] = mapped_column(String(30), primary_key=True)
    id: Mapped[str] = mapped_column(String(30), primary_key=True)
    bilan: Mapped[str] = mapped_column(String(30))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class KeptFileRow(TenantOwned, Base):
    """A file of a kept version, byte for byte as it was handed over."""

    __tablename__ = "kept_files"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "agreement", "report"],
            ["kept_reports.tenant", "kept_reports.agreement", "kept_reports.id"],
        ),
    )

    agreement: Mapped[str] = mapped_column(String(30), primary_key=True)
    report: Mapped[str] = mapped_column(String(30), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    format: Mapped[str] = mapped_column(String(8), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(Integer)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


async def find(session: AsyncSession, tenant: str, bilan: str, report: str) -> KeptReportRow | None:
    """Return a kept report of a bilan; under several agreements, that of the newest."""
    query = select(KeptReportRow).where(
        KeptReportRow.tenant == tenant, KeptReportRow.bilan == bilan, KeptReportRow.id == report
    )
    return await session.scalar(query.order_by(KeptReportRow.agreement.desc()).limit(1))


async def files_of(session: AsyncSession, row: KeptReportRow) -> list[KeptFileRow]:
    """Return the files of a kept report, by format."""
    query = select(KeptFileRow).where(
        KeptFileRow.tenant == row.tenant,
        KeptFileRow.agreement == row.agreement,
        KeptFileRow.report == row.id,
    )
    return list(await session.scalars(query.order_by(KeptFileRow.format)))


async def count(session: AsyncSession, tenant: str, agreement: str) -> dict[str, int]:
    """Return how much is kept under an agreement; a kept report is one version."""
    reports = await _how_many(session, KeptReportRow, tenant, agreement)
    files = await _how_many(session, KeptFileRow, tenant, agreement)
    return {"reports": reports, "versions": reports, "files": files}


async def erase(session: AsyncSession, tenant: str, bilan: str, agreement: str) -> dict[str, int]:
    """Delete what is kept of a bilan under an agreement; returns how much there was."""
    of_bilan = select(KeptReportRow.id).where(
        KeptReportRow.tenant == tenant,
        KeptReportRow.agreement == agreement,
        KeptReportRow.bilan == bilan,
    )
    files = await session.execute(
        sql_delete(KeptFileRow)
        .where(
            KeptFileRow.tenant == tenant,
            KeptFileRow.agreement == agreement,
            KeptFileRow.report.in_(of_bilan),
        )
        .execution_options(synchronize_session=False)
    )
    reports = await session.execute(
        sql_delete(KeptReportRow).where(
            KeptReportRow.tenant == tenant,
            KeptReportRow.agreement == agreement,
            KeptReportRow.bilan == bilan,
        )
    )
    gone = _rows(reports)
    return {"reports": gone, "versions": gone, "files": _rows(files)}


async def _how_many(
    session: AsyncSession, table: type[KeptReportRow | KeptFileRow], tenant: str, agreement: str
) -> int:
    query = select(func.count()).where(table.tenant == tenant, table.agreement == agreement)
    return await session.scalar(query) or 0


def _rows(result: Any) -> int:  # noqa: ANN401 - any result of SQLAlchemy
    return result.rowcount if isinstance(result, CursorResult) else 0
