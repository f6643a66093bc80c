"""The verbs of links: issue, open, revoke. A link's secret is shown once; its digest is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.links import store
from gateway.problems import CeremonyUnknown
from gateway.tables import Consent, PersonalLink
from gateway.tenants import doors
from gateway.tenants.rules import new_secret, secret_digest
from keel.clock import utc_now

PERSONAL_LIFETIME = timedelta(days=400)
"""Longer than any consent: rights outlive what was agreed to."""


class LinkKind(StrEnum):
    """What a link opens."""

    PERSONAL = "personal"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class Links:
    """The verbs of links."""

    now: Callable[[], datetime] = utc_now

    async def issue_personal(self, session: AsyncSession, tenant: str, beneficiary: str) -> str:
        """Make a link to a person's own space (400 days); returns its secret, shown once."""
        return await self._issue(
            session,
            LinkKind.PERSONAL,
            tenant,
            beneficiary,
            consent=None,
            expires_at=self.now() + PERSONAL_LIFETIME,
        )

    async def issue_withdrawal(self, session: AsyncSession, consent: Consent) -> str:
        """Make a link that withdraws one consent, for its whole life; returns its secret."""
        return await self._issue(
            session,
            LinkKind.WITHDRAWAL,
            consent.tenant,
            consent.beneficiary,
            consent=consent.id,
            expires_at=consent.expires_at,
        )

    async def renew_personal(self, session: AsyncSession, tenant: str, beneficiary: str) -> str:
        """Revoke every link to a person's space, with what they opened, and make a new one."""
        await self.revoke_personal(session, tenant, beneficiary)
        return await self.issue_personal(session, tenant, beneficiary)

    async def revoke_personal(self, session: AsyncSession, tenant: str, beneficiary: str) -> None:
        """Make every link to a person's space open nothing, and end the sessions it opened."""
        at = self.now()
        for link in await store.standing(session, tenant, beneficiary, LinkKind.PERSONAL):
            link.revoked_at = at
        await store.end_sessions(session, tenant, beneficiary, at)

    async def open(self, session: AsyncSession, kind: LinkKind, secret: str) -> PersonalLink:
        """Return the link whose secret this is, in the transaction of its tenant from now on.

        Raises:
            CeremonyUnknown: none of this kind, over, or revoked; they look the same.
        """
        tenant = await doors.go_through(session, secret)
        link = None if tenant is None else await store.find(session, tenant, secret_digest(secret))
        if (
            link is None
            or link.kind != kind
            or link.revoked_at is not None
            or (kind is LinkKind.PERSONAL and self.now() >= link.expires_at)
        ):
            raise CeremonyUnknown("Ask your centre for a new link.")
        return link

    async def _issue(
        self,
        session: AsyncSession,
        kind: LinkKind,
        tenant: str,
        beneficiary: str,
        *,
        consent: str | None,
        expires_at: datetime,
    ) -> str:
        secret = new_secret()
        link = PersonalLink(
            tenant=tenant,
            secret_sha256=secret_digest(secret),
            kind=str(kind),
            beneficiary=beneficiary,
            consent=consent,
            created_at=self.now(),
            expires_at=expires_at,
        )
        await store.add(session, link)
        await doors.add(session, secret, tenant)
        return secret
