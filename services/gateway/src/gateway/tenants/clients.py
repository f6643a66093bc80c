"""What an operator does with clients: register, give a new secret or new keys, revoke."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.problems import ClientProof
from gateway.tables import Client
from gateway.tenants import doors, rules, store
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import InvalidRequest, NotFound
from keel.tenancy import enter
from keel.tokens import PublicKeys

MAX_KEYS = 10
MAX_OVERLAP = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Clients:
    """The operator's verbs on clients, each in the caller's transaction."""

    now: Callable[[], datetime] = utc_now

    async def create(
        self,
        session: AsyncSession,
        tenant: str,
        *,
        scopes: Sequence[rules.Scope],
        name: str | None,
        jwks: Mapping[str, Any] | None,
        dpop: bool = False,
    ) -> tuple[Client, str | None]:
        """Register a client; returns its secret, or None where it proves itself by its keys.

        With `dpop`, each of its tokens is bound to a key that it proves to hold (RFC 9449).

        Raises:
            NotFound: there is no such tenant.
            InvalidRequest: the keys are not public P-256 keys, each under its own id.
        """
        if await store.find_tenant(session, tenant) is None:
            raise NotFound(f"No tenant is called {tenant}; `tenant list` shows them.")
        secret = rules.new_secret() if jwks is None else None
        client = Client(
            id=new_id("cli"),
            tenant=tenant,
            name=name,
            secret_sha256=None if secret is None else rules.secret_digest(secret),
            jwks=None if jwks is None else _public(jwks),
            dpop=dpop,
            scopes=[str(scope) for scope in scopes or rules.Scope],
            epoch=1,
            created_at=self.now(),
        )
        await enter(session, tenant)
        await store.add_client(session, client)
        await doors.add(session, client.id, tenant)
        return client, secret

    async def rotate_secret(
        self, session: AsyncSession, client_id: str, *, overlap: timedelta
    ) -> tuple[Client, str]:
        """Give a client a new secret; the old one is dead at once, or after `overlap` (max. 1 h).

        Raises:
            NotFound: there is no such client, or it was revoked.
            ClientProof: it has no secret.
        """
        client = await self._standing(session, client_id)
        if client.secret_sha256 is None:
            raise ClientProof("This client has no secret: give it new keys (`replace-jwks`).")
        secret = rules.new_secret()
        overlaps = timedelta() < overlap <= MAX_OVERLAP
        client.retiring_secret_sha256 = client.secret_sha256 if overlaps else None
        client.retiring_until = self.now() + overlap if overlaps else None
        client.secret_sha256 = rules.secret_digest(secret)
        await session.flush()
        return client, secret

    async def replace_keys(
        self, session: AsyncSession, client_id: str, jwks: Mapping[str, Any]
    ) -> Client:
        """Let a client prove itself by these keys and no others, from now on.

        Raises:
            NotFound: there is no such client, or it was revoked.
            ClientProof: it proves itself by a secret.
            InvalidRequest: the keys are not public P-256 keys, each under its own id.
        """
        client = await self._standing(session, client_id)
        if client.jwks is None:
            raise ClientProof("This client proves itself by a secret (`rotate-secret`).")
        client.jwks = _public(jwks)
        await session.flush()
        return client

    async def revoke(self, session: AsyncSession, client_id: str) -> Client:
        """End a client for good: its tokens and its long-lived keys are dead from the commit on.

        Raises:
            NotFound: there is no such client, or it was revoked.
        """
        client = await self._standing(session, client_id)
        client.revoked_at = self.now()
        client.epoch += 1
        await session.flush()
        return client

    async def _standing(self, session: AsyncSession, client_id: str) -> Client:
        await doors.go_through(session, client_id)
        client = await store.lock_client(session, client_id)
        if client is None or client.revoked_at is not None:
            raise NotFound(f"No client is called {client_id}; `client list` shows them.")
        return client


def _public(jwks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a JWK Set that matter; private members are refused, never stored."""
    try:
        PublicKeys.registered(jwks)
        kept = [{m: jwk[m] for m in ("kty", "crv", "x", "y", "kid")} for jwk in jwks["keys"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        kept = []
    if not 0 < len(kept) <= MAX_KEYS:
        raise InvalidRequest(
            f"Give a JWK Set of 1 to {MAX_KEYS} public P-256 keys (kty EC), each with a `kid` of "
            "its own, and no private member."
        )
    return {"keys": kept}
