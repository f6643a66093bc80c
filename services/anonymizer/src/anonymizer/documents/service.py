"""The verbs of documents: take one in, read what is known of it, delete it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from anonymizer.detection.examiner import Examiner
from anonymizer.detection.rules import Hints
from anonymizer.detection.ruleset import Ruleset
from anonymizer.documents import store
from anonymizer.documents.rules import Document, MaskedBy, Sealable, Summary, bound, sealable
from anonymizer.intake.rules import RefusedFile
from anonymizer.intake.workshop import Workshop
from anonymizer.keeping import store as keeping
from anonymizer.outline.rules import Outline, outline
from anonymizer.problems import problem_of
from anonymizer.surrogates.policy import Policy
from anonymizer.surrogates.rules import without
from anonymizer.surrogates.treating import Cut
from anonymizer.tables import KeptDocument, StoredDocument
from anonymizer.vault.service import Vault
from keel.clock import utc_now
from keel.database import Database
from keel.problems import NotFound, TooLarge
from keel.sealing import seal, unseal
from keel.shredding import note


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose bilan it is, as the pass says."""

    tenant: str
    bilan: str


@dataclass(frozen=True, slots=True)
class Documents:
    """The verbs of documents."""

    database: Database
    vault: Vault
    workshop: Workshop
    examiner: Examiner
    max_bytes: int
    ruleset: Ruleset
    policy: Policy = field(default_factory=Policy)
    now: Callable[[], datetime] = utc_now

    async def take_in(
        self,
        owner: Owner,
        document_id: str,
        content: bytes,
        hints: Hints,
        data_categories: Sequence[str] = (),
    ) -> tuple[Document, bool]:
        """Read, examine, pseudonymise and seal a document; True when it is new.

        `data_categories` are those of consent to which the person's explicit grant is live. The
        same id again gives what is stored. No transaction is open while the file is read and
        examined.

        Raises:
            UnreadableDocument, EncryptedDocument, EmptyDocument, OcrUnavailable,
            MediaTypeNotSupported, TooLarge: the file cannot be read.
            CriminalDataBlocked, SpecialCategoryBlocked: it may not be processed.
            DetectionFailed, DetectionTimedOut: it could not be examined.
            NotFound: the bilan was destroyed meanwhile; nothing is kept.
        """
        if (known := await self._known(owner, document_id)) is not None:
            return known, False
        if len(content) > self.max_bytes:
            raise TooLarge(f"At most {self.max_bytes} bytes are read. Send a shorter document.")
        try:
            reading = await self.workshop.read(content)
        except RefusedFile as refused:
            raise problem_of(refused) from None
        found = await self.examiner.examine(reading.text, hints, data_categories)
        cut = Cut.of(found, self.policy, self.now().date())
        try:
            async with self.database.begin(owner.tenant) as session:
                whose = owner.tenant, owner.bilan
                known_values = await self.vault.plausibles_for_issue(session, *whose)
                cut = replace(cut, plan=without(cut.plan, known_values))
                issued = await self.vault.issue(session, *whose, cut.plan.secrets)
                key = await self.vault.keys.obtain(session, owner.tenant, owner.bilan)
                by = MaskedBy(self.ruleset.profile, self.ruleset.version)
                kept = sealable(content, reading, cut, issued, by)
                row = _sealed(key, owner, document_id, self.now(), kept)
                session.add(row)
        except IntegrityError:  # the same request twice at once: the other one made it
            known = await self._known(owner, document_id)
            if known is None:
                raise
            return known, False
        return Document(document_id, owner.bilan, row.created_at, kept.summary), True

    async def read(self, owner: Owner, document_id: str) -> Document:
        """Return what is known of a document.

        Raises:
            NotFound: it does not exist in this bilan.
        """
        known = await self._known(owner, document_id)
        if known is None:
            raise NotFound
        return known

    async def pseudonymised(self, owner: Owner, document_id: str) -> str:
        """Return the text as a model would see it (raises `NotFound`)."""
        row, key = await self._row(owner, document_id)
        return _open(key, row, "pseudonymised", row.pseudonymised).decode()

    async def outline(self, owner: Owner, document_id: str) -> Outline:
        """Return the career outline over the pseudonymised text (raises `NotFound`)."""
        return outline(await self.pseudonymised(owner, document_id))

    async def findings(self, owner: Owner, document_id: str) -> Mapping[str, Any]:
        """Return what was masked, removed and hidden (raises `NotFound`)."""
        row, key = await self._row(owner, document_id, findings=True)
        found: Mapping[str, Any] = json.loads(_open(key, row, "findings", row.findings))
        return found

    async def delete(self, owner: Owner, document_id: str) -> None:
        """Delete a document; its surrogates stay, texts may still hold them (raises `NotFound`)."""
        await self._row(owner, document_id)
        async with self.database.begin(owner.tenant) as session:
            await store.delete_one(session, owner.tenant, document_id)
            await keeping.delete_document(session, owner.tenant, document_id)
            await note(session)

    async def _known(self, owner: Owner, document_id: str) -> Document | None:
        try:
            row, key = await self._row(owner, document_id)
        except NotFound:
            return None
        summary = Summary(**json.loads(_open(key, row, "summary", row.summary)))
        return Document(row.id, row.bilan, row.created_at, summary)

    async def _row(
        self, owner: Owner, document_id: str, *, findings: bool = False
    ) -> tuple[StoredDocument | KeptDocument, bytes]:
        row: StoredDocument | KeptDocument | None
        async with self.database.begin(owner.tenant) as session:
            row = await store.find(session, owner.tenant, document_id, findings=findings)
            key = await self.vault.keys.find(session, owner.tenant, owner.bilan)
            if row is None or key is None:  # the bilan ended, and this may have been kept
                row = await keeping.find_document(
                    session, owner.tenant, owner.bilan, document_id, findings=findings
                )
                if row is not None:
                    key = await self.vault.keys.find(session, owner.tenant, row.agreement)
        if row is None or key is None or row.bilan != owner.bilan:
            raise NotFound
        return row, key


def _open(key: bytes, row: StoredDocument | KeptDocument, part: str, sealed: bytes) -> bytes:
    return unseal(key, sealed, bound(row.tenant, row.bilan, row.id, part))


def _sealed(
    key: bytes, owner: Owner, document_id: str, at: datetime, kept: Sealable
) -> StoredDocument:
    parts = {
        "summary": json.dumps(asdict(kept.summary)).encode(),
        "pseudonymised": kept.pseudonymised.encode(),
        "findings": json.dumps(kept.findings).encode(),
        "text": kept.text.encode(),
        "original": kept.original,
    }
    sealed = {
        part: seal(key, content, bound(owner.tenant, owner.bilan, document_id, part))
        for part, content in parts.items()
    }
    return StoredDocument(
        tenant=owner.tenant, id=document_id, bilan=owner.bilan, created_at=at, **sealed
    )
