"""Rows of destructions and their steps, and the platform's queue of those that are not done."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.rules import BilanStatus
from gateway.destruction.rules import DestructionState
from gateway.edge.listing import after_cursor
from gateway.shares.rules import AnswerStatus
from gateway.tables import (
    Bilan,
    Destruction,
    DestructionStep,
    DueDestruction,
    DueRun,
    RetentionAgreement,
)


async def add(
    session: AsyncSession, destruction: Destruction, steps: Sequence[str], *, at: datetime
) -> None:
    """Insert a destruction, its steps, and its place in the queue: due at once."""
    session.add(destruction)
    await session.flush()
    session.add_all(
        DestructionStep(
            tenant=destruction.tenant,
            destruction=destruction.id,
            position=position,
            name=name,
            attempts=0,
        )
        for position, name in enumerate(steps)
    )
    session.add(
        DueDestruction(
            destruction=destruction.id, tenant=destruction.tenant, since=at, failures=0, due_at=at
        )
    )
    await session.flush()


async def find(
    session: AsyncSession, tenant: str, destruction_id: str, *, locked: bool = False
) -> Destruction | None:
    """Return a destruction of the tenant; `locked` keeps two workers from the same step."""
    query = select(Destruction).where(
        Destruction.tenant == tenant, Destruction.id == destruction_id
    )
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(query)


async def of_subject(session: AsyncSession, tenant: str, subject: str) -> Destruction | None:
    """Return the destruction of a bilan, a person or an agreement: there is one at most."""
    query = select(Destruction).where(Destruction.tenant == tenant, Destruction.subject == subject)
    return await session.scalar(query)


async def page(
    session: AsyncSession,
    tenant: str,
    *,
    beneficiary: str | None,
    state: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Destruction]:
    """Return destructions in the order of their beginning, one more than the page holds."""
    query = select(Destruction).where(Destruction.tenant == tenant)
    if beneficiary is not None:
        query = query.where(
            or_(Destruction.person == beneficiary, Destruction.subject == beneficiary)
        )
    if state is not None:
        query = query.where(Destruction.state == state)
    return (await session.scalars(after_cursor(query, Destruction.id, after, limit))).all()


async def steps_of(
    session: AsyncSession, tenant: str, destructions: Sequence[str]
) -> Sequence[DestructionStep]:
    """Return the steps of destructions, each in their order."""
    query = (
        select(DestructionStep)
        .where(DestructionStep.tenant == tenant, DestructionStep.destruction.in_(destructions))
        .order_by(DestructionStep.destruction, DestructionStep.position)
    )
    return (await session.scalars(query)).all()


async def unfinished_of(session: AsyncSession, tenant: str, person: str) -> Sequence[Destruction]:
    """Return the destructions of a person's bilans that are not done, locked in their order."""
    query = (
        select(Destruction)
        .where(
            Destruction.tenant == tenant,
            Destruction.person == person,
            Destruction.state == str(DestructionState.UNDER_WAY),
        )
        .order_by(Destruction.id)
        .with_for_update()
    )
    return (await session.scalars(query)).all()


async def forget_person(session: AsyncSession, tenant: str, person: str) -> None:
    """Let what was destroyed before an erasure tell no longer whose it was."""
    await session.execute(
        update(Destruction)
        .where(Destruction.tenant == tenant, Destruction.person == person)
        .values(person=None)
    )


async def others_at_work(session: AsyncSession, tenant: str, person: str, but: str) -> int:
    """Count the destructions of a person that are still in the queue, one excepted."""
    ids = select(Destruction.id).where(
        Destruction.tenant == tenant, Destruction.person == person, Destruction.id != but
    )
    query = select(func.count()).select_from(DueDestruction)
    return int(await session.scalar(query.where(DueDestruction.destruction.in_(ids))) or 0)


async def lease(
    session: AsyncSession, *, at: datetime, until: datetime, holder: str, limit: int
) -> Sequence[DueDestruction]:
    """Take what is due until an instant; what another worker is taking now is passed over."""
    query = (
        select(DueDestruction)
        .where(
            DueDestruction.due_at <= at,
            or_(DueDestruction.leased_until.is_(None), DueDestruction.leased_until <= at),
        )
        .order_by(DueDestruction.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (await session.scalars(query)).all()
    for due in taken:
        due.holder, due.leased_until = holder, until
    await session.flush()
    return taken


async def let_go_of_leases(session: AsyncSession) -> None:
    """Make everything free that somebody took and never brought back."""
    await session.execute(update(DueDestruction).values(leased_until=None, holder=None))


async def renew(session: AsyncSession, destruction: str, holder: str, until: datetime) -> None:
    """Keep what is still one's own for longer."""
    await session.execute(
        update(DueDestruction)
        .where(DueDestruction.destruction == destruction, DueDestruction.holder == holder)
        .values(leased_until=until)
    )


async def held_place(session: AsyncSession, destruction: str, holder: str) -> DueDestruction | None:
    """Return the place in the queue, locked, while it is still this worker's."""
    place = await session.get(
        DueDestruction, destruction, with_for_update=True, populate_existing=True
    )
    return place if place is not None and place.holder == holder else None


async def goes_on(session: AsyncSession, destruction: str) -> None:
    """Say that a destruction waits for nothing any more: what was held is due as every other."""
    await session.execute(
        update(DueDestruction)
        .where(DueDestruction.destruction == destruction, DueDestruction.waits.is_not(None))
        .values(waits=None)
    )


async def take_out(session: AsyncSession, destruction: str) -> None:
    """Take a destruction out of the queue."""
    await session.execute(delete(DueDestruction).where(DueDestruction.destruction == destruction))


async def queue(session: AsyncSession) -> Sequence[DueDestruction]:
    """Return what is not done on the whole platform, the oldest first."""
    return (await session.scalars(select(DueDestruction).order_by(DueDestruction.since))).all()


async def bilans_over(session: AsyncSession, tenant: str, last: str) -> Sequence[str]:
    """Return the bilans that end on `last` or before and are not closed.

    All of them: those that the person restricted stay due, and must not stand before the others.
    """
    query = (
        select(Bilan.id)
        .where(
            Bilan.tenant == tenant,
            Bilan.status != str(BilanStatus.CLOSED),
            Bilan.ends_on <= last,
        )
        .order_by(Bilan.ends_on, Bilan.id)
    )
    return (await session.scalars(query)).all()


async def kept_by(session: AsyncSession, tenant: str) -> Sequence[tuple[RetentionAgreement, str]]:
    """Return the agreements that keep something of a closed bilan, with its last day."""
    ended = (
        select(Destruction.id)
        .where(Destruction.tenant == tenant, Destruction.subject == RetentionAgreement.id)
        .exists()
    )
    done = (
        select(Destruction.id)
        .where(
            Destruction.tenant == tenant,
            Destruction.subject == RetentionAgreement.bilan,
            Destruction.state == str(DestructionState.DONE),
        )
        .exists()
    )
    query = (
        select(RetentionAgreement, Bilan.ends_on)
        .join(
            Bilan,
            (Bilan.tenant == RetentionAgreement.tenant) & (Bilan.id == RetentionAgreement.bilan),
        )
        .where(
            RetentionAgreement.tenant == tenant,
            RetentionAgreement.status.in_((str(AnswerStatus.AGREED), str(AnswerStatus.ENDED))),
            RetentionAgreement.decided_at.is_not(None),
            done,
            ~ended,
        )
        .order_by(RetentionAgreement.id)
    )
    return [(row, ends_on) for row, ends_on in await session.execute(query)]


async def note_round(session: AsyncSession, job: str, *, at: datetime, **seen: int) -> None:
    """Write down that the job ran, and what it saw."""
    run = await session.get(DueRun, job, with_for_update=True)
    if run is None:
        session.add(DueRun(job=job, ran_at=at, **seen))
        return
    run.ran_at = at
    for name, number in seen.items():
        setattr(run, name, number)


async def bilans_of(session: AsyncSession, tenant: str, person: str) -> Sequence[Bilan]:
    """Return every bilan of a person, locked in the order of ids."""
    query = (
        select(Bilan)
        .where(Bilan.tenant == tenant, Bilan.beneficiary == person)
        .order_by(Bilan.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).all()


async def agreements_of(
    session: AsyncSession, tenant: str, *, locked: bool = False, **whose: str
) -> Sequence[RetentionAgreement]:
    """Return the retention agreements of a `beneficiary` or a `bilan`, oldest first."""
    query = select(RetentionAgreement).where(RetentionAgreement.tenant == tenant)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query.filter_by(**whose).order_by(RetentionAgreement.id))).all()
