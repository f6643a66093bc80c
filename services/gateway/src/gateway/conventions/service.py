"""The verbs of conventions: draft, sign, read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.rules import BilanStatus, Funding, asks_convention, signatures_of
from gateway.bilans.service import Bilans
from gateway.conventions import store
from gateway.conventions.rules import ConventionStatus, Party, date_refusal, status_on
from gateway.problems import (
    BilanNotOpen,
    ConventionNotAsked,
    ConventionState,
    SignatureDate,
)
from gateway.tables import Convention
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import ContentKeys, seal, unseal

_WHY_NOT = {
    Funding.CPF: "For a CPF bilan the terms of Mon Compte Formation stand for the convention "
    "(Code du travail L6353-1).",
    Funding.OTHER: "Only the plan de développement des compétences and the congé de reclassement "
    "ask for a convention with the employer (Code du travail R6313-8).",
}


@dataclass(frozen=True, slots=True)
class Conventions:
    """The verbs of conventions."""

    bilans: Bilans
    content: ContentKeys
    now: Callable[[], datetime] = utc_now

    async def draft(
        self,
        session: AsyncSession,
        tenant: str,
        bilan_id: str,
        *,
        terms: Mapping[str, Any],
        received_on: date,
    ) -> Convention:
        """Keep the draft that the worker received, its terms sealed under the bilan's key.

        Raises:
            ConventionNotAsked: the funding asks for none (LR-A19).
            ConventionState: one is waiting, or was signed.
            BilanNotOpen: the bilan was opened or closed before.
            SignatureDate: it would have been received in the future.
        """
        bilan = await self.bilans.find(session, tenant, bilan_id, locked=True)
        funding = Funding(bilan.funding)
        if not asks_convention(funding):
            raise ConventionNotAsked(_WHY_NOT[funding])
        if bilan.status != BilanStatus.DRAFT:
            raise BilanNotOpen("A convention comes before the bilan opens.")
        if received_on > self.now().date():
            raise SignatureDate("A receipt is recorded once it happened.")
        held = await store.newest(session, tenant, bilan_id)
        if held is not None and self.status(held) is not ConventionStatus.REFUSED:
            raise ConventionState("A convention of this bilan is waiting, or was signed.")
        made = Convention(
            tenant=tenant,
            id=new_id("cvn"),
            bilan=bilan_id,
            received_on=received_on.isoformat(),
            created_at=self.now(),
        )
        made.terms = seal(
            await self.content.obtain(session, tenant, bilan_id),
            json.dumps(dict(terms), ensure_ascii=False).encode(),
            f"{tenant}|{made.id}",
        )
        await store.add(session, made)
        return made

    async def sign(
        self, session: AsyncSession, tenant: str, bilan_id: str, *, party: Party, signed_on: date
    ) -> Convention:
        """Record a signature; the first of a party keeps its date.

        Raises:
            NotFound: the bilan has no convention.
            ConventionState: the worker kept silent for ten days, which is a refusal, or the party
                signed before.
            SignatureDate: the day cannot be that of this signature.
        """
        await self.bilans.find(session, tenant, bilan_id, locked=True)
        held = await store.newest(session, tenant, bilan_id)
        if held is None:
            raise NotFound("This bilan has no convention.")
        if self.status(held) is ConventionStatus.REFUSED:
            raise ConventionState(
                "Ten days without the worker's signature are a refusal. Draw up a new convention."
            )
        column = f"{party}_signed_on"
        if getattr(held, column) is not None:
            raise ConventionState("This party signed before; the first signature keeps its date.")
        refusal = date_refusal(signatures_of(held), party, signed_on, self.now().date())
        if refusal is not None:
            raise SignatureDate(refusal)
        setattr(held, column, signed_on.isoformat())
        await session.flush()
        return held

    async def read(
        self, session: AsyncSession, tenant: str, bilan_id: str
    ) -> tuple[Convention, dict[str, Any]]:
        """Return the newest convention of a bilan and its terms, or raise `NotFound`."""
        await self.bilans.find(session, tenant, bilan_id)
        held = await store.newest(session, tenant, bilan_id)
        if held is None:
            raise NotFound("This bilan has no convention.")
        return held, await self.terms(session, held)

    async def terms(self, session: AsyncSession, held: Convention) -> dict[str, Any]:
        """Return the terms of a convention; `NotFound` once its bilan's key was destroyed."""
        key = await self.content.find(session, held.tenant, held.bilan)
        if key is None:
            raise NotFound("The bilan is closed, and its documents were destroyed.")
        read: dict[str, Any] = json.loads(unseal(key, held.terms, f"{held.tenant}|{held.id}"))
        return read

    def status(self, held: Convention) -> ConventionStatus:
        """Return where a convention stands as of now."""
        return status_on(signatures_of(held), self.now().date())

    def last_day(self, held: Convention) -> date:
        """Return the last day on which the worker can sign."""
        return signatures_of(held).last_day
