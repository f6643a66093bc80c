"""The verbs of long-lived keys: make one, list them, end one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.api_keys import store
from gateway.counsellors.store import is_active
from gateway.problems import ClientProof, ScopeInsufficient
from gateway.tables import ApiKey
from gateway.tenants import doors, rules
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The verbs of long-lived keys, each in the caller's transaction."""

    now: Callable[[], datetime] = utc_now

    async def create(
        self,
        session: AsyncSession,
        caller: Caller,
        *,
        name: str,
        scopes: Sequence[rules.Scope],
        counsellor: str | None,
        validity: timedelta,
    ) -> tuple[ApiKey, str]:
        """Make a key of the calling client; returns it and its secret, shown once.

        Raises:
            ScopeInsufficient: a scope that the call itself does not have, or `keys`: a key that
                makes keys would outlive its own end. Or the call acts for another counsellor.
            NotFound: the counsellor is not an active one of this tenant's.
            ClientProof: the client binds its tokens to a key (RFC 9449), and has nothing that
                whoever finds it could use.
        """
        if caller.jkt is not None:
            raise ClientProof("This client binds its tokens to a key: draw tokens instead.")
        if rules.Scope.KEYS in scopes or not caller.scopes.issuperset(scopes):
            raise ScopeInsufficient("Give a key scopes of the token that makes it, never `keys`.")
        if caller.counsellor is not None and counsellor not in {None, caller.counsellor}:
            raise ScopeInsufficient(
                "A token that acts for a counsellor makes keys for that counsellor, or for none. "
                "Draw the token without `counsellor`, or on behalf of the one the key is for."
            )
        if counsellor and not await is_active(session, caller.tenant, counsellor):
            raise NotFound
        secret, at = rules.new_api_key(), self.now()
        key = ApiKey(
            tenant=caller.tenant,
            id=new_id("key"),
            client=caller.client,
            name=name,
            secret_sha256=rules.secret_digest(secret),
            scopes=sorted({str(scope) for scope in scopes}),
            counsellor=counsellor,
            created_at=at,
            expires_at=at + validity,
        )
        await store.add(session, key)
        await doors.add(session, secret, caller.tenant)
        return key, secret

    async def list(
        self, session: AsyncSession, caller: Caller, *, after: str | None, limit: int
    ) -> Sequence[ApiKey]:
        """Return the client's keys, one more than `limit` where there are more."""
        return await store.of_client(
            session, caller.tenant, caller.client, after=after, limit=limit
        )

    async def revoke(self, session: AsyncSession, caller: Caller, key_id: str) -> ApiKey:
        """End a key at once; ending it again changes nothing.

        Raises:
            NotFound: there is no such key of this client.
        """
        key = await store.find(session, caller.tenant, caller.client, key_id)
        if key is None:
            raise NotFound
        if key.revoked_at is None:
            key.revoked_at = self.now()
            await doors.wall_up(session, key.secret_sha256)
        return key
