"""The verbs of restriction: impose, lift, list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import store as consent_store
from gateway.consents.service import Consents
from gateway.events.service import EventKind, Events
from gateway.people.service import People
from gateway.problems import RestrictionGround, RestrictionOfThePerson
from gateway.restrictions import store
from gateway.restrictions.rules import Ground, RestrictionKind, Side, grounds_of, may_lift
from gateway.tables import Restriction
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound


@dataclass(frozen=True, slots=True)
class Restrictions:
    """The verbs of restriction."""

    people: People
    consents: Consents
    events: Events
    now: Callable[[], datetime] = utc_now

    async def impose(
        self,
        session: AsyncSession,
        tenant: str,
        beneficiary: str,
        kind: RestrictionKind,
        ground: Ground,
        *,
        by: Side,
    ) -> Restriction:
        """Stop the processing of a person's data at once, at the word of `by`.

        With the commit every consent token that was drawn is stale, and what runs on one stops.

        Raises:
            NotFound: the person is not one of the tenant's.
            RestrictionGround: the law knows another ground for this kind.
        """
        await self.people.beneficiary(session, tenant, beneficiary)
        if ground not in grounds_of(kind):
            raise RestrictionGround(
                "Name a ground of this kind.",
                members={"grounds": sorted(str(known) for known in grounds_of(kind))},
            )
        await self._hold_still(session, tenant, beneficiary)
        made = Restriction(
            tenant=tenant,
            id=new_id("rst"),
            beneficiary=beneficiary,
            kind=str(kind),
            ground=str(ground),
            imposed_at=self.now(),
            imposed_by=str(by),
        )
        await store.add(session, made)
        await self.consents.raise_epochs(session, tenant, beneficiary=beneficiary)
        await self._tell(session, made, EventKind.RESTRICTION_IMPOSED)
        return made

    async def _hold_still(self, session: AsyncSession, tenant: str, beneficiary: str) -> None:
        """Lock every consent of the person, also those that they are just deciding.

        One that is authorised while we write would keep its epoch, and whoever draws a token on it
        would not see us yet. Under the person's lock no new consent comes to be (its foreign key
        waits for us); those that came between the two locks are locked by the second round.
        """
        await consent_store.of_beneficiary(session, tenant, beneficiary, locked=True)
        await self.people.lock(session, tenant, beneficiary)
        await consent_store.of_beneficiary(session, tenant, beneficiary, locked=True)

    async def lift(
        self,
        session: AsyncSession,
        tenant: str,
        beneficiary: str,
        restriction_id: str,
        *,
        by: Side,
    ) -> None:
        """Lift a restriction; lifting it twice changes nothing, the first time keeps its date.

        Raises:
            NotFound: the person has no such restriction.
            RestrictionOfThePerson: the centre lifts what the person imposed on their own page.
        """
        held = await store.find(session, tenant, beneficiary, restriction_id)
        if held is None:
            raise NotFound
        if held.lifted_at is None:
            if not may_lift(by, held.imposed_by):
                raise RestrictionOfThePerson(
                    "The person lifts it on their own page (`/me/stop`); send them a personal link."
                )
            held.lifted_at, held.lifted_by = self.now(), str(by)
            await self._tell(session, held, EventKind.RESTRICTION_LIFTED)

    async def standing_objection(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> Restriction | None:
        """Return the objection of a person that stands; the oldest, where there are several."""
        return await store.standing(session, tenant, beneficiary, RestrictionKind.OBJECTION)

    async def of_beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> Sequence[Restriction]:
        """Return every restriction and objection of a person, oldest first, for their own page."""
        return await store.of_beneficiary(session, tenant, beneficiary)

    async def page(
        self,
        session: AsyncSession,
        tenant: str,
        beneficiary: str,
        *,
        after: str | None,
        limit: int,
    ) -> Sequence[Restriction]:
        """Return a person's restrictions, oldest first, one more than the page holds."""
        await self.people.beneficiary(session, tenant, beneficiary)
        return await store.page(session, tenant, beneficiary, after=after, limit=limit)

    async def _tell(self, session: AsyncSession, held: Restriction, kind: EventKind) -> None:
        await self.events.emit(
            session, held.tenant, kind, restriction=held.id, beneficiary=held.beneficiary
        )
