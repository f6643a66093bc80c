"""The verbs of tenants: create, authenticate their software, issue and read access tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.counsellors.store import is_active
from gateway.problems import ClientRefused, ScopeInsufficient, TokenHasExpired, TokenInvalid
from gateway.tables import Client, Tenant
from gateway.tenants import doors, rules, store
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.tenancy import enter
from keel.tokens import (
    PublicKeys,
    SigningKey,
    TokenExpired,
    TokenRefused,
    new_jti,
    verify,
)

_TYP = "at+jwt"
_MAX_LIFETIME = timedelta(seconds=900)
_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a client of a tenant, perhaps on behalf of a counsellor."""

    tenant: str
    client: str
    scopes: frozenset[str]
    counsellor: str | None


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant and the credentials of its first client, shown once."""

    tenant: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class Tenants:
    """The verbs of tenants."""

    key: SigningKey
    issuer: str
    lifetime: timedelta
    now: Callable[[], datetime] = utc_now

    async def create(self, session: AsyncSession, name: str, siren: str | None) -> NewTenant:
        """Create a tenant with one client that has every scope."""
        secret = rules.new_secret()
        tenant = Tenant(id=new_id("tnt"), name=name, siren=siren, created_at=self.now())
        client = Client(
            id=new_id("cli"),
            tenant=tenant.id,
            secret_sha256=rules.secret_digest(secret),
            scopes=[str(scope) for scope in rules.Scope],
            epoch=1,
            created_at=self.now(),
        )
        await enter(session, tenant.id)
        await store.add_tenant(session, tenant, client)
        await doors.add(session, client.id, tenant.id)
        return NewTenant(tenant.id, client.id, secret)

    async def issue(
        self,
        session: AsyncSession,
        client_id: str,
        secret: str,
        *,
        scope: str | None,
        counsellor: str | None,
    ) -> tuple[str, list[str]]:
        """Return an access token and its scopes (RFC 6749 section 4.4, RFC 9068).

        Raises:
            ClientRefused: unknown, revoked, suspended or wrong secret; the four look the same.
            ScopeInsufficient: a scope was asked that the client does not have.
        """
        await doors.go_through(session, client_id)
        found = await store.find_client(session, client_id)
        if found is None or not rules.is_secret(secret, found[0].secret_sha256):
            raise ClientRefused("Check the client id and secret.")
        client, tenant = found
        if client.revoked_at is not None or tenant.suspended_at is not None:
            raise ClientRefused("Check the client id and secret.")
        scopes = rules.granted(scope, client.scopes)
        if scopes is None:
            raise ScopeInsufficient("Ask only for scopes that the client was given.")
        if counsellor and not await is_active(session, tenant.id, counsellor):
            raise ClientRefused("The counsellor is not an active one of this tenant's.")
        return self._sign(client, scopes, counsellor), scopes

    def _sign(self, client: Client, scopes: list[str], counsellor: str | None) -> str:
        issued = int(self.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": client.id,
            "client_id": client.id,
            "tenant": client.tenant,
            "cle": client.epoch,
            "scope": " ".join(scopes),
            "iat": issued,
            "nbf": issued,
            "exp": issued + int(self.lifetime.total_seconds()),
            "jti": new_jti(),
        }
        if counsellor:
            claims["act"] = {"sub": counsellor}
        return self.key.sign(_TYP, claims)

    async def caller(self, session: AsyncSession, token: str) -> Caller:
        """Return who a token stands for, as the rows say now.

        Raises:
            TokenHasExpired, TokenInvalid: as named.
        """
        try:
            claims = verify(
                token,
                PublicKeys.of(self.key),
                typ=_TYP,
                issuer=self.issuer,
                audience=self.issuer,
                at=self.now(),
                lifetime=_MAX_LIFETIME,
            )
            client_id, epoch = str(claims["client_id"]), claims["cle"]
            tenant = str(claims["tenant"])
            act = claims.get("act", {}).get("sub")
        except TokenExpired:
            raise TokenHasExpired("Draw a new token.", headers=_CHALLENGE) from None
        except (TokenRefused, KeyError, AttributeError):
            raise TokenInvalid("Draw a new token.", headers=_CHALLENGE) from None
        await enter(session, tenant)
        found = await store.find_client(session, client_id)
        if found is None or found[0].revoked_at or found[1].suspended_at or found[0].epoch != epoch:
            raise TokenInvalid("The client is no longer active.", headers=_CHALLENGE)
        if act and not await is_active(session, tenant, act):
            raise TokenInvalid("The counsellor is no longer active.", headers=_CHALLENGE)
        scopes = frozenset(str(claims["scope"]).split())
        return Caller(found[1].id, client_id, scopes, act)
