"""What an operator watches of a gateway: its log, its witnesses, its work, what is to be destroyed.

Each measure looks once, in one short transaction, when somebody asks for `/metrics`. Nothing in a
label is about a person or a tenant.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.background import Background
from gateway.log import verdicts
from gateway.log.copies import Copies
from gateway.log.rules import MINUTE
from gateway.log.service import Log
from gateway.log.verdicts import Verdict
from gateway.tables import DueDestruction, DueRun, LogOutbox, Record, RetentionRun
from gateway.witnesses.service import Witnesses
from keel.clock import utc_now
from keel.database import Database
from keel.metrics import Figure, Measure
from keel.tenancy import enter

_SIZE = "Leaves that the newest checkpoint covers"
_GENERATION = "Which log of this installation grows: more than 1 after a restored backup"
_CHECKPOINT = "The minute of the newest leaf, in Unix seconds"
_WAITING = "Records that wait for their place in the log"
_OLDEST = "How long the oldest of them has waited"
_BEHIND = "Leaves that a witness has not cosigned"
_COSIGNED = "When a witness last cosigned, by its own clock, in Unix seconds"
_COPY = "Whether a place outside the database lacks the newest checkpoint"
_RESTORED = "Whether a witness showed a larger tree under our own signature than the database has"
_AUDITED = "When the log was last audited, in Unix seconds"
_DAMAGED = "Whether that audit found the log damaged"
_DOWN = "For how long a part of the work has been failing; 0: it works"
_DESTROYING = "Destructions that are asked for and not complete, without those on hold"
_OVERDUE = "How long ago the oldest of them was asked for"
_HELD = "Destructions that a legal hold delays"
_DUE_RUN = "When the job of what is due last ran, in Unix seconds"
_DUE_FAILED = "What its last run could not begin"
_RETENTION_RUN = "When the job that empties old records last ran, in Unix seconds"
_RETENTION_FAILED = "Tenants whose old records its last run could not empty"

Now = Callable[[], datetime]


def _age(since: datetime | None, now: Now) -> float:
    return 0.0 if since is None else max(0.0, (now() - since).total_seconds())


async def _oldest_waiting(session: AsyncSession) -> datetime | None:
    first = select(LogOutbox.tenant, LogOutbox.record).order_by(LogOutbox.id).limit(1)
    row = (await session.execute(first)).first()
    if row is None:
        return None
    await enter(session, row.tenant)
    query = select(Record.occurred_at).where(Record.tenant == row.tenant, Record.id == row.record)
    found: datetime | None = await session.scalar(query)
    return found


def of_log(database: Database, now: Now = utc_now) -> Measure:
    """Measure the log: its size, and what waits to get in."""

    async def measure() -> list[Figure]:
        async with database.begin() as session:
            log = await Log.newest(session)
            waiting = await session.scalar(select(func.count()).select_from(LogOutbox))
            oldest = await _oldest_waiting(session)
        figures = [
            Figure("passerelle_log_waiting", _WAITING, float(waiting or 0)),
            Figure("passerelle_log_oldest_waiting_seconds", _OLDEST, _age(oldest, now)),
        ]
        if log is not None:
            state = log.generation
            newest = float(state.last_minute * MINUTE)
            figures += [
                Figure("passerelle_log_size", _SIZE, float(state.size)),
                Figure("passerelle_log_generation", _GENERATION, float(state.generation)),
                Figure("passerelle_log_checkpoint_timestamp_seconds", _CHECKPOINT, newest),
            ]
        return figures

    return measure


def of_audits(database: Database) -> Measure:
    """Measure what the last audit of each scope found; one that never ran has no figure."""

    async def measure() -> list[Figure]:
        async with database.begin() as session:
            audits = await verdicts.last(session)
        figures = []
        for audit in audits:
            scope = (("scope", audit.scope),)
            ran_at, damaged = audit.ran_at.timestamp(), audit.verdict == Verdict.DAMAGED
            figures += [
                Figure("passerelle_log_audit_timestamp_seconds", _AUDITED, ran_at, scope),
                Figure("passerelle_log_audit_damaged", _DAMAGED, float(damaged), scope),
            ]
        return figures

    return measure


def of_copies(copies: Copies) -> Measure:
    """Measure whether the copies outside the database hold the newest checkpoint."""

    async def measure() -> list[Figure]:
        places = {"folder": copies.folder, "object_store": copies.remote}
        return [
            Figure("passerelle_log_copy_behind", _COPY, float(place in copies.behind), labels)
            for place, there in places.items()
            if there is not None
            for labels in [(("place", place),)]
        ]

    return measure


def of_witnesses(witnesses: Witnesses) -> Measure:
    """Measure how far the witnesses are behind, by the names that the operator gave them."""

    async def measure() -> list[Figure]:
        async with witnesses.database.begin() as session:
            behind, at = await witnesses.behind_by(session), await witnesses.last_at(session)
        restored = float(witnesses.saw_us_larger)
        return [
            Figure("passerelle_log_restored", _RESTORED, restored),
            *(
                Figure("passerelle_log_witness_behind", _BEHIND, float(by), (("witness", name),))
                for name, by in behind.items()
            ),
            *(
                Figure(
                    "passerelle_log_witness_cosigned_timestamp_seconds",
                    _COSIGNED,
                    0.0 if when is None else when.timestamp(),
                    (("witness", name),),
                )
                for name, when in at.items()
            ),
        ]

    return measure


def of_work(background: Background) -> Measure:
    """Measure what runs beside the answers."""

    async def measure() -> list[Figure]:
        return [
            Figure("passerelle_work_down_seconds", _DOWN, seconds, (("part", name),))
            for name, seconds in background.down_for().items()
        ]

    return measure


def of_destructions(database: Database, now: Now = utc_now) -> Measure:
    """Measure what is to be destroyed, and that the jobs which see to it are seen to run."""
    held = DueDestruction.waits.is_not(None)
    going = select(func.count(), func.min(DueDestruction.since)).where(~held)

    async def measure() -> list[Figure]:
        async with database.begin() as session:
            waiting, oldest = (await session.execute(going)).one()
            delayed = await session.scalar(select(func.count()).where(held))
            due = (await session.scalars(select(DueRun))).all()
            emptied = (await session.scalars(select(RetentionRun))).all()
        figures = [
            Figure("passerelle_destructions_waiting", _DESTROYING, float(waiting)),
            Figure("passerelle_destructions_oldest_seconds", _OVERDUE, _age(oldest, now)),
            Figure("passerelle_destructions_held", _HELD, float(delayed or 0)),
        ]
        for run in due:
            job = (("job", run.job),)
            ran_at = run.ran_at.timestamp()
            figures += [
                Figure("passerelle_due_run_timestamp_seconds", _DUE_RUN, ran_at, job),
                Figure("passerelle_due_run_failed", _DUE_FAILED, float(run.failed), job),
            ]
        for emptying in emptied:
            ran_at = emptying.ran_at.timestamp()
            failed = float(emptying.tenants_failed)
            figures += [
                Figure("passerelle_retention_run_timestamp_seconds", _RETENTION_RUN, ran_at),
                Figure("passerelle_retention_run_tenants_failed", _RETENTION_FAILED, failed),
            ]
        return figures

    return measure
