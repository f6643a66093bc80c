"""The verbs of keeping: seal a signed synthesis anew, read it, destroy it when its time has come.

A kept synthesis outlives the content key of its bilan and the anonymizer's vault. Its files hold
the person's own words since they were signed; the text that is read as data is taken from the
JSON file, which holds the same.
"""

import json
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy.ext.asyncio import AsyncSession

from keel.database import Database
from keel.endings import Endings
from keel.problems import NotFound
from keel.sealing import ContentKeys, seal, unseal
from reports.keeping import store
from reports.keeping.rules import KeptObservation, KeptReport, file_context, report_context
from reports.keeping.store import KeptFileRow, KeptReportRow
from reports.rendering.formats import Format
from reports.synthesis.document import Content, Status
from reports.versions import store as versions
from reports.versions.store import ActRow, ReportRow, act_context
from reports.versions.store import file_context as version_file_context

Scope = Literal["synthesis", "documents"]
"""Both keep the signed synthesis; the other documents rest in the anonymizer."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How much is kept, or was destroyed of it."""

    reports: int
    versions: int
    files: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """The verbs of keeping."""

    database: Database
    keys: ContentKeys
    endings: Endings

    async def keep(self, tenant: str, bilan: str, agreement: str) -> Kept:
        """Seal the signed versions of a bilan anew, so that they outlive its key.

        Drafts are not kept. Again, it keeps what is signed by now; once the bilan was destroyed
        it answers what is kept.

        Raises:
            NotFound: the agreement ended.
        """
        async with self.database.begin(tenant) as session:
            await self.endings.close(session, tenant, agreement)
            if not await self.endings.hold_open(session, tenant, agreement):
                raise NotFound("This agreement ended, and nothing is kept under it.")
            if await self.endings.hold_open(session, tenant, bilan):
                key = await self.keys.find(session, tenant, bilan)
                if key is not None:
                    await store.erase(session, tenant, bilan, agreement)
                    await self._seal_anew(session, key, tenant, bilan, agreement)
            return Kept(**await store.count(session, tenant, agreement))

    async def destroy(self, tenant: str, bilan: str, agreement: str) -> Kept:
        """Destroy the agreement's key and rows; again and again without harm, with one answer."""
        async with self.database.begin(tenant) as session:
            await self.endings.close(session, tenant, agreement)
            await self.keys.destroy(session, tenant, agreement)
            gone = await store.erase(session, tenant, bilan, agreement)
            return Kept(**await self.endings.mark(session, tenant, agreement, gone))

    async def _seal_anew(
        self, session: AsyncSession, key: bytes, tenant: str, bilan: str, agreement: str
    ) -> None:
        signed = await versions.signed_reports(session, tenant, bilan)
        if not signed:
            return
        kept = await self.keys.obtain(session, tenant, agreement)
        for row in signed:
            acts = await versions.acts_of(session, row)
            files = {
                file.format: (
                    file,
                    unseal(key, file.sealed, version_file_context(row, row.version, file.format)),
                )
                for file in await versions.files_of(session, row, row.version)
            }
            standing = _standing(key, row, acts, files["json"][1])
            session.add(
                KeptReportRow(
                    tenant=tenant,
                    agreement=agreement,
                    id=row.id,
                    bilan=bilan,
                    sealed=seal(
                        kept,
                        standing.model_dump_json().encode(),
                        report_context(tenant, agreement, row.id),
                    ),
                )
            )
            await session.flush()
            for kind, (file, content) in files.items():
                session.add(
                    KeptFileRow(
                        tenant=tenant,
                        agreement=agreement,
                        report=row.id,
                        version=row.version,
                        format=kind,
                        sha256=file.sha256,
                        size_bytes=file.size_bytes,
                        sealed=seal(
                            kept,
                            content,
                            file_context(tenant, agreement, row.id, row.version, kind),
                        ),
                    )
                )
            await session.flush()


def _standing(key: bytes, row: ReportRow, acts: list[ActRow], as_json: bytes) -> KeptReport:
    if row.signed_at is None:
        raise ValueError("only what was signed is kept")
    return KeptReport(
        kind=row.kind,
        status=cast("Status", row.status),  # only our own words are stored
        version=row.version,
        revision=row.revision,
        digest=json.loads(as_json)["digest"],
        created_at=row.created_at,
        signed_at=row.signed_at,
        content=Content.model_validate(json.loads(as_json)["content"]),
        observations=[
            KeptObservation(
                text=unseal(key, act.sealed, act_context(row, act.number)).decode(),
                at=act.at,
                on_version=act.on_version,
            )
            for act in acts
            if act.act == "observation" and act.sealed is not None
        ],
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A kept report, open, and the rows of its files."""

    row: KeptReportRow
    report: KeptReport
    files: list[KeptFileRow]


@dataclass(frozen=True, slots=True)
class KeptReports:
    """Reading what is kept."""

    keys: ContentKeys

    async def find(
        self, session: AsyncSession, tenant: str, bilan: str, report: str
    ) -> Found | None:
        """Return a kept report; None when none is kept."""
        row = await store.find(session, tenant, bilan, report)
        key = None if row is None else await self.keys.find(session, tenant, row.agreement)
        if row is None or key is None:
            return None
        opened = unseal(key, row.sealed, report_context(tenant, row.agreement, row.id))
        kept = KeptReport.model_validate_json(opened)
        return Found(row, kept, await store.files_of(session, row))

    async def file(
        self, session: AsyncSession, found: Found, version: int, wanted: Format
    ) -> bytes | None:
        """Return a kept file as it was handed over; None when there is none of this version."""
        key = await self.keys.find(session, found.row.tenant, found.row.agreement)
        for file in found.files:
            if key is not None and (file.version, file.format) == (version, wanted):
                context = file_context(
                    file.tenant, file.agreement, file.report, version, file.format
                )
                return unseal(key, file.sealed, context)
        return None
