"""The verbs of the vault: number what is masked, give originals back, forget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from anonymizer.restoration.plausible import Plausible, Plausibles
from anonymizer.surrogates.inventing import Held, Inventing
from anonymizer.surrogates.numbering import Numbering, Things
from anonymizer.surrogates.people import Gender
from anonymizer.surrogates.rules import Secret, Surrogate, SurrogateType
from anonymizer.tables import VaultEntry
from anonymizer.vault import store
from anonymizer.vault.rules import (
    SealedOriginals,
    context,
    folded_hash,
    form_hash,
    opened,
    plausible_context,
)
from keel.endings import Endings
from keel.problems import NotFound
from keel.sealing import ContentKeys, seal

_PERSON = SurrogateType.PERSON


@dataclass(frozen=True, slots=True)
class Vault:
    """Keeps what surrogates stand for, sealed under the bilan's content key."""

    keys: ContentKeys
    endings: Endings

    async def issue(
        self, session: AsyncSession, tenant: str, bilan: str, secrets: Sequence[Secret]
    ) -> Mapping[Secret, Surrogate]:
        """Return every secret's surrogate in the bilan: the old one, or the next one of its type.

        The bilan cannot be destroyed before the transaction ends.

        Raises:
            NotFound: it was destroyed.
        """
        key = await self._held_open(session, tenant, bilan)
        forms = {form_hash(key, s.type, s.value): s for s in secrets}
        known = await store.issued(session, tenant, bilan, list(forms))
        found = {forms[row.form]: _surrogate(row) for row in known}
        new = [secret for secret in secrets if secret not in found]
        if new:
            numbering = await self._numbering(session, key, tenant, bilan, new)
            issued = numbering.issue(new)
            session.add_all(_entry(key, tenant, bilan, *pair) for pair in issued.items())
            await session.flush()
            found |= issued
        return found

    async def _held_open(self, session: AsyncSession, tenant: str, bilan: str) -> bytes:
        if not await self.endings.hold_open(session, tenant, bilan):
            raise NotFound("This bilan was closed, and its documents with it.")
        key = await self.keys.obtain(session, tenant, bilan)
        await store.lock(session, tenant, bilan)
        return key

    async def plausibles_for_issue(
        self, session: AsyncSession, tenant: str, bilan: str
    ) -> Plausibles:
        """Return the bilan's plausible values; no other is issued before the transaction ends.

        Raises:
            NotFound: the bilan was destroyed.
        """
        await self._held_open(session, tenant, bilan)
        return await self.plausibles(session, tenant, bilan)

    async def plausibles(self, session: AsyncSession, tenant: str, bilan: str) -> Plausibles:
        """Return the bilan's plausible values and what they stand for; none: none was issued."""
        rows = await store.plausible(session, tenant, bilan)
        key = await self.keys.find(session, tenant, bilan) if rows else None
        if key is None:
            return Plausibles()
        found = ((_plausible(key, row), _secret(key, row).value) for row in rows)
        return Plausibles.of((value, original) for value, original in found if value is not None)

    async def disguise(
        self,
        session: AsyncSession,
        tenant: str,
        bilan: str,
        secrets: Sequence[Secret],
        texts: Sequence[str],
    ) -> Mapping[Secret, Plausible]:
        """Return a plausible value for each issued secret that may have one; it never changes.

        To invent values that nobody mentioned, all that was masked in the bilan is opened. None
        occurs in `texts`.
        """
        key = await self._held_open(session, tenant, bilan)
        held = {
            _secret(key, row): (row, _surrogate(row), _plausible(key, row))
            for row in await store.whole(session, tenant, bilan)
        }
        known = (Held(secret, surrogate, has) for secret, (_, surrogate, has) in held.items())
        inventing = Inventing(key, known, texts)
        found: dict[Secret, Plausible] = {}
        for secret in secrets:
            row, surrogate, has = held[secret]
            plausible = has or inventing.invent(secret, surrogate)
            if plausible is None:
                continue
            found[secret] = plausible
            if has is None:
                bound = plausible_context(tenant, bilan, surrogate.name)
                row.plausible = seal(
                    key, plausible.to_json().encode("utf-8", "surrogatepass"), bound
                )
        await session.flush()
        return found

    async def _numbering(
        self, session: AsyncSession, key: bytes, tenant: str, bilan: str, new: Sequence[Secret]
    ) -> Numbering:
        """Return what numbers new secrets; of what was masked, only people's names are opened.

        Who is who is told by the words of a name; of everything else the hash says it.
        """
        types = {secret.type for secret in new}
        called = _PERSON in types
        people = await store.people(session, tenant, bilan) if called else ()
        others = [_common(key, secret) for secret in new if secret.type is not _PERSON]
        things = {
            SurrogateType(kind): Things(last=last)
            for kind, last in (
                await store.last_numbers(session, tenant, bilan, types - {_PERSON})
            ).items()
        }
        for thing in await store.things(session, tenant, bilan, others):
            known = things[SurrogateType(thing.type)]
            known.numbers[thing.folded] = thing.number
            known.forms[thing.number] = thing.forms
        issued = {_secret(key, row): _surrogate(row) for row in people}
        return Numbering(issued, things, partial(_common, key))

    async def originals(
        self, session: AsyncSession, tenant: str, bilan: str
    ) -> SealedOriginals | None:
        """Return what the bilan's surrogates stand for; None when nothing was ever masked."""
        key = await self.keys.find(session, tenant, bilan)
        if key is None:
            return None
        return SealedOriginals(key, tenant, bilan, await store.sealed(session, tenant, bilan))


def _common(key: bytes, secret: Secret) -> bytes:
    return folded_hash(key, secret.type, secret.value)


def _surrogate(row: VaultEntry) -> Surrogate:
    gender = None if row.gender is None else Gender(row.gender)
    return Surrogate(SurrogateType(row.type), row.number, row.variant, gender)


def _secret(key: bytes, row: VaultEntry) -> Secret:
    bound = context(row.tenant, row.bilan, _surrogate(row).name)
    return Secret(SurrogateType(row.type), opened(key, bound, row.sealed))


def _plausible(key: bytes, row: VaultEntry) -> Plausible | None:
    if row.plausible is None:
        return None
    bound = plausible_context(row.tenant, row.bilan, _surrogate(row).name)
    return Plausible.from_json(opened(key, bound, row.plausible))


def _entry(key: bytes, tenant: str, bilan: str, secret: Secret, surrogate: Surrogate) -> VaultEntry:
    return VaultEntry(
        tenant=tenant,
        bilan=bilan,
        type=str(secret.type),
        number=surrogate.number,
        variant=surrogate.form,
        gender=surrogate.gender,
        form=form_hash(key, secret.type, secret.value),
        folded=_common(key, secret),
        sealed=seal(
            key,
            secret.value.encode("utf-8", "surrogatepass"),
            context(tenant, bilan, surrogate.name),
        ),
    )
