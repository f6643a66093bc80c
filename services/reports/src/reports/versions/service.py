"""The verbs of a report: draft, edit, review, sign, submit, observe, agree, hand over.

No transaction is open while a document is rendered: SQLite has one connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal, cast

from sqlalchemy.ext.asyncio import AsyncSession

from keel.clock import utc_now
from keel.database import Database
from keel.endings import Endings
from keel.passes import Pass
from keel.problems import NotFound
from keel.sealing import ContentKeys, seal, unseal
from keel.strict_json import canonical
from reports.keeping.rules import KeptReport
from reports.keeping.service import Found, KeptReports
from reports.keeping.store import KeptFileRow
from reports.marking.reading import Mark, marks_in
from reports.marking.rules import document_source_type
from reports.problems import ReportChanged, ReportExists
from reports.rendering.formats import FORMATS, Format
from reports.rendering.press import Press
from reports.synthesis.document import Block, Content, Cover, Report, Signature, Status
from reports.synthesis.materials import DraftRequest
from reports.synthesis.rules import draft
from reports.versions import rules, store
from reports.versions.store import (
    ActRow,
    FileRow,
    ReportRow,
    RevisionRow,
    act_context,
    file_context,
    revision_context,
)

Marks = Mapping[str, Sequence[Mark]]
"""The marks of AI in the files of a version, by their format."""
Step = Literal["submission", "observation", "agreement"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What the beneficiary wrote about a version, word for word."""

    text: str
    at: datetime
    on_version: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A report as it stands: its row, its content, what came after the signature."""

    row: ReportRow
    digest: str
    content: Content
    observations: list[Observation]
    kept: bool = False
    """Whether it outlived its bilan under an agreement, in the person's own words."""

    @property
    def status(self) -> Status:
        """Return where it is in its life cycle."""
        return cast("Status", self.row.status)  # only our own words are stored


@dataclass(frozen=True, slots=True)
class Reports:
    """The verbs, for the holder of one pass."""

    database: Database
    keys: ContentKeys
    endings: Endings
    press: Press
    admitted: Pass
    now: Callable[[], datetime] = utc_now

    async def create(self, request: DraftRequest) -> tuple[Standing, bool]:
        """Draft a report; the second value is False when this very draft was made before.

        Raises:
            ReportExists: the identifier names another report.
            RecordMissing, UnreadableMaterial: the materials cannot be used.
            NotFound: the bilan was destroyed.
        """
        at = self.now()
        asked = sha256(canonical(request.model_dump(mode="json"))).hexdigest()
        content = draft(request, at)
        async with self.database.begin(self.admitted.tenant) as session:
            tenant, bilan = self.admitted.tenant, self.admitted.subject_bilan
            await self._hold_open(session)
            if await store.id_is_taken(session, tenant, request.report_id):
                return await self._same(session, request.report_id, asked), False
            row = ReportRow(
                tenant=tenant,
                id=request.report_id,
                bilan=bilan,
                kind=request.kind,
                status="draft",
                version=1,
                revision=0,
                request_digest=asked,
                created_at=at,
                signed_at=None,
            )
            session.add(row)
            await session.flush()
            await self._write(session, row, content, previous=None)
            return await self._standing(session, row), True

    async def read(self, report: str) -> Standing:
        """Return a report as it stands, or as it is kept after its bilan (raises `NotFound`)."""
        async with self.database.begin(self.admitted.tenant) as session:
            row = await self._find(session, report)
            if row is not None:
                return await self._standing(session, row)
            kept = await self._kept(session, report)
            return _as_kept(kept.row.tenant, kept.row.bilan, report, kept.report)

    async def edit(
        self,
        report: str,
        block_id: str,
        text: str,
        editor: str,
        made_on: Sequence[str] | None = None,
    ) -> tuple[Block, str]:
        """Rewrite a passage, its provenance recomputed; the report's new tag is returned with it.

        `made_on` are the tags of the states that the edit may replace; None: of any.

        Raises:
            NotFound, ReportFrozen, BlockNotEditable: it cannot be rewritten.
            ReportChanged: it is in none of these states.
        """
        async with self._changing(report) as (session, row, content):
            if made_on is not None and tag(await self._standing(session, row)) not in made_on:
                raise ReportChanged("Read the report again, and edit what it says now.")
            block = await self._edited(session, row, rules.find(content, block_id), text, editor)
            await self._replace(session, row, content, block_id, block)
            return block, tag(await self._standing(session, row))

    async def review(
        self,
        report: str,
        block_id: str,
        decision: rules.Decision,
        *,
        reason: str,
        reviewer: str,
        text: str | None = None,
    ) -> Block:
        """Decide about one AI passage; a rejected one leaves the document.

        Raises:
            NotFound, ReportFrozen, NothingToReview: there is nothing to decide.
        """
        async with self._changing(report) as (session, row, content):
            block = rules.find(content, block_id)
            if text is not None and block.is_ai and decision == "accepted_modified":
                block = await self._edited(session, row, block, text, reviewer)
            after = rules.reviewed(block, decision, reason=reason, by=reviewer, at=self.now())
            await self._replace(session, row, content, block_id, after)
            return after or block

    async def sign_off(
        self, report: str, restored: Content, cover: Cover, by: str, name: str
    ) -> tuple[Standing, list[FileRow], Marks]:
        """Sign a version: render it in every format, seal the files, freeze it.

        The marks of AI are read back out of each file; they are returned by its format.

        Raises:
            ReviewMissing, MandatorySectionEmpty: it may not be signed yet.
            ContentDiffers: `restored` is not the draft with its texts restored.
            ReportChanged: somebody changed it while it was rendered.
        """
        before = await self.read(report)
        rules.require_open(before.status)
        rules.require_signable(before.content)
        # The runs behind the draft hold nothing to restore: they are ours, whatever was handed in.
        restored = restored.model_copy(update={"inputs": before.content.inputs})
        rules.require_same_shape(before.content, restored)
        signature = Signature(by=by, name=name, at=self.now())
        signed = _printed(before, restored, status="signed_off", cover=cover, signature=signature)
        files = await self.press.render(signed, FORMATS)
        marks = await asyncio.to_thread(_marks, signed.content, files)
        async with self.database.begin(self.admitted.tenant) as session:
            await self._hold_open(session)
            row = await self._row(session, report, lock=True)
            now = await self._standing(session, row)
            if now.digest != before.digest or now.status != before.status:
                raise ReportChanged("Read the report again, and sign what it says now.")
            row.status, row.signed_at = "signed_off", signature.at
            await self._keep(session, row, files, signature.at)
            kept = await store.files_of(session, row, row.version)
            return await self._standing(session, row), kept, marks

    async def file(self, report: str, version: int, wanted: Format) -> bytes:
        """Return a version in one format: the sealed file once signed, else a draft rendering.

        Raises:
            NotFound: there is no such report or version.
        """
        async with self.database.begin(self.admitted.tenant) as session:
            row = await self._find(session, report)
            if row is None:
                return await self._kept_file(session, report, version, wanted)
            if version != row.version:
                raise NotFound("The report has no such version.")
            for kept in await store.files_of(session, row, version):
                if kept.format == wanted:
                    key = await self._key(session)
                    return unseal(key, kept.sealed, file_context(row, version, wanted))
            standing = await self._standing(session, row)
        files = await self.press.render(_printed(standing, standing.content), [wanted])
        return files[wanted]

    async def files(self, report: str) -> Sequence[FileRow | KeptFileRow]:
        """Return the files of the signed version; none before the signature."""
        async with self.database.begin(self.admitted.tenant) as session:
            row = await self._find(session, report)
            if row is None:
                return (await self._kept(session, report)).files
            return await store.files_of(session, row, row.version)

    async def step(self, report: str, step: Step, text: str | None = None) -> Standing:
        """Submit, observe or agree; what the beneficiary writes is kept word for word.

        Raises:
            WrongStatus: the life cycle does not allow it now.
        """
        async with self.database.begin(self.admitted.tenant) as session:
            await self._hold_open(session)
            row = await self._row(session, report, lock=True)
            before = await self._standing(session, row)
            row.status = rules.after(step, before.status)
            number = len(await store.acts_of(session, row)) + 1
            sealed = None
            if text is not None:
                key = await self._key(session)
                sealed = seal(key, text.encode(), act_context(row, number))
            session.add(
                ActRow(
                    tenant=row.tenant,
                    report=row.id,
                    number=number,
                    act=step,
                    on_version=row.version,
                    digest=before.digest,
                    at=self.now(),
                    sealed=sealed,
                )
            )
            await session.flush()
            return await self._standing(session, row)

    # Inside

    @asynccontextmanager
    async def _changing(
        self, report: str
    ) -> AsyncIterator[tuple[AsyncSession, ReportRow, Content]]:
        async with self.database.begin(self.admitted.tenant) as session:
            await self._hold_open(session)
            row = await self._row(session, report, lock=True)
            standing = await self._standing(session, row)
            rules.require_open(standing.status)
            yield session, row, standing.content

    async def _edited(
        self, session: AsyncSession, row: ReportRow, block: Block, text: str, by: str
    ) -> Block:
        # Measured against the first text: many small edits add up to a rewriting.
        first = await self._content(session, row, row.version, 1)
        original = rules.find(first, block.id).text
        return rules.edited(block, text, original=original, by=by, at=self.now())

    async def _replace(
        self, session: AsyncSession, row: ReportRow, before: Content, block: str, by: Block | None
    ) -> None:
        content = rules.replaced(before, block, lambda _: by)
        row.status = rules.status_of_open(content)
        await self._write(session, row, content, previous=rules.digest_of(before))

    async def _write(
        self, session: AsyncSession, row: ReportRow, content: Content, *, previous: str | None
    ) -> None:
        row.revision += 1
        key = await self.keys.obtain(session, row.tenant, row.bilan)
        plain = canonical(content.model_dump(mode="json"))
        session.add(
            RevisionRow(
                tenant=row.tenant,
                report=row.id,
                version=row.version,
                revision=row.revision,
                digest=sha256(plain).hexdigest(),
                previous=previous,
                created_at=self.now(),
                sealed=seal(key, plain, revision_context(row, row.version, row.revision)),
            )
        )
        await session.flush()

    async def _keep(
        self, session: AsyncSession, row: ReportRow, files: dict[Format, bytes], at: datetime
    ) -> None:
        key = await self._key(session)
        for known, content in files.items():
            session.add(
                FileRow(
                    tenant=row.tenant,
                    report=row.id,
                    version=row.version,
                    format=known,
                    sha256=sha256(content).hexdigest(),
                    size_bytes=len(content),
                    created_at=at,
                    sealed=seal(key, content, file_context(row, row.version, known)),
                )
            )
        await session.flush()

    async def _same(self, session: AsyncSession, report: str, asked: str) -> Standing:
        row = await store.find_report(
            session, self.admitted.tenant, self.admitted.subject_bilan, report
        )
        if row is None or row.request_digest != asked:
            raise ReportExists("Give each new report an identifier of its own.")
        return await self._standing(session, row)

    async def _hold_open(self, session: AsyncSession) -> None:
        """Keep the bilan from being destroyed before the transaction ends."""
        admitted = self.admitted
        if not await self.endings.hold_open(session, admitted.tenant, admitted.subject_bilan):
            raise NotFound("This bilan was closed, and its documents with it.")

    async def _row(self, session: AsyncSession, report: str, *, lock: bool = False) -> ReportRow:
        row = await self._find(session, report, lock=lock)
        if row is None:
            raise NotFound("This bilan has no such report.")
        return row

    async def _find(
        self, session: AsyncSession, report: str, *, lock: bool = False
    ) -> ReportRow | None:
        return await store.find_report(
            session, self.admitted.tenant, self.admitted.subject_bilan, report, lock=lock
        )

    async def _kept(self, session: AsyncSession, report: str) -> Found:
        kept = await KeptReports(self.keys).find(
            session, self.admitted.tenant, self.admitted.subject_bilan, report
        )
        if kept is None:
            raise NotFound("This bilan has no such report.")
        return kept

    async def _kept_file(
        self, session: AsyncSession, report: str, version: int, wanted: Format
    ) -> bytes:
        kept = await self._kept(session, report)
        content = await KeptReports(self.keys).file(session, kept, version, wanted)
        if content is None:
            raise NotFound("The report has no such version.")
        return content

    async def _key(self, session: AsyncSession) -> bytes:
        key = await self.keys.find(session, self.admitted.tenant, self.admitted.subject_bilan)
        if key is None:  # the bilan was closed: what remains cannot be read, by design
            raise NotFound("This bilan was closed, and its documents with it.")
        return key

    async def _content(
        self, session: AsyncSession, row: ReportRow, version: int, revision: int
    ) -> Content:
        kept = await store.read_revision(session, row, version, revision)
        if kept is None:
            raise NotFound("The report has no such version.")
        key = await self._key(session)
        return Content.model_validate_json(
            unseal(key, kept.sealed, revision_context(row, version, revision))
        )

    async def _standing(self, session: AsyncSession, row: ReportRow) -> Standing:
        content = await self._content(session, row, row.version, row.revision)
        acts = await store.acts_of(session, row)
        key = await self._key(session)
        observations = [
            Observation(
                text=unseal(key, act.sealed, act_context(row, act.number)).decode(),
                at=act.at,
                on_version=act.on_version,
            )
            for act in acts
            if act.act == "observation" and act.sealed is not None
        ]
        return Standing(row, rules.digest_of(content), content, observations)


def version_id(row: ReportRow) -> str:
    """Return the identifier of the exact state of a version."""
    return f"{row.id}.{row.version}.{row.revision}"


def tag(standing: Standing) -> str:
    """Return the tag of all that a reader sees, quotes included (RFC 9110, section 8.8.3)."""
    return f'"{version_id(standing.row)}.{standing.status}.{len(standing.observations)}"'


def _printed(
    standing: Standing,
    content: Content,
    *,
    status: Status | None = None,
    cover: Cover | None = None,
    signature: Signature | None = None,
) -> Report:
    return Report(
        id=standing.row.id,
        status=status or standing.status,
        version=standing.row.version,
        version_id=version_id(standing.row),
        digest=standing.digest,
        created_at=standing.row.created_at,
        cover=cover,
        signature=signature,
        content=content,
    )


def _as_kept(tenant: str, bilan: str, report: str, kept: KeptReport) -> Standing:
    """Return a kept report as a reader knows reports; the row belongs to no session."""
    row = ReportRow(
        tenant=tenant,
        id=report,
        bilan=bilan,
        kind=kept.kind,
        status=kept.status,
        version=kept.version,
        revision=kept.revision,
        request_digest="",
        created_at=kept.created_at,
        signed_at=kept.signed_at,
    )
    observations = [Observation(o.text, o.at, o.on_version) for o in kept.observations]
    return Standing(row, kept.digest, kept.content, observations, kept=True)


def _marks(content: Content, files: Mapping[Format, bytes]) -> Marks:
    blocks = content.blocks()
    said, has_ai = document_source_type(blocks), any(block.is_ai for block in blocks)
    return {
        kind: marks_in(kind, file, source_type=said, has_ai=has_ai) for kind, file in files.items()
    }
