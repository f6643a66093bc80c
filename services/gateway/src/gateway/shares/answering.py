"""What a share and a retention agreement have in common: a question, and the person's answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.service import Bilans
from gateway.events.service import EventKind, Events
from gateway.problems import AnswerState, AttestationIncomplete
from gateway.shares import store
from gateway.shares.rules import Answer, AnswerMethod, AnswerStatus, after, status_at
from gateway.tables import Bilan, RetentionAgreement, Share
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.problems import NotFound

Row = TypeVar("Row", Share, RetentionAgreement)


@dataclass(frozen=True, slots=True)
class Asking:
    """How the person is asked: on their page, or they signed and a counsellor attests it."""

    method: AnswerMethod
    document_sha256: str | None


@dataclass(frozen=True, slots=True)
class Answering(Generic[Row]):
    """Verbs on one kind of question."""

    bilans: Bilans
    events: Events
    table: type[Row]
    told: Mapping[AnswerStatus, EventKind]
    now: Callable[[], datetime] = utc_now

    names: ClassVar[dict[str, str]] = {
        "shares": "share",
        "retention_agreements": "retention_agreement",
    }

    async def ask(
        self, session: AsyncSession, caller: Caller, bilan: Bilan, row: Row, asking: Asking
    ) -> None:
        """Insert a question; one that a counsellor attests is agreed to from the start.

        Raises:
            AttestationIncomplete: an attestation without the document's digest, or a digest
                without an attestation.
            BeneficiaryErased: the person was erased.
            CounsellorNeeded, SecrecyNoticeNeeded: nobody but an assigned counsellor attests.
        """
        await self.bilans.people.hold(session, row.tenant, row.beneficiary)
        row.method, row.document_sha256 = str(asking.method), asking.document_sha256
        row.status, row.asked_at = str(AnswerStatus.AWAITING), self.now()
        attested = asking.method is AnswerMethod.SIGNED_DOCUMENT
        if attested is (asking.document_sha256 is None):
            raise AttestationIncomplete(
                "With `signed_document` send the document's `document_sha256`; else none."
            )
        if attested:
            row.attested_by = await self.bilans.require_assigned(session, caller, bilan)
            row.status, row.decided_at = str(AnswerStatus.AGREED), row.asked_at
        await store.add(session, row)
        await self._tell(session, row, AnswerStatus.AWAITING)
        if attested:
            await self._tell(session, row, AnswerStatus.AGREED)

    async def find(self, session: AsyncSession, tenant: str, row_id: str) -> Row:
        """Return one of the tenant's, or raise `NotFound`."""
        found = await store.find(session, self.table, tenant, row_id)
        if found is None:
            raise NotFound
        return found

    async def answer(
        self,
        session: AsyncSession,
        tenant: str,
        row_id: str,
        answer: Answer,
        *,
        beneficiary: str | None = None,
    ) -> Row:
        """Take an answer; `beneficiary` says that the person themselves gives it, on their page.

        Raises:
            NotFound: there is none, or it is another person's.
            AnswerState: it was answered before, or is over.
        """
        row = await store.find(session, self.table, tenant, row_id, locked=True)
        if row is None or beneficiary not in {None, row.beneficiary}:
            raise NotFound
        following = after(self.status(row), answer)
        if following is None:
            raise AnswerState("It was answered before, or is over; the first answer holds.")
        row.status = str(following)
        if following is AnswerStatus.ENDED:
            row.ended_at = self.now()
        else:
            row.decided_at = self.now()
        await session.flush()
        await self._tell(session, row, following)
        return row

    async def of_beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> Sequence[Row]:
        """Return every one of a person, oldest first."""
        return await store.of_beneficiary(session, self.table, tenant, beneficiary)

    def status(self, row: Row) -> AnswerStatus:
        """Return where one stands as of now."""
        return status_at(row.status, row.ends_at, self.now())

    async def _tell(self, session: AsyncSession, row: Row, status: AnswerStatus) -> None:
        ids = {
            self.names[self.table.__tablename__]: row.id,
            "beneficiary": row.beneficiary,
            "bilan": row.bilan,
        }
        await self.events.emit(session, row.tenant, self.told[status], secret=None, **ids)
