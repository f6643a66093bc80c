"""The verbs of people: create, find, ask whether their data may be processed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.destruction.keys import refuse_erased
from gateway.people import store
from gateway.people.rules import keyed_digest
from gateway.problems import ProcessingRestricted, ReferenceTaken
from gateway.records.service import Records
from gateway.restrictions import store as restriction_store
from gateway.restrictions.rules import RestrictionKind, stops
from gateway.tables import Beneficiary
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal

_REFERENCE = "bct-reference/v1"


@dataclass(frozen=True, slots=True)
class Admitted:
    """One item of a bulk creation: the person, and whether they were known before."""

    beneficiary: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class People:
    """The verbs of people. Names are not asked for; the tenant keeps them."""

    records: Records
    now: Callable[[], datetime] = utc_now

    async def add_beneficiary(
        self, session: AsyncSession, tenant: str, reference: str | None
    ) -> Beneficiary:
        """Create a beneficiary; the tenant's own reference is sealed under the person's key.

        Raises:
            ReferenceTaken: the tenant has a person of this reference.
        """
        digest = None if reference is None else await self._digest(session, tenant, reference)
        known = {} if digest is None else await store.of_references(session, tenant, [digest])
        if known:
            raise ReferenceTaken(
                "POST /v1/beneficiaries/lookup finds the person of a reference again.",
                members={"beneficiary": next(iter(known.values()))},
            )
        (made,) = await self._make(session, tenant, [(reference, digest)])
        return made

    async def add_beneficiaries(
        self, session: AsyncSession, tenant: str, references: Sequence[str | None]
    ) -> list[Admitted]:
        """Create many; a reference that is known, or comes twice, is reported and not doubled.

        Raises:
            ReferenceTaken: another request made one of them at the same moment; nothing was made.
        """
        digests = [
            None if reference is None else await self._digest(session, tenant, reference)
            for reference in references
        ]
        asked = {digest for digest in digests if digest is not None}
        known = await store.of_references(session, tenant, asked)
        fresh: list[tuple[str | None, bytes | None]] = []
        seen = set(known)
        for reference, digest in zip(references, digests, strict=True):
            if digest is None or digest not in seen:
                fresh.append((reference, digest))
                seen |= {digest} if digest is not None else set()
        made = iter(await self._make(session, tenant, fresh))
        admitted = []
        for digest in digests:
            if digest is not None and digest in known:
                admitted.append(Admitted(known[digest], is_new=False))
                continue
            new = next(made)
            admitted.append(Admitted(new.id, is_new=True))
            if digest is not None:
                known[digest] = new.id
        return admitted

    async def _digest(self, session: AsyncSession, tenant: str, reference: str) -> bytes:
        key = await self.records.key_of(session, tenant, None)
        return keyed_digest(key, _REFERENCE, reference)

    async def _make(
        self,
        session: AsyncSession,
        tenant: str,
        references: Sequence[tuple[str | None, bytes | None]],
    ) -> list[Beneficiary]:
        at = self.now()
        rows = [
            Beneficiary(tenant=tenant, id=new_id("ben"), reference_digest=digest, created_at=at)
            for _, digest in references
        ]
        sealing = await self.records.new_keys(session, tenant, [row.id for row in rows])
        for row, (reference, _) in zip(rows, references, strict=True):
            if reference is not None:
                row.reference = seal(sealing[row.id], reference.encode(), row.id)
        try:
            await store.add(session, rows)
        except IntegrityError:
            raise ReferenceTaken("Somebody else just created it. Send the request again.") from None
        return rows

    async def of_reference(self, session: AsyncSession, tenant: str, reference: str) -> Beneficiary:
        """Return the tenant's person of a reference, or raise `NotFound`."""
        digest = await self._digest(session, tenant, reference)
        found = await store.of_references(session, tenant, [digest])
        if not found:
            raise NotFound
        return await self.beneficiary(session, tenant, found[digest])

    async def beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary_id: str
    ) -> Beneficiary:
        """Return a beneficiary of the tenant.

        Raises:
            NotFound: they are not one of the tenant's.
            BeneficiaryErased: their erasure was asked for.
        """
        found = await store.find(session, tenant, beneficiary_id)
        await refuse_erased(session, tenant, beneficiary_id)
        if found is None:
            raise NotFound
        return found

    async def hold(self, session: AsyncSession, tenant: str, beneficiary_id: str) -> None:
        """Let something new come to be about a person: their erasure waits until it is there.

        Raises:
            NotFound, BeneficiaryErased: as `beneficiary` says.
        """
        found = await store.hold(session, tenant, beneficiary_id)
        await refuse_erased(session, tenant, beneficiary_id)
        if not found:
            raise NotFound

    async def lock(self, session: AsyncSession, tenant: str, beneficiary_id: str) -> Beneficiary:
        """Return a beneficiary whose row nobody else changes or newly points at until the end.

        Raises:
            NotFound: they are not one of the tenant's.
        """
        found = await store.find(session, tenant, beneficiary_id, locked=True)
        if found is None:
            raise NotFound
        return found

    async def page(
        self, session: AsyncSession, tenant: str, *, after: str | None, limit: int
    ) -> Sequence[Beneficiary]:
        """Return beneficiaries in the order of creation, one more than the page holds."""
        return await store.page(session, tenant, after=after, limit=limit)

    async def stopped(
        self, session: AsyncSession, tenant: str, beneficiary: str, *, ai: bool
    ) -> RestrictionKind | None:
        """Return what stops an operation on the person's data, by their own wish; else None."""
        return stops(await restriction_store.standing_kinds(session, tenant, beneficiary), ai=ai)

    async def require_unrestricted(
        self, session: AsyncSession, tenant: str, beneficiary: str, *, ai: bool
    ) -> None:
        """Refuse to process the data of a person who stopped it (GDPR 18, 21; LR-E05).

        `ai` says that a model is to be used, which an objection stops too. Whoever draws a consent
        token reads the consent row first, then asks here: a restriction that commits in between
        raised that row's epoch.

        Raises:
            ProcessingRestricted: a restriction, or for AI an objection, stands.
        """
        stopped = await self.stopped(session, tenant, beneficiary, ai=ai)
        if stopped is not None:
            raise ProcessingRestricted(
                "The person asked for it. GET /v1/beneficiaries/{id}/restrictions lists what "
                "stands; their export and their own pages still work.",
                members={"kind": str(stopped)},
            )
