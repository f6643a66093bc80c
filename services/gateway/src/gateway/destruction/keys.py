"""Keys that a late writer does not make again (consent profile, section 7.2).

A key is made where there is none; after a destruction there is none. Whoever comes late is refused
instead: the key is read under a lock that its destruction waits for, and made only while nothing
says that what it was for is gone. So a key dies once, with everything that was sealed under it.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.problems import BeneficiaryErased, BilanNotOpen
from gateway.tables import Bilan, Destruction
from keel.sealing import ContentKeys


async def erasure_of(session: AsyncSession, tenant: str, person: str) -> str | None:
    """Return the destruction that erases a person; None while nobody asked for it."""
    query = select(Destruction.id).where(
        Destruction.tenant == tenant, Destruction.subject == person
    )
    return await session.scalar(query)


async def refuse_erased(session: AsyncSession, tenant: str, person: str) -> None:
    """Refuse whatever is about a person who is erased, or about to be.

    Raises:
        BeneficiaryErased: as said; its `destruction` tells how far that has come.
    """
    destruction = await erasure_of(session, tenant, person)
    if destruction is not None:
        raise BeneficiaryErased(
            "Their erasure was asked for and cannot be taken back: GET /v1/destructions/{id}.",
            members={"destruction": destruction},
        )


class _Lasting(ContentKeys):
    """Keys that are read under a lock, so that nothing is written under one that is dying.

    The tenant's own key, of records about nobody, is never destroyed and so never locked.
    """

    async def obtain(self, session: AsyncSession, tenant: str, subject: str) -> bytes:
        """Return the key, creating it where it may be; raises where its subject is gone."""
        return (await self.obtain_all(session, tenant, [subject]))[subject]

    async def obtain_all(
        self, session: AsyncSession, tenant: str, subjects: Sequence[str]
    ) -> dict[str, bytes]:
        """Return the keys by subject, as `obtain` does; one query for all that may die."""
        keys = {}
        if tenant in subjects:
            keys[tenant] = await super().obtain(session, tenant, tenant)
        mortal = [subject for subject in subjects if subject != tenant]
        locked = self._held(tenant, mortal).with_for_update(read=True, key_share=True)
        for subject, wrapped in (await session.execute(locked)) if mortal else ():
            keys[subject] = self._kek.unwrap(wrapped, f"{tenant}|{subject}")
        for subject in mortal:
            if subject not in keys:
                await self._refuse(session, tenant, subject)
                keys[subject] = await super().obtain(session, tenant, subject)
        return keys

    async def _refuse(self, session: AsyncSession, tenant: str, subject: str) -> None:
        raise NotImplementedError


class PersonKeys(_Lasting):
    """One key per person for their records, and one for the tenant's own.

    Nobody reads by the key of a person whose erasure was asked for, however long a legal hold keeps
    it: what it sealed is told as erased from that moment on.
    """

    async def find(self, session: AsyncSession, tenant: str, subject: str) -> bytes | None:
        """Return the key to read by; None when it was never made, was destroyed or is to be."""
        if subject == tenant:
            return await super().find(session, tenant, subject)
        return (await self.find_all(session, tenant, [subject])).get(subject)

    async def find_all(
        self, session: AsyncSession, tenant: str, subjects: Sequence[str]
    ) -> dict[str, bytes]:
        """Return the keys to read by, by subject."""
        keys = await super().find_all(session, tenant, subjects)
        leaving = await session.scalars(
            select(Destruction.subject).where(
                Destruction.tenant == tenant, Destruction.subject.in_(list(keys))
            )
        )
        for subject in leaving.all():
            del keys[subject]
        return keys

    async def _refuse(self, session: AsyncSession, tenant: str, subject: str) -> None:
        await refuse_erased(session, tenant, subject)


class BilanKeys(_Lasting):
    """One key per bilan for its content; made while the bilan is not closed."""

    async def _refuse(self, session: AsyncSession, tenant: str, subject: str) -> None:
        status = await session.scalar(
            select(Bilan.status)
            .where(Bilan.tenant == tenant, Bilan.id == subject)
            .with_for_update(read=True, key_share=True)
        )
        if status is None or status == "closed":
            raise BilanNotOpen("The bilan is closed: its content is destroyed, and none is added.")
