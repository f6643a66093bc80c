"""The verbs of shares: ask, answer, hand over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.service import Bilans
from gateway.edge.carrying_out import carried_out
from gateway.events.service import EventKind, Events
from gateway.problems import ReportNotSigned, ShareNotLive, SharePeriod
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.services import REPORTS, About, Services
from gateway.shares import store
from gateway.shares.answering import Answering, Asking
from gateway.shares.rules import Answer, AnswerStatus, RecipientKind
from gateway.tables import Bilan, Report, Share
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.database import Database
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal, unseal

LONGEST = timedelta(days=366)
"""A share is for one hand-over, not for good."""
_CLASSES = {RecipientKind.CEP: "cep", RecipientKind.THIRD_PARTY: "autre"}
"""The recipient's class in a transparency record."""


@dataclass(frozen=True, slots=True)
class ShareAsked:
    """What a person asked to hand over, to whom and until when."""

    report: str
    version: int
    recipient: RecipientKind
    recipient_name: str | None
    requested_on: date
    until: date
    asking: Asking


def end_of(day: date) -> datetime:
    """Return the instant at which a day is over, UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


@dataclass(frozen=True, slots=True)
class Shares:
    """The verbs of shares."""

    database: Database
    services: Services
    bilans: Bilans
    records: Records
    answering: Answering[Share]
    now: Callable[[], datetime] = utc_now

    @staticmethod
    def questions(bilans: Bilans, events: Events) -> Answering[Share]:
        """Return the verbs on the questions themselves."""
        told = {
            AnswerStatus.AWAITING: EventKind.SHARE_REQUESTED,
            AnswerStatus.AGREED: EventKind.SHARE_AGREED,
            AnswerStatus.REFUSED: EventKind.SHARE_REFUSED,
            AnswerStatus.ENDED: EventKind.SHARE_ENDED,
        }
        return Answering(bilans, events, Share, told)

    async def ask(self, caller: Caller, asked: ShareAsked) -> Share:
        """Put a share to the person: the synthesis, one signed version, one recipient.

        Raises:
            NotFound: the report is not one of the tenant's.
            SharePeriod: it ends in the past, or later than a year from now.
            ReportNotSigned: this version is not the one that was signed.
            AttestationIncomplete, CounsellorNeeded, SecrecyNoticeNeeded: as `Answering.ask` says.
        """
        async with self.database.begin(caller.tenant) as session:
            report = await session.get(Report, (caller.tenant, asked.report))
            if report is None:
                raise NotFound
            bilan = await self.bilans.find(session, caller.tenant, report.bilan)
        # The calendar ends on 9999-12-31: only a day that is not too far has an end.
        if asked.until > (self.now() + LONGEST).date() or not (
            self.now() < (ends_at := end_of(asked.until)) <= self.now() + LONGEST
        ):
            raise SharePeriod("`until` is today or later, and within a year.")
        if asked.requested_on > self.now().date():
            raise SharePeriod("The person asked for it on `requested_on`, which is not to come.")
        await self._require_signed(caller, bilan, asked)
        share = Share(
            tenant=caller.tenant,
            id=new_id("shr"),
            beneficiary=bilan.beneficiary,
            bilan=bilan.id,
            report=asked.report,
            version=asked.version,
            recipient=str(asked.recipient),
            requested_on=asked.requested_on.isoformat(),
            ends_at=ends_at,
        )
        async with self.database.begin(caller.tenant) as session:
            if asked.recipient_name is not None:
                key = await self.records.key_of(session, caller.tenant, bilan.beneficiary)
                name = asked.recipient_name.encode()
                share.recipient_name = seal(key, name, f"{caller.tenant}|{share.id}")
            await self.answering.ask(session, caller, bilan, share, asked.asking)
            await carried_out(session)
        return share

    async def _require_signed(self, caller: Caller, bilan: Bilan, asked: ShareAsked) -> None:
        about = About.bilan_of(caller, bilan).to_hand_over()
        found: dict[str, Any] = await self.services.json(
            REPORTS, "read_report", "GET", f"/reports/{asked.report}", about
        )
        if found["signed_at"] is None or found["version"] != asked.version:
            raise ReportNotSigned("Sign the report first; only its signed version is shared.")

    async def find(self, session: AsyncSession, tenant: str, share_id: str) -> Share:
        """Return a share of the tenant, or raise `NotFound`."""
        return await self.answering.find(session, tenant, share_id)

    async def page(
        self,
        session: AsyncSession,
        tenant: str,
        *,
        beneficiary: str | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Share]:
        """Return shares in the order of creation, one more than the page holds."""
        return await store.page(
            session, Share, tenant, beneficiary=beneficiary, after=after, limit=limit
        )

    async def of_beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> Sequence[Share]:
        """Return every share of a person, oldest first, for their own page."""
        return await self.answering.of_beneficiary(session, tenant, beneficiary)

    async def agree(
        self, session: AsyncSession, tenant: str, beneficiary: str, share_id: str
    ) -> Share:
        """Let the person agree, on their own page (raises `NotFound`, `AnswerState`)."""
        return await self.answering.answer(
            session, tenant, share_id, Answer.AGREE, beneficiary=beneficiary
        )

    async def refuse(
        self, session: AsyncSession, tenant: str, beneficiary: str, share_id: str
    ) -> Share:
        """Let the person refuse, on their own page (raises `NotFound`, `AnswerState`)."""
        return await self.answering.answer(
            session, tenant, share_id, Answer.REFUSE, beneficiary=beneficiary
        )

    async def end(
        self, session: AsyncSession, tenant: str, share_id: str, *, beneficiary: str | None = None
    ) -> Share:
        """End a share; without `beneficiary` the centre does (`NotFound`, `AnswerState`)."""
        return await self.answering.answer(
            session, tenant, share_id, Answer.END, beneficiary=beneficiary
        )

    def status(self, share: Share) -> AnswerStatus:
        """Return where a share stands as of now."""
        return self.answering.status(share)

    async def recipient_name(self, session: AsyncSession, share: Share) -> str | None:
        """Return whom a share names; None for the CEP operator, or once the key was destroyed."""
        key = await self.records.keys.find(session, share.tenant, share.beneficiary)
        if share.recipient_name is None or key is None:
            return None
        return unseal(key, share.recipient_name, f"{share.tenant}|{share.id}").decode()

    async def document(self, caller: Caller, share_id: str) -> bytes:
        """Hand the signed PDF over while the share is live, and write that it was shared.

        Raises:
            NotFound: the tenant has no such share.
            ShareNotLive: the person did not agree to it, or it is over.
        """
        async with self.database.begin(caller.tenant) as session:
            share = await self._live(session, caller.tenant, share_id)
            bilan = await self.bilans.find(session, caller.tenant, share.bilan)
        about = About.bilan_of(caller, bilan).to_hand_over()
        path = f"/reports/{share.report}/versions/{share.version}/pdf"
        found = await self.services.call(REPORTS, "read_version", "GET", path, about, timeout=120)
        async with self.database.begin(caller.tenant) as session:
            # Once more, under its lock: what ended while the file was fetched is not handed over.
            await self._live(session, caller.tenant, share_id, locked=True)
            await self.records.write(session, _handed_over(caller, share))
        return found.content

    async def _live(
        self, session: AsyncSession, tenant: str, share_id: str, *, locked: bool = False
    ) -> Share:
        share = await store.find(session, Share, tenant, share_id, locked=locked)
        if share is None:
            raise NotFound
        status = self.status(share)
        if status is not AnswerStatus.AGREED:
            raise ShareNotLive(
                "Only what the person agreed to, and for as long, is handed over.",
                members={"share_status": str(status)},
            )
        return share


def _handed_over(caller: Caller, share: Share) -> Fact:
    return Fact(
        Kind.OUTPUT_SHARED,
        share.tenant,
        {
            "share_consent_record_id": share.id,
            "share_scope": "signed_synthesis",
            "report": share.report,
            "version": share.version,
            "recipient_class": _CLASSES[RecipientKind(share.recipient)],
        },
        beneficiary=share.beneficiary,
        bilan=share.bilan,
        client=caller.client,
        counsellor=caller.counsellor,
    )
