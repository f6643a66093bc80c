"""One-time codes: a second factor that the centre's own channel hands to the person.

Passerelle stores no address. A code leaves in an event, sealed, for the tenant's webhook; what is
kept is a hash under the person's own key. Six digits hold because there are five tries, ten minutes
and few codes: at most three in a quarter of an hour and ten in a day, whatever they open.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.events.service import EventKind, Events
from gateway.problems import TooManyCodes
from gateway.records.service import Records
from gateway.tables import Beneficiary, PersonalCode, Tenant
from keel.clock import rfc3339, utc_now
from keel.identifiers import new_id

DIGITS = 6
LIFETIME = timedelta(minutes=10)
TRIES = 5
_QUARTER, _IN_A_QUARTER = timedelta(minutes=15), 3
_DAY, _IN_A_DAY = timedelta(days=1), 10


class Channel(Protocol):
    """Whoever can hand an event to a tenant's software."""

    async def listens(self, session: AsyncSession, tenant: str, kind: str) -> bool:
        """Say whether the tenant has a live endpoint that is told of this kind of event."""

    async def has_channel(self, session: AsyncSession, tenant: str, kind: str) -> bool:
        """Say whether the tenant has such an endpoint, be it live or switched off."""


class Outcome(StrEnum):
    """What came of a code that somebody typed."""

    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"
    """No code waits: none was asked for, its time is over, or it was tried too often."""


PROBLEMS = {
    Outcome.WRONG: "Ce n’est pas le bon code. Vérifiez les six chiffres et recommencez.",
    Outcome.OVER: "Ce code ne peut plus servir. Demandez-en un nouveau.",
}
TOO_MANY = (
    "Plusieurs codes vous ont déjà été envoyés. Utilisez le dernier reçu, ou attendez un quart "
    "d’heure avant d’en demander un autre."
)


@dataclass(frozen=True, slots=True)
class Codes:
    """The verbs of codes."""

    records: Records
    events: Events
    channel: Channel
    now: Callable[[], datetime] = utc_now

    async def needed(self, session: AsyncSession, tenant: str) -> bool:
        """Say whether this tenant's people type a code to enter their space.

        Where there was ever a channel: one that is switched off, by a receiver that answers 410 for
        instance, or removed after a code went over it, must not open the door that it guarded.
        """
        kind = EventKind.BENEFICIARY_CODE_REQUESTED
        if await self.channel.has_channel(session, tenant, kind):
            return True
        centre = await session.get(Tenant, tenant)
        if centre is not None and centre.codes_were_sent:
            return True
        sent = select(PersonalCode.id).where(
            PersonalCode.tenant == tenant, PersonalCode.consent.is_(None)
        )
        return await session.scalar(sent.limit(1)) is not None

    async def reach_space(self, session: AsyncSession, tenant: str) -> bool:
        """Say whether a code for the space would reach this tenant's people now."""
        return await self.channel.listens(session, tenant, EventKind.BENEFICIARY_CODE_REQUESTED)

    async def reach(self, session: AsyncSession, tenant: str) -> bool:
        """Say whether a code before a ceremony would reach this tenant's people."""
        return await self.channel.listens(session, tenant, EventKind.CEREMONY_CODE_REQUESTED)

    async def request(
        self, session: AsyncSession, tenant: str, beneficiary: str, consent: str | None = None
    ) -> None:
        """Make a code and tell it to the centre's channel; the one before is worth nothing now.

        With `consent` it opens the ceremony of that consent, and nothing else.

        Raises:
            TooManyCodes: three in fifteen minutes, or ten in a day.
        """
        # One at a time for each person, so that two requests at once count as two; what only
        # points at the person does not wait for them.
        await session.get(Beneficiary, (tenant, beneficiary), with_for_update={"key_share": True})
        at = self.now()
        lately = await _since(session, tenant, beneficiary, at - _DAY)
        in_a_quarter = [c for c in lately if c.created_at > at - _QUARTER]
        if len(in_a_quarter) >= _IN_A_QUARTER or len(lately) >= _IN_A_DAY:
            raise TooManyCodes("Wait before you ask for another code.")
        code, code_id = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", new_id("cod")
        row = PersonalCode(
            tenant=tenant,
            id=code_id,
            beneficiary=beneficiary,
            consent=consent,
            code_hmac=await self._hash(session, tenant, beneficiary, code_id, code),
            created_at=at,
            ends_at=at + LIFETIME,
            tries_left=TRIES,
        )
        session.add(row)
        await session.flush()
        await self.events.emit(
            session,
            tenant,
            EventKind.BENEFICIARY_CODE_REQUESTED
            if consent is None
            else EventKind.CEREMONY_CODE_REQUESTED,
            secret={"code": code, "expires_at": rfc3339(row.ends_at)},
            beneficiary=beneficiary,
            **({} if consent is None else {"consent": consent}),
        )

    async def awaited(
        self, session: AsyncSession, tenant: str, beneficiary: str, consent: str | None = None
    ) -> bool:
        """Say whether a code is under way that could still be typed."""
        return await self._waiting(session, tenant, beneficiary, consent) is not None

    async def check(
        self,
        session: AsyncSession,
        tenant: str,
        beneficiary: str,
        typed: str,
        consent: str | None = None,
    ) -> Outcome:
        """Use up one try, or the code itself when it is right; the caller commits either."""
        row = await self._waiting(session, tenant, beneficiary, consent, locked=True)
        if row is None:
            return Outcome.OVER
        digits = "".join(c for c in typed if c.isdecimal() and c.isascii())[: 2 * DIGITS]
        told = await self._hash(session, tenant, beneficiary, row.id, digits)
        if hmac.compare_digest(told, row.code_hmac):
            row.used_at = self.now()
            await session.flush()
            return Outcome.RIGHT
        row.tries_left -= 1
        await session.flush()
        return Outcome.WRONG if row.tries_left else Outcome.OVER

    async def _waiting(
        self,
        session: AsyncSession,
        tenant: str,
        beneficiary: str,
        consent: str | None,
        *,
        locked: bool = False,
    ) -> PersonalCode | None:
        query = (
            select(PersonalCode)
            .where(
                PersonalCode.tenant == tenant,
                PersonalCode.beneficiary == beneficiary,
                PersonalCode.consent == consent,
            )
            .order_by(PersonalCode.created_at.desc(), PersonalCode.id.desc())
            .limit(1)
        )
        if locked:
            query = query.with_for_update().execution_options(populate_existing=True)
        row = await session.scalar(query)
        live = row is not None and row.used_at is None and row.tries_left > 0
        return row if row is not None and live and self.now() < row.ends_at else None

    async def _hash(
        self, session: AsyncSession, tenant: str, beneficiary: str, code_id: str, code: str
    ) -> bytes:
        key = await self.records.key_of(session, tenant, beneficiary)
        message = f"bct-code/v1\x00{code_id}\x00{code}".encode()
        return hmac.new(key, message, hashlib.sha256).digest()


async def _since(
    session: AsyncSession, tenant: str, beneficiary: str, at: datetime
) -> Sequence[PersonalCode]:
    query = select(PersonalCode).where(
        PersonalCode.tenant == tenant,
        PersonalCode.beneficiary == beneficiary,
        PersonalCode.created_at > at,
    )
    return (await session.scalars(query)).all()
