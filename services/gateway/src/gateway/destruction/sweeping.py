"""The gateway's own rows of a bilan or a person: what each table holds of them, and how it goes.

Most of it is read off the tables themselves: a row that names the person, one of their bilans or
one of their consents in a column of that name goes with them, also in a table that is added
tomorrow. What is told apart by something else is said here, table by table; a test walks the tables
and fails for one that nobody thought of.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, Table, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.retention.rules import RetentionScope
from gateway.shares.rules import AnswerStatus
from gateway.tables import (
    Base,
    Consent,
    ContentKey,
    Convention,
    Delivery,
    Door,
    DueDelivery,
    Event,
    IdempotentAnswer,
    Incident,
    PageSession,
    PersonalCode,
    PersonalLink,
    RecordKey,
    Report,
    Run,
    Share,
    Tenant,
)
from gateway.tables import Document as DocumentRow
from keel.clock import utc_now
from keel.sealing import CannotUnseal, unseal
from keel.tenancy import TenantOwned

NAMED_BY = ("beneficiary", "bilan", "consent")
"""Columns that say whose a row is."""

OTHERWISE: Mapping[str, str] = {
    "incidents": "kept without the bilan: the centre's register outlives it (GDPR 33(5))",
    "records": "emptied with their key, and kept: their leaves are in the log",
    "refusal_counts": "by consent or bilan, whichever `subject` names",
    "idempotent_answers": "blanked, and kept for their day: the key stays used",
}
"""Tables with such a column whose rows do not simply go."""

NOBODYS: Mapping[str, str] = {
    "api_keys": "of clients",
    "clients": "of the tenant's software",
    "content_keys": "by bilan: destroyed one by one",
    "counsellors": "other people, who are not erased here",
    "deliveries": "with the events that they carry",
    "destruction_steps": "counts",
    "destructions": "what proves the destruction, and keeps late writers out",
    "doors": "with the links, sessions and ceremonies that they open",
    "due_deliveries": "with the events that they carry",
    "due_destructions": "the queue of destructions",
    "due_runs": "counts",
    "events": "those that name the person, a bilan or a consent among their ids",
    "legal_holds": "of the tenant",
    "log_entries": "commitments, which nobody can open without the key",
    "log_outbox": "commitments",
    "log_state": "of the log",
    "log_tiles": "of the log",
    "qualifications": "of counsellors",
    "quotas": "of the tenant",
    "record_keys": "by person: destroyed one by one",
    "retention_runs": "counts",
    "recorded_versions": "of the installation and its tenants",
    "revoked_tokens": "of clients",
    "secrecy_acceptances": "of counsellors",
    "tenants": "of the platform",
    "usages": "of the tenant",
    "used_assertions": "of clients",
    "webhook_endpoints": "of the tenant's software",
}
"""Tables without such a column, and why nothing of a person is left in them."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose rows: the person, their bilans and their consents, as ids of one tenant."""

    tenant: str
    person: str
    bilans: tuple[str, ...]
    consents: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Return every id that names them."""
        return (self.person, *self.bilans, *self.consents)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the person's agreements keep of a bilan: its documents or not, and these reports."""

    documents: bool = False
    reports: frozenset[str] = frozenset()


NOTHING = Kept()


def _owned() -> Sequence[type[TenantOwned]]:
    """Return the tables of tenants, those that are pointed at last."""
    order = {table: place for place, table in enumerate(Base.metadata.sorted_tables)}
    owned = [m for m in Base.registry.mappers if issubclass(m.class_, TenantOwned)]
    by_place = sorted(owned, key=lambda mapper: order[_table(mapper.class_)], reverse=True)
    return [mapper.class_ for mapper in by_place]


def _table(row: type[Any]) -> Table:
    found: Table = row.__table__
    return found


def _theirs(row: type[Any], subject: Subject) -> ColumnElement[bool] | None:
    """Return the condition on the rows of a table that name the subject; None: it names nobody."""
    ids = {"beneficiary": (subject.person,), "bilan": subject.bilans, "consent": subject.consents}
    found = [
        getattr(row, name).in_(ids[name])
        for name in NAMED_BY
        if name in _table(row).c and ids[name]
    ]
    if _table(row).name == "refusal_counts":
        found.append(row.subject.in_((*subject.consents, *subject.bilans)))
    if _table(row).name == "beneficiaries":
        found.append(row.id == subject.person)
    if _table(row).name == "bilans" and subject.bilans:
        found.append(row.id.in_(subject.bilans))
    return (row.tenant == subject.tenant) & or_(*found) if found else None


async def _delete(session: AsyncSession, row: type[Any], *conditions: ColumnElement[bool]) -> int:
    gone = await session.execute(delete(row).where(*conditions).returning(row.tenant))
    return len(gone.all())


async def _count(session: AsyncSession, row: type[Any], *conditions: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(row).where(*conditions)
    return int(await session.scalar(counted) or 0)


async def shut_doors(session: AsyncSession, subject: Subject) -> None:
    """End every link and session of a person at once, and the doors that they opened."""
    for row, secret in (
        (PersonalLink, PersonalLink.secret_sha256),
        (PageSession, PageSession.token_sha256),
        (Consent, Consent.ceremony_sha256),
    ):
        whose = row.tenant == subject.tenant, row.beneficiary == subject.person
        secrets = (await session.scalars(select(secret).where(*whose))).all()
        await session.execute(delete(Door).where(Door.key_sha256.in_(secrets)))
    for gone in (PersonalLink, PageSession):
        await session.execute(
            delete(gone).where(gone.tenant == subject.tenant, gone.beneficiary == subject.person)
        )


async def _remember_codes(session: AsyncSession, subject: Subject) -> None:
    """Let the spaces of the centre's other people stay shut without a code, as they were.

    That codes were ever sent is read off the rows of codes, and those of the person go.
    """
    sent = select(PersonalCode.id).where(
        PersonalCode.tenant == subject.tenant,
        PersonalCode.beneficiary == subject.person,
        PersonalCode.consent.is_(None),
    )
    if await session.scalar(sent.limit(1)) is not None:
        await session.execute(
            update(Tenant).where(Tenant.id == subject.tenant).values(codes_were_sent=True)
        )


async def content_of_bilan(
    session: AsyncSession, tenant: str, bilan: str, *, kept: Kept = NOTHING
) -> dict[str, int]:
    """Destroy what the gateway holds of a bilan's content; returns how much that was.

    What is kept is still found by its id; it rests in the services, under another key.
    The frame stays: dates, phases, minutes, and that there was a convention.
    """
    found = {
        "keys": await _delete(
            session, ContentKey, ContentKey.tenant == tenant, ContentKey.subject == bilan
        ),
        "runs": await _of_bilan(session, Run, tenant, bilan),
        "documents": 0 if kept.documents else await _of_bilan(session, DocumentRow, tenant, bilan),
        "reports": await _delete(session, Report, *_reports(tenant, bilan, kept)),
    }
    emptied = await session.execute(
        update(Convention)
        .where(Convention.tenant == tenant, Convention.bilan == bilan, Convention.terms != b"")
        .values(terms=b"")
        .returning(Convention.id)
    )
    answers = await session.execute(
        update(IdempotentAnswer)
        .where(
            IdempotentAnswer.tenant == tenant,
            IdempotentAnswer.subject == bilan,
            IdempotentAnswer.answer.is_not(None),
            IdempotentAnswer.answer != b"",
        )
        .values(answer=b"")
        .returning(IdempotentAnswer.key)
    )
    if not kept.reports:
        await _end_shares(session, tenant, bilan)
    return {**found, "conventions": len(emptied.all()), "answers": len(answers.all())}


def _reports(tenant: str, bilan: str, kept: Kept) -> tuple[ColumnElement[bool], ...]:
    return Report.tenant == tenant, Report.bilan == bilan, Report.id.not_in(sorted(kept.reports))


async def _of_bilan(session: AsyncSession, row: type[Any], tenant: str, bilan: str) -> int:
    return await _delete(session, row, row.tenant == tenant, row.bilan == bilan)


async def _end_shares(session: AsyncSession, tenant: str, bilan: str) -> None:
    """Forget to whom a document went that is no more; nothing of it is handed over again.

    What the person refused stays refused.
    """
    of_it = Share.tenant == tenant, Share.bilan == bilan
    await session.execute(update(Share).where(*of_it).values(recipient_name=None))
    live = Share.status.in_((str(AnswerStatus.AWAITING), str(AnswerStatus.AGREED)))
    await session.execute(
        update(Share).where(*of_it, live).values(status=str(AnswerStatus.ENDED), ended_at=utc_now())
    )


async def content_left(
    session: AsyncSession, tenant: str, bilan: str, *, kept: Kept = NOTHING
) -> int:
    """Count what is left of a bilan's content in the gateway's own tables (LR-A16)."""
    left = [
        await _count(session, ContentKey, ContentKey.tenant == tenant, ContentKey.subject == bilan),
        await _count(session, Run, Run.tenant == tenant, Run.bilan == bilan),
        await _count(session, Report, *_reports(tenant, bilan, kept)),
        await _count(
            session,
            Convention,
            Convention.tenant == tenant,
            Convention.bilan == bilan,
            Convention.terms != b"",
        ),
        await _count(
            session,
            IdempotentAnswer,
            IdempotentAnswer.tenant == tenant,
            IdempotentAnswer.subject == bilan,
            IdempotentAnswer.answer != b"",
        ),
    ]
    if not kept.documents:
        of_it = DocumentRow.tenant == tenant, DocumentRow.bilan == bilan
        left.append(await _count(session, DocumentRow, *of_it))
    return sum(left)


async def forget_kept(
    session: AsyncSession, tenant: str, bilan: str, *, kept: Collection[str]
) -> dict[str, int]:
    """Forget what an agreement kept of a closed bilan, save for the scopes that others keep."""
    counts = {"documents": 0, "reports": 0}
    if RetentionScope.DOCUMENTS not in kept:
        counts["documents"] = await _of_bilan(session, DocumentRow, tenant, bilan)
    if not kept:  # each scope keeps the signed reports
        counts["reports"] = await _of_bilan(session, Report, tenant, bilan)
        await _end_shares(session, tenant, bilan)
    return counts


async def kept_left(
    session: AsyncSession, tenant: str, bilan: str, *, kept: Collection[str]
) -> int:
    """Count what is left of a closed bilan and kept by nobody (LR-A16)."""
    tables: list[type[Any]] = [] if RetentionScope.DOCUMENTS in kept else [DocumentRow]
    tables += [] if kept else [Report]
    left = [await _count(session, t, t.tenant == tenant, t.bilan == bilan) for t in tables]
    return sum(left)


async def content_of_person(session: AsyncSession, subject: Subject) -> dict[str, int]:
    """Destroy what the gateway holds of a person, save their consents and records.

    Those are the evidence that a legal hold keeps; without one they follow at once.
    """
    counts: dict[str, int] = {}
    for bilan in subject.bilans:
        for name, number in (await content_of_bilan(session, subject.tenant, bilan)).items():
            counts[name] = counts.get(name, 0) + number
    await shut_doors(session, subject)
    await _remember_codes(session, subject)
    counts["events"] = await _events(session, subject)
    await _unname_incidents(session, subject)
    for row in _owned():
        condition = _theirs(row, subject)
        if condition is None or _table(row).name in {*_EVIDENCE, *_STAY}:
            continue
        gone = await _delete(session, row, condition)
        if gone:
            counts[_table(row).name] = counts.get(_table(row).name, 0) + gone
    return counts


_EVIDENCE = ("beneficiaries", "bilans", "consents")
"""What a consent's evidence stands on; it goes with the records."""
_STAY = ("incidents", "records", "idempotent_answers")
"""What stays, and names the person no more."""


async def evidence_of_person(session: AsyncSession, subject: Subject) -> dict[str, int]:
    """Delete the rest: consents, the frames of bilans, the person with the tenant's reference.

    The caller holds the consents and the person, and emptied the records.
    """
    counts = {}
    for row in _owned():
        condition = _theirs(row, subject)
        if condition is None or _table(row).name in _STAY:
            continue
        gone = await _delete(session, row, condition)
        if gone:
            counts[_table(row).name] = gone
    return counts


async def _unname_incidents(session: AsyncSession, subject: Subject) -> None:
    of_them = Incident.tenant == subject.tenant, Incident.bilan.in_(subject.bilans)
    await session.execute(update(Incident).where(*of_them).values(bilan=None))


async def _events(session: AsyncSession, subject: Subject) -> int:
    """Delete the events that name the subject, and what was to be sent of them."""
    query = select(Event.id).where(Event.tenant == subject.tenant, _named(subject))
    events = (await session.scalars(query)).all()
    sent = (await session.scalars(select(Delivery.id).where(Delivery.event.in_(events)))).all()
    await session.execute(delete(Delivery).where(Delivery.id.in_(sent)))
    await session.execute(delete(DueDelivery).where(DueDelivery.delivery.in_(sent)))
    await session.execute(delete(Event).where(Event.id.in_(events)))
    return len(events)


def _named(subject: Subject) -> ColumnElement[bool]:
    """Say that an event names the subject among its ids."""
    text = cast(Event.ids, String)
    return or_(*(text.contains(held, autoescape=True) for held in subject.ids))


async def blank_answers(session: AsyncSession, subject: Subject, tenant_key: bytes) -> int:
    """Blank the answers of the last day that name the subject; their keys stay used.

    Answers about no bilan are sealed under the tenant's key, and only their text tells whom they
    name; a digest of the request goes too.
    """
    blanked = 0
    query = select(IdempotentAnswer).where(IdempotentAnswer.tenant == subject.tenant)
    for row in (await session.scalars(query)).all():
        if _names(row, subject, tenant_key):
            row.subject = row.consent = row.consent_epoch = row.answer = None
            row.request_sha256 = bytes(32)
            blanked += 1
    await session.flush()
    return blanked


def _names(row: IdempotentAnswer, subject: Subject, tenant_key: bytes) -> bool:
    if row.subject in subject.bilans or row.consent in subject.consents:
        return True
    if row.answer is None or row.subject is not None:
        return False
    try:
        context = f"{row.tenant}|{row.scope}|{row.key}"
        answer = json.dumps(json.loads(unseal(tenant_key, row.answer, context)))
    except CannotUnseal:
        return False
    return any(held in answer for held in subject.ids)


async def left(session: AsyncSession, subject: Subject, tenant_key: bytes) -> int:
    """Count what still names the subject in the gateway's own tables (LR-A16)."""
    found = 0
    for row in _owned():
        condition = _theirs(row, subject)
        if condition is not None:
            found += await _count(session, row, condition)
    for keys, ids in ((RecordKey, (subject.person,)), (ContentKey, subject.bilans)):
        found += await _count(session, keys, keys.tenant == subject.tenant, keys.subject.in_(ids))
    found += await _count(session, Event, Event.tenant == subject.tenant, _named(subject))
    answers = select(IdempotentAnswer).where(IdempotentAnswer.tenant == subject.tenant)
    rows = (await session.scalars(answers)).all()
    return found + sum(_names(row, subject, tenant_key) for row in rows)
