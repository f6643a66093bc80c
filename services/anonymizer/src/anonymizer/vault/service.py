"""The verbs of the vault: number what is masked, give originals back, forget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from anonymizer.surrogates.rules import Secret
from anonymizer.tables import VaultEntry
from anonymizer.vault import store
from anonymizer.vault.rules import SealedOriginals, context, folded_hash, form_hash
from keel.endings import Endings
from keel.problems import NotFound
from keel.sealing import ContentKeys, seal

Number = Callable[[Secret], int]


@dataclass(frozen=True, slots=True)
class Vault:
    """Keeps what surrogates stand for, sealed under the bilan's content key."""

    keys: ContentKeys
    endings: Endings

    async def number(
        self, session: AsyncSession, tenant: str, bilan: str, secrets: Sequence[Secret]
    ) -> Number:
        """Give every secret its number in the bilan: the old one, or the next one of its type.

        The bilan cannot be destroyed before the transaction ends.

        Raises:
            NotFound: it was destroyed.
        """
        if not await self.endings.hold_open(session, tenant, bilan):
            raise NotFound("This bilan was closed, and its documents with it.")
        key = await self.keys.obtain(session, tenant, bilan)
        await store.lock(session, tenant, bilan)
        forms = {secret: form_hash(key, secret.type, secret.value) for secret in secrets}
        known = await store.numbers(session, tenant, bilan, list(forms.values()))
        last = await store.highest(session, tenant, bilan)
        given: dict[Secret, int] = {}
        for secret, form in forms.items():
            number = known.get((secret.type, form))
            if number is None:
                last[secret.type] = number = last.get(secret.type, 0) + 1
                session.add(_entry(key, tenant, bilan, secret, number))
            given[secret] = number
        await session.flush()
        return given.__getitem__

    async def originals(
        self, session: AsyncSession, tenant: str, bilan: str
    ) -> SealedOriginals | None:
        """Return what the bilan's surrogates stand for; None when nothing was ever masked."""
        key = await self.keys.find(session, tenant, bilan)
        if key is None:
            return None
        return SealedOriginals(key, tenant, bilan, await store.sealed(session, tenant, bilan))


def _entry(key: bytes, tenant: str, bilan: str, secret: Secret, number: int) -> VaultEntry:
    bound = context(tenant, bilan, f"{secret.type}_{number}")
    return VaultEntry(
        tenant=tenant,
        bilan=bilan,
        type=str(secret.type),
        number=number,
        form=form_hash(key, secret.type, secret.value),
        folded=folded_hash(key, secret.type, secret.value),
        sealed=seal(key, secret.value.encode("utf-8", "surrogatepass"), bound),
    )
