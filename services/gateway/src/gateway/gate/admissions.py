"""Passes for what is done on a person's data beside a model (architecture, section 2, "A pass").

Intake, computed runs, restoration, reports, plans: one transaction checks that the ground still
holds and mints the pass of the one call that comes right after it, so that a restriction or a
closing placed in the middle of a run stops its next step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.rules import BilanStatus
from gateway.bilans.service import Bilans
from gateway.consents import store as consent_store
from gateway.consents.rules import special_granted
from gateway.records.rules import Actor, Fact, Kind
from gateway.records.service import Records
from gateway.retention.keeping import require_kept
from gateway.retention.rules import RetentionScope
from gateway.services import About, Ground
from gateway.tables import Bilan
from keel.clock import utc_now
from keel.database import Database
from keel.passes import PassMint
from keel.tokens import Signer

_READS = {
    "restore": "bilan_text",
    "read_pseudonymised": "document_text",
    "read_outline": "document_outline",
    "read_findings": "document_findings",
    "read_version": "report_version",
}
"""Operations by which content of a bilan comes to somebody's eyes, by the class of such a read. At
rest there is pseudonymised text: whatever is read in the person's own words passes `restore`."""


_MASKS = frozenset(
    ("pseudonymise", "pseudonymise_value", "pseudonymise_messages", "intake_document")
)
"""Operations that read raw text: their pass tells which special categories may stay in it."""


@dataclass(frozen=True, slots=True)
class Admissions:
    """Lets inside calls out, one at a time."""

    database: Database
    bilans: Bilans
    records: Records
    key: Signer
    now: Callable[[], datetime] = utc_now

    async def admit(self, service: str, operation: str, about: About) -> str:
        """Return the pass of one call.

        Raises:
            NotFound, CounsellorNeeded, SecrecyNoticeNeeded, BilanNotOpen, ProcessingRestricted: as
                `Bilans.open_for` says.
        """
        if about.bilan is None:  # reference data: nobody's
            return self._mint(service, operation, about, None)
        async with self.database.begin(about.tenant) as session:
            if about.ground is not Ground.WORK:
                bilan = await self.bilans.find(session, about.tenant, about.bilan)
                await self._require_reader(session, about, bilan)
                if about.ground is Ground.KEPT:
                    await self._require_kept(session, about, bilan)
                if about.ground is Ground.HANDOVER:
                    await self._require_handed_over(session, bilan)
            else:
                bilan = await self.bilans.open_for(session, about.caller, about.bilan)
            if operation in _READS and not about.recorded:
                await self._record_reading(session, about, bilan, operation)
            allowed = await self._special_allowed(session, bilan) if operation in _MASKS else ()
            return self._mint(service, operation, about, bilan, allowed)

    async def _special_allowed(self, session: AsyncSession, bilan: Bilan) -> tuple[str, ...]:
        """Return the special categories to which the person's explicit consent is live.

        It lets statements stay in the text and permits no use of it: the gate asks for consent to
        each category that a text holds, whenever a model is to read it. An objection stands in
        the way as a withdrawal does.
        """
        stopped = await self.bilans.people.stopped(
            session, bilan.tenant, bilan.beneficiary, ai=True
        )
        if stopped is not None:
            return ()
        grants = await consent_store.grants_that_stand(
            session, bilan.tenant, bilan.id, at=self.now()
        )
        return special_granted(grants)

    async def _require_reader(self, session: AsyncSession, about: About, bilan: Bilan) -> None:
        """Let a copy of somebody's data out to them, on their own page, or to their counsellor.

        It holds what LR-A04 keeps to these two: a centre's software gets it for an assigned
        counsellor only. A share needs none: the person named who reads.
        """
        if about.ground is Ground.OWN_DATA and about.caller.client:
            await self.bilans.require_assigned(session, about.caller, bilan)

    async def _record_reading(
        self, session: AsyncSession, about: About, bilan: Bilan, operation: str
    ) -> None:
        """Write down who reads content of a bilan, and what for (LR-A21).

        Here, because nobody reads content without a pass, and in this transaction, because a pass
        that nobody wrote down must not be minted. It costs what one more record costs: two inserts,
        and a commit that has to reach the disk where there was none to write before. A run, a copy
        of one's data and a share pay nothing: they leave records of their own.
        """
        body = {"query_class": _READS[operation], "access_purpose": str(about.ground)}
        fact = Fact(
            Kind.LOG_ACCESSED,
            about.tenant,
            body,
            beneficiary=bilan.beneficiary,
            bilan=bilan.id,
            client=about.caller.client or None,
            counsellor=about.caller.counsellor,
            actor=None if about.caller.client else Actor.BENEFICIARY,
        )
        await self.records.write(session, fact)

    async def _require_kept(self, session: AsyncSession, about: About, bilan: Bilan) -> None:
        """Let out what the person agreed to keep, to their counsellor (R6313-7)."""
        await self.bilans.require_assigned(session, about.caller, bilan)
        await self.bilans.people.require_unrestricted(
            session, about.tenant, bilan.beneficiary, ai=False
        )
        await require_kept(session, bilan, *RetentionScope)

    async def _require_handed_over(self, session: AsyncSession, bilan: Bilan) -> None:
        """Let out what the person shares; of a closed bilan, while they let it be kept."""
        await self.bilans.people.require_unrestricted(
            session, bilan.tenant, bilan.beneficiary, ai=False
        )
        if bilan.status == BilanStatus.CLOSED:
            await require_kept(session, bilan, *RetentionScope)

    def _mint(
        self,
        service: str,
        operation: str,
        about: About,
        bilan: Bilan | None,
        data_categories: tuple[str, ...] = (),
    ) -> str:
        return PassMint(self.key).mint(
            service,
            operation,
            tenant=about.tenant,
            beneficiary=None if bilan is None else bilan.beneficiary,
            bilan=None if bilan is None else bilan.id,
            client=about.caller.client or None,
            counsellor=about.caller.counsellor,
            data_categories=data_categories,
        )
