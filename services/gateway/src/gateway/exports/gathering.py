"""What the gateway itself holds about a person, read in one transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans import store as bilan_store
from gateway.consents.service import Consents
from gateway.contestations.service import Contestations
from gateway.conventions import store as convention_store
from gateway.conventions.service import Conventions
from gateway.exports import store
from gateway.exports.rules import plain
from gateway.people.service import People
from gateway.phases.service import Phases
from gateway.records.service import Records
from gateway.restrictions import store as restriction_store
from gateway.retention.service import Retentions
from gateway.shares.service import Shares
from gateway.tables import Bilan, Document, Report, Run, Tenant
from keel.sealing import ContentKeys, unseal


@dataclass(slots=True)
class Gathered:
    """What was read, and which content has still to be asked for."""

    held: dict[str, Any]
    contents: list[tuple[Bilan, list[Document], list[tuple[Run, Any]], list[Report]]] = field(
        default_factory=list
    )


@dataclass(frozen=True, slots=True)
class Gathering:
    """Reads everything that the gateway's own tables hold about a person."""

    people: People
    consents: Consents
    contestations: Contestations
    conventions: Conventions
    phases: Phases
    shares: Shares
    retentions: Retentions
    records: Records
    content: ContentKeys

    async def of(self, session: AsyncSession, tenant: str, beneficiary: str) -> Gathered:
        """Return what is held, or raise `NotFound`."""
        person = await self.people.beneficiary(session, tenant, beneficiary)
        controller = await session.get(Tenant, tenant)
        bilans = await bilan_store.of_beneficiary(session, tenant, beneficiary)
        rows = await store.records(session, tenant, beneficiary)
        read = await self.records.read_each(session, tenant, rows)
        records = [record for record in read if record is not None]
        gathered = Gathered(
            {
                "controller": None if controller is None else controller.name,
                "beneficiary": {
                    **plain(person, "id", "created_at"),
                    "reference": await self._reference(session, tenant, person),
                },
                "bilans": [await self._bilan(session, bilan) for bilan in bilans],
                "consents": await self._consents(session, tenant, beneficiary),
                "records": records,
                "contestations": await self._contestations(session, tenant, beneficiary),
                "restrictions": await self._restrictions(session, tenant, beneficiary),
                **await self._answers(session, tenant, beneficiary),
            }
        )
        for bilan in bilans:
            gathered.contents.append(await self._content(session, bilan))
        return gathered

    async def _reference(self, session: AsyncSession, tenant: str, person: Any) -> str | None:  # noqa: ANN401
        key = await self.records.keys.find(session, tenant, person.id)
        if key is None or person.reference is None:
            return None
        return unseal(key, person.reference, person.id).decode()

    async def _bilan(self, session: AsyncSession, bilan: Bilan) -> dict[str, Any]:
        agreement = await bilan_store.agreement(session, bilan.tenant, bilan.id)
        story = await self.phases.of(session, bilan.tenant, bilan.id)
        key = await self.content.find(session, bilan.tenant, bilan.id)
        conventions = await convention_store.of_bilan(session, bilan.tenant, bilan.id)
        assigned = await bilan_store.assignments(session, bilan.tenant, bilan.id)
        days = ("received_on", "worker_signed_on", "employer_signed_on", "provider_signed_on")
        return {
            **plain(
                bilan, "id", "status", "funding", "public_service", "planned_minutes",
                "support_minutes", "starts_on", "ends_on", "created_at",
            ),
            "agreement": agreement
            and plain(agreement, "id", "agreed_on", "method", "document_sha256", "recorded_at"),
            "conventions": [
                {
                    **plain(held, "id", *days),
                    "status": str(self.conventions.status(held)),
                    "terms": None if key is None else await self.conventions.terms(session, held),
                }
                for held in conventions
            ],
            "counsellors": [
                plain(one, "counsellor", "assigned_at", "ended_at") for one in assigned
            ],
            "interviews": [
                plain(one, "id", "phase", "held_on", "minutes", "format", "individual")
                for one in story.interviews
            ],
            "phases": [
                plain(one, "phase", "aims", "cosigned_on", "closed_by", "closed_at")
                for one in story.closed
            ],
        }  # fmt: skip

    async def _consents(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> list[dict[str, Any]]:
        rows = await self.consents.of_beneficiary(session, tenant, beneficiary)
        return [
            {
                **plain(
                    row, "id", "bilan", "grants", "notice_version", "notice_sha256",
                    "notice_text", "requested_at", "authorised_at", "expires_at", "ended_at",
                    "end_reason",
                ),
                "status": str(self.consents.status_now(row)),
            }
            for row in rows
        ]  # fmt: skip

    async def _contestations(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> list[dict[str, Any]]:
        rows = await self.contestations.of_beneficiary(session, tenant, beneficiary)
        return [
            {
                **plain(row, "id", "contested", "created_at"),
                "text": await self.contestations.text(session, row),
            }
            for row in rows
        ]

    async def _restrictions(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> list[dict[str, Any]]:
        rows = await restriction_store.of_beneficiary(session, tenant, beneficiary)
        told = ("imposed_at", "imposed_by", "lifted_at", "lifted_by")
        return [plain(row, "id", "kind", "ground", *told) for row in rows]

    async def _answers(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> Mapping[str, Any]:
        shared = await self.shares.of_beneficiary(session, tenant, beneficiary)
        kept = await self.retentions.of_beneficiary(session, tenant, beneficiary)
        common = ("id", "bilan", "method", "asked_at", "decided_at", "ends_at", "ended_at")
        return {
            "shares": [
                {
                    **plain(row, *common, "report", "version", "recipient", "requested_on"),
                    "status": str(self.shares.status(row)),
                    "recipient_name": await self.shares.recipient_name(session, row),
                }
                for row in shared
            ],
            "retention_agreements": [
                {
                    **plain(row, *common, "scope", "reason"),
                    "status": str(self.retentions.status(row)),
                }
                for row in kept
            ],
        }

    async def _content(
        self, session: AsyncSession, bilan: Bilan
    ) -> tuple[Bilan, list[Document], list[tuple[Run, Any]], list[Report]]:
        tenant = bilan.tenant
        key = await self.content.find(session, tenant, bilan.id)
        runs = []
        for run in await store.of_bilan(session, Run, tenant, bilan.id):
            made = None
            if key is not None and run.envelope is not None:
                made = json.loads(unseal(key, run.envelope, f"{tenant}|{run.id}"))
            runs.append((run, made))
        documents = list(await store.of_bilan(session, Document, tenant, bilan.id))
        return bilan, documents, runs, list(await store.of_bilan(session, Report, tenant, bilan.id))
