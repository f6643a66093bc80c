"""Rows of what witnesses said: a cosignature for each size that one of them cosigned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import LogCosignature


@dataclass(frozen=True, slots=True)
class Kept:
    """A cosignature with the checkpoint that it is of."""

    generation: int
    size: int
    witness: str
    checkpoint: str
    line: str
    cosigned_at: datetime


async def keep(session: AsyncSession, kept: Kept) -> None:
    """Keep a cosignature; one that the same witness gave earlier for the size gives way."""
    same = (
        LogCosignature.generation == kept.generation,
        LogCosignature.size == kept.size,
        LogCosignature.witness == kept.witness,
    )
    await session.execute(delete(LogCosignature).where(*same))
    session.add(
        LogCosignature(
            generation=kept.generation,
            size=kept.size,
            witness=kept.witness,
            checkpoint=kept.checkpoint,
            line=kept.line,
            cosigned_at=kept.cosigned_at,
        )
    )
    await session.flush()


async def lines(
    session: AsyncSession, generation: int, size: int, witnesses: Sequence[str]
) -> list[str]:
    """Return the signature lines of witnesses for one size, in the order of their names."""
    found = await session.scalars(
        select(LogCosignature.line)
        .where(
            LogCosignature.generation == generation,
            LogCosignature.size == size,
            LogCosignature.witness.in_(witnesses),
        )
        .order_by(LogCosignature.witness)
    )
    return list(found)


async def newest_with(
    session: AsyncSession, generation: int, witnesses: Sequence[str], quorum: int
) -> tuple[int, str] | None:
    """Return the largest size that enough witnesses cosigned, and its checkpoint."""
    found = await session.execute(
        select(LogCosignature.size, func.max(LogCosignature.checkpoint))
        .where(LogCosignature.generation == generation, LogCosignature.witness.in_(witnesses))
        .group_by(LogCosignature.size)
        .having(func.count() >= quorum)
        .order_by(LogCosignature.size.desc())
        .limit(1)
    )
    row = found.first()
    return None if row is None else (row[0], row[1])


async def standing(session: AsyncSession, generation: int) -> dict[str, tuple[int, datetime]]:
    """Return the largest size that each witness cosigned of a generation, and when."""
    found = await session.execute(
        select(
            LogCosignature.witness,
            func.max(LogCosignature.size),
            func.max(LogCosignature.cosigned_at),
        )
        .where(LogCosignature.generation == generation)
        .group_by(LogCosignature.witness)
    )
    return {witness: (size, at) for witness, size, at in found}


async def forget(
    session: AsyncSession, generation: int, *, before: datetime, but: int | None
) -> None:
    """Let go of cosignatures from before an instant: not of a witness's largest size, nor of `but`.

    Whoever wants to hold on to what was cosigned keeps the checkpoint with its lines.
    """
    for witness, (size, _) in (await standing(session, generation)).items():
        await session.execute(
            delete(LogCosignature).where(
                LogCosignature.generation == generation,
                LogCosignature.witness == witness,
                LogCosignature.size < size,
                LogCosignature.size != (-1 if but is None else but),
                LogCosignature.cosigned_at < before,
            )
        )
