"""What was destroyed stays destroyed: nobody who comes late makes its key again.

A content key is made when it is first needed. Somebody who was still reading a document when its
bilan was destroyed would make a new one, and rows with it. So whoever writes holds the subject
open, whoever destroys waits for them and leaves a mark behind, and nobody writes after the mark.

The mark names nobody: it is a digest that only the holder of the identifier can look for, with
how much was destroyed. A call that is made again, because its first answer was lost, answers the
same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import JSON, LargeBinary, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from keel.clock import utc_now
from keel.database import Instant
from keel.tenancy import TenantOwned

_HOLD = text("SELECT pg_advisory_xact_lock_shared(:number)")
_CLOSE = text("SELECT pg_advisory_xact_lock(:number)")


class EndedRow(TenantOwned):
    """Columns of a service's table of marks; mix into a class on its own Base."""

    __tablename__ = "ended_subjects"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(Instant)
    counts: Mapped[dict[str, int]] = mapped_column(JSON)


@dataclass(frozen=True, slots=True)
class Endings:
    """The marks of one service, by (tenant, subject): a bilan, or a retention agreement."""

    table: type[EndedRow]
    now: Callable[[], datetime] = utc_now

    async def hold_open(self, session: AsyncSession, tenant: str, subject: str) -> bool:
        """Keep the subject from ending before this transaction does; False: it has ended.

        Whoever is about to write under the subject's key asks this first.
        """
        # SQLite needs no lock: every transaction is alone there.
        await _lock(session, _HOLD, tenant, subject)
        return await self._find(session, tenant, subject) is None

    async def close(self, session: AsyncSession, tenant: str, subject: str) -> None:
        """Wait for everybody who holds the subject open, and keep others out until the end."""
        await _lock(session, _CLOSE, tenant, subject)

    async def mark(
        self, session: AsyncSession, tenant: str, subject: str, gone: Mapping[str, int]
    ) -> dict[str, int]:
        """Remember that the subject ended; returns all that was ever destroyed of it."""
        row = await self._find(session, tenant, subject)
        if row is None:
            row = self.table()
            row.tenant, row.digest = tenant, _digest(tenant, subject)
            row.ended_at, row.counts = self.now(), dict(gone)
            session.add(row)
        elif any(gone.values()):
            row.counts = {name: row.counts.get(name, 0) + number for name, number in gone.items()}
        await session.flush()
        return dict(row.counts)

    async def _find(self, session: AsyncSession, tenant: str, subject: str) -> EndedRow | None:
        table = self.table
        return await session.scalar(
            select(table).where(table.tenant == tenant, table.digest == _digest(tenant, subject))
        )


async def _lock(session: AsyncSession, how: TextClause, tenant: str, subject: str) -> None:
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(_digest(tenant, subject)[:8], signed=True)
        await session.execute(how, {"number": number})


def _digest(tenant: str, subject: str) -> bytes:
    return sha256(f"ended|{tenant}|{subject}".encode()).digest()
