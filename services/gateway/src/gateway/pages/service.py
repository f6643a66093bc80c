"""Short sessions on the hosted pages: a link's secret is exchanged once for a cookie."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import store as consent_store
from gateway.problems import CeremonyUnknown
from gateway.tables import Consent, PageSession
from gateway.tenants import doors
from gateway.tenants.rules import new_secret, secret_digest
from keel.clock import utc_now

CEREMONY = "ceremony"
PERSONAL = "personal"


@dataclass(frozen=True, slots=True)
class PageSessions:
    """The verbs of page sessions."""

    lifetime: timedelta
    now: Callable[[], datetime] = utc_now

    async def open_ceremony(self, session: AsyncSession, consent: Consent) -> str:
        """Open a session on one consent; returns the cookie's value."""
        return await self._open(session, CEREMONY, consent.tenant, consent.beneficiary, consent.id)

    async def open_personal(self, session: AsyncSession, secret: str) -> str:
        """Open a session on a person's own space.

        Raises:
            CeremonyUnknown: the link does not open anything.
        """
        tenant = await doors.go_through(session, secret)
        digest = secret_digest(secret)
        link = tenant and await consent_store.find_personal_link(session, tenant, digest)
        if not link:
            raise CeremonyUnknown("Ask your centre for a new link.")
        return await self._open(session, PERSONAL, link.tenant, link.beneficiary, None)

    async def _open(
        self, session: AsyncSession, kind: str, tenant: str, beneficiary: str, consent: str | None
    ) -> str:
        at, token = self.now(), new_secret()
        await self._forget_ended(session, at)
        await doors.add(session, token, tenant)
        session.add(
            PageSession(
                token_sha256=secret_digest(token),
                kind=kind,
                tenant=tenant,
                beneficiary=beneficiary,
                consent=consent,
                ends_at=at + self.lifetime,
            )
        )
        await session.flush()
        return token

    @staticmethod
    async def _forget_ended(session: AsyncSession, at: datetime) -> None:
        ended = await session.scalars(select(PageSession).where(PageSession.ends_at < at))
        for row in ended.all():
            await doors.wall_up(session, row.token_sha256)
            await session.delete(row)

    async def find(self, session: AsyncSession, kind: str, token: str | None) -> PageSession:
        """Return the session that a cookie stands for.

        Raises:
            CeremonyUnknown: none, over, or of another kind.
        """
        tenant = await doors.go_through(session, token or "")
        key = (tenant, secret_digest(token or ""))
        found = None if tenant is None else await session.get(PageSession, key)
        if found is None or found.kind != kind or self.now() >= found.ends_at:
            raise CeremonyUnknown("Open your link again.")
        return found
