"""Short sessions on the hosted pages: a link's secret is exchanged once for a cookie."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import Method
from gateway.problems import CeremonyUnknown
from gateway.tables import Consent, PageSession, PersonalLink
from gateway.tenants import doors
from gateway.tenants.rules import new_secret, secret_digest
from keel.clock import utc_now

_ENDED_AT_ONCE = 500


class SessionKind(StrEnum):
    """What a session lets its reader do."""

    CEREMONY = "ceremony"
    DECIDED = "decided"
    """A ceremony that this very reader finished: it may be shown again, never decided again."""
    LOST = "lost"
    """A ceremony that another reader, in another tab or on another device, finished first."""
    WITHDRAWAL = "withdrawal"
    PERSONAL = "personal"
    UNCODED = "uncoded"
    """A personal link was opened, and the one-time code is still awaited."""


@dataclass(frozen=True, slots=True)
class PageSessions:
    """The verbs of page sessions."""

    lifetime: timedelta
    now: Callable[[], datetime] = utc_now

    async def open_ceremony(self, session: AsyncSession, consent: Consent) -> str:
        """Open a session on one consent that awaits its answer; returns the cookie's value."""
        return await self._open(
            session,
            SessionKind.CEREMONY,
            Method.PAGE,
            consent.tenant,
            consent.beneficiary,
            consent.id,
        )

    async def open_link(self, session: AsyncSession, link: PersonalLink, kind: SessionKind) -> str:
        """Open a session by a link that a person keeps; returns the cookie's value."""
        return await self._open(
            session, kind, Method.PAGE, link.tenant, link.beneficiary, link.consent
        )

    async def let_in_with_code(self, session: AsyncSession, tenant: str, beneficiary: str) -> str:
        """Open a person's space after their code; the sessions before it are over."""
        await session.execute(
            update(PageSession)
            .where(
                PageSession.tenant == tenant,
                PageSession.beneficiary == beneficiary,
                PageSession.kind == str(SessionKind.UNCODED),
            )
            .values(ends_at=self.now())
        )
        return await self._open(
            session, SessionKind.PERSONAL, Method.PAGE_AND_CODE, tenant, beneficiary, None
        )

    async def confirm_ceremony(self, session: AsyncSession, held: PageSession) -> str:
        """Open a ceremony again after its code; the session before it is over."""
        who = (held.tenant, held.beneficiary, held.consent)
        await self.end(session, held)
        return await self._open(session, SessionKind.CEREMONY, Method.PAGE_AND_CODE, *who)

    async def end(self, session: AsyncSession, held: PageSession) -> None:
        """End a session; its cookie opens nothing any more."""
        await doors.wall_up(session, held.token_sha256)
        await session.delete(held)

    async def settle(self, session: AsyncSession, held: PageSession) -> None:
        """End every other session of a ceremony that `held` just finished.

        They keep their time, so that their readers are told why: an answer was given meanwhile.
        """
        held.kind = str(SessionKind.DECIDED)
        await session.flush()
        await session.execute(
            update(PageSession)
            .where(
                PageSession.tenant == held.tenant,
                PageSession.consent == held.consent,
                PageSession.kind == str(SessionKind.CEREMONY),
            )
            .values(kind=str(SessionKind.LOST))
        )

    async def lost_the_race(self, session: AsyncSession, token: str | None) -> bool:
        """Say whether another reader finished the ceremony that this cookie stands for."""
        try:
            await self.find(session, token, SessionKind.LOST)
        except CeremonyUnknown:
            return False
        return True

    async def _open(
        self,
        session: AsyncSession,
        kind: SessionKind,
        method: Method,
        tenant: str,
        beneficiary: str,
        consent: str | None,
    ) -> str:
        at, token = self.now(), new_secret()
        await doors.add(session, token, tenant)
        session.add(
            PageSession(
                token_sha256=secret_digest(token),
                kind=str(kind),
                method=str(method),
                tenant=tenant,
                beneficiary=beneficiary,
                consent=consent,
                ends_at=at + self.lifetime,
            )
        )
        await session.flush()
        return token

    async def forget_ended(self, session: AsyncSession) -> None:
        """Delete sessions of the session's tenant that are over; they open nothing already.

        Some at a time, and none that somebody is just ending.
        """
        ended = (
            select(PageSession)
            .where(PageSession.ends_at < self.now())
            .order_by(PageSession.token_sha256)
            .limit(_ENDED_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        for row in (await session.scalars(ended)).all():
            await doors.wall_up(session, row.token_sha256)
            await session.delete(row)

    async def find(
        self, session: AsyncSession, token: str | None, *kinds: SessionKind
    ) -> PageSession:
        """Return the session that a cookie stands for, in the transaction of its tenant.

        Raises:
            CeremonyUnknown: none, over, or of another kind.
        """
        tenant = await doors.go_through(session, token or "")
        key = (tenant, secret_digest(token or ""))
        found = None if tenant is None else await session.get(PageSession, key)
        if found is None or found.kind not in kinds or self.now() >= found.ends_at:
            raise CeremonyUnknown("Open your link again.")
        return found
