"""The verbs of retention agreements: ask, answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.service import Bilans
from gateway.events.service import EventKind, Events
from gateway.problems import RetentionRefused
from gateway.retention.rules import RetentionReason, RetentionScope, refusal
from gateway.shares import store
from gateway.shares.answering import Answering, Asking
from gateway.shares.rules import Answer, AnswerStatus
from gateway.shares.service import end_of
from gateway.tables import RetentionAgreement
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.identifiers import new_id


@dataclass(frozen=True, slots=True)
class RetentionAsked:
    """What is to be kept, why and until when."""

    bilan: str
    scope: RetentionScope
    reason: RetentionReason
    until: date
    asking: Asking


@dataclass(frozen=True, slots=True)
class Retentions:
    """The verbs of retention agreements."""

    bilans: Bilans
    answering: Answering[RetentionAgreement]
    now: Callable[[], datetime] = utc_now

    @staticmethod
    def questions(bilans: Bilans, events: Events) -> Answering[RetentionAgreement]:
        """Return the verbs on the questions themselves."""
        told = {
            AnswerStatus.AWAITING: EventKind.RETENTION_REQUESTED,
            AnswerStatus.AGREED: EventKind.RETENTION_AGREED,
            AnswerStatus.REFUSED: EventKind.RETENTION_REFUSED,
            AnswerStatus.ENDED: EventKind.RETENTION_ENDED,
        }
        return Answering(bilans, events, RetentionAgreement, told)

    async def ask(
        self, session: AsyncSession, caller: Caller, asked: RetentionAsked
    ) -> RetentionAgreement:
        """Put to the person what is to be kept after the end of their bilan.

        Raises:
            NotFound: the bilan is not one of the tenant's.
            RetentionRefused: the law keeps nothing for this reason, or not for so long.
            AttestationIncomplete, CounsellorNeeded, SecrecyNoticeNeeded: as `Answering.ask` says.
            BilanNotOpen: the bilan is closed, and nothing of it is left to be kept.
        """
        bilan = await self.bilans.find(session, caller.tenant, asked.bilan)
        ends_on = date.fromisoformat(bilan.ends_on)
        why_not = refusal(asked.scope, asked.reason, asked.until, ends_on=ends_on)
        if why_not is not None:
            raise RetentionRefused(why_not)
        row = RetentionAgreement(
            tenant=caller.tenant,
            id=new_id("agr"),
            beneficiary=bilan.beneficiary,
            bilan=bilan.id,
            scope=str(asked.scope),
            reason=str(asked.reason),
            ends_at=end_of(asked.until),
        )
        await self.answering.ask(session, caller, bilan, row, asked.asking)
        # Now that its row points at the bilan: a closing waits for it, or was waited for.
        await self.bilans.require_unclosed(session, bilan)
        return row

    async def find(
        self, session: AsyncSession, tenant: str, agreement_id: str
    ) -> RetentionAgreement:
        """Return one of the tenant's, or raise `NotFound`."""
        return await self.answering.find(session, tenant, agreement_id)

    async def page(
        self,
        session: AsyncSession,
        tenant: str,
        *,
        beneficiary: str | None,
        after: str | None,
        limit: int,
    ) -> Sequence[RetentionAgreement]:
        """Return agreements in the order of creation, one more than the page holds."""
        return await store.page(
            session,
            RetentionAgreement,
            tenant,
            beneficiary=beneficiary,
            after=after,
            limit=limit,
        )

    async def of_beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> Sequence[RetentionAgreement]:
        """Return every one of a person, oldest first, for their own page."""
        return await self.answering.of_beneficiary(session, tenant, beneficiary)

    async def agree(
        self, session: AsyncSession, tenant: str, beneficiary: str, agreement_id: str
    ) -> RetentionAgreement:
        """Let the person agree, on their own page (raises `NotFound`, `AnswerState`)."""
        return await self.answering.answer(
            session, tenant, agreement_id, Answer.AGREE, beneficiary=beneficiary
        )

    async def refuse(
        self, session: AsyncSession, tenant: str, beneficiary: str, agreement_id: str
    ) -> RetentionAgreement:
        """Let the person refuse, on their own page (raises `NotFound`, `AnswerState`)."""
        return await self.answering.answer(
            session, tenant, agreement_id, Answer.REFUSE, beneficiary=beneficiary
        )

    async def end(
        self,
        session: AsyncSession,
        tenant: str,
        agreement_id: str,
        *,
        beneficiary: str | None = None,
    ) -> RetentionAgreement:
        """End one at once; without `beneficiary` the centre does (`NotFound`, `AnswerState`)."""
        return await self.answering.answer(
            session, tenant, agreement_id, Answer.END, beneficiary=beneficiary
        )

    def status(self, row: RetentionAgreement) -> AnswerStatus:
        """Return where one stands as of now."""
        return self.answering.status(row)
