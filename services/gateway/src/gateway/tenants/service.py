"""The verbs of tenants: create one, authenticate its software, issue and read access tokens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.counsellors.store import is_active
from gateway.keyring import RotatingKey
from gateway.problems import ProofRefused, ScopeRefused, TokenHasExpired, TokenInvalid
from gateway.tables import Client, Tenant, UsedAssertion
from gateway.tenants import doors, rules, store
from gateway.tenants.possession import SCHEME, Presented, bound_to, challenge, possession
from gateway.tenants.proofs import Assertion, Once, Proof, Secret, once, refused
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import InvalidRequest
from keel.tenancy import enter
from keel.tokens import (
    PublicKeys,
    TokenExpired,
    TokenRefused,
    claims_unverified,
    is_text,
    new_jti,
    verify,
    verify_assertion,
)

_TYP = "at+jwt"
_MAX_LIFETIME = timedelta(seconds=900)
_PROVE = "Send one fresh DPoP proof of this request, by the key of the token (RFC 9449)."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a client of a tenant, perhaps on behalf of a counsellor.

    `given_up` are the ids of the tokens of this request that the client gave up (RFC 7009); `jkt`
    is the thumbprint of the key that the access token is bound to (RFC 9449).
    """

    tenant: str
    client: str
    scopes: frozenset[str]
    counsellor: str | None
    given_up: frozenset[str] = frozenset()
    jkt: str | None = None


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant and the credentials of its first client, shown once."""

    tenant: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tenants:
    """The verbs of tenants."""

    key: RotatingKey
    issuer: str
    lifetime: timedelta
    now: Callable[[], datetime] = utc_now

    async def create(self, session: AsyncSession, name: str, siren: str | None) -> NewTenant:
        """Create a tenant with one client that has every scope.

        Raises:
            InvalidRequest: the SIREN is none.
        """
        if siren is not None and not rules.is_siren(siren):
            raise InvalidRequest(
                "This is no SIREN: nine digits, of which the last checks the rest."
            )
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

    async def authenticate(self, session: AsyncSession, proof: Proof) -> tuple[Client, Tenant]:
        """Return the client that a proof is of; the transaction becomes that of its tenant.

        Raises:
            ClientRefused: unknown, revoked, suspended or not proved; the four look the same.
        """
        await doors.go_through(session, proof.client)
        found = await store.find_client(session, proof.client)
        if found is None or found[0].revoked_at is not None or found[1].suspended_at is not None:
            raise refused()
        if isinstance(proof, Secret):
            proved = self._knows(found[0], proof)
        else:
            proved = await self._signed(session, found[0], proof)
        if not proved:
            raise refused()
        return found

    def _knows(self, client: Client, proof: Secret) -> bool:
        digests = [client.secret_sha256]
        if client.retiring_until is not None and self.now() < client.retiring_until:
            digests.append(client.retiring_secret_sha256)
        return any(d is not None and rules.is_secret(proof.secret, d) for d in digests)

    async def _signed(self, session: AsyncSession, client: Client, proof: Assertion) -> bool:
        if client.jwks is None:
            return False
        try:
            claims = verify_assertion(proof.token, PublicKeys.registered(client.jwks))
        except TokenRefused:
            return False
        audiences = frozenset({self.issuer, self.token_endpoint})
        held = once(claims, client=client.id, audiences=audiences, at=self.now())
        return held is not None and await _use(session, client, held)

    @property
    def token_endpoint(self) -> str:
        """Where tokens are drawn."""
        return f"{self.issuer}/oauth2/token"

    async def key_held(self, session: AsyncSession, client: Client, proofs: Sequence[str]) -> str:
        """Return the thumbprint of the key that a request for a token proves to hold (RFC 9449, 5).

        Raises:
            ProofRefused: there is not one proof, or it does not hold, or it was used before.
        """
        try:
            shown = possession(
                proofs, method="POST", address=self.token_endpoint, token=None, at=self.now()
            )
        except TokenRefused:
            raise ProofRefused(_PROVE) from None
        if not await _use(session, client, shown.once):
            raise ProofRefused(_PROVE)
        return shown.jkt

    async def issue(
        self,
        session: AsyncSession,
        client: Client,
        *,
        scope: str | None,
        counsellor: str | None,
        jkt: str | None = None,
    ) -> tuple[str, list[str]]:
        """Return an access token and its scopes (RFC 6749 section 4.4, RFC 9068).

        With `jkt`, it is good only for whoever holds the key of that thumbprint.

        Raises:
            ScopeRefused: a scope was asked that the client does not have.
            ClientRefused: the counsellor is another tenant's.
        """
        scopes = rules.granted(scope, client.scopes)
        if scopes is None:
            raise ScopeRefused("Ask only for scopes that the client was given.")
        if counsellor and not await is_active(session, client.tenant, counsellor):
            raise refused("The counsellor is not an active one of this tenant's.")
        return self._sign(client, scopes, counsellor, jkt), scopes

    def _sign(
        self, client: Client, scopes: list[str], counsellor: str | None, jkt: str | None
    ) -> str:
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
        if jkt:
            claims["cnf"] = {"jkt": jkt}
        return self.key.sign(_TYP, claims)

    def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of an access token of ours, whatever the rows say.

        Raises:
            TokenExpired, TokenRefused: as named.
        """
        claims = verify(
            token,
            self.key,
            typ=_TYP,
            issuer=self.issuer,
            audience=self.issuer,
            at=self.now(),
            lifetime=_MAX_LIFETIME,
        )
        texts = [claims.get(name) for name in ("client_id", "tenant", "scope", "jti")]
        if "act" in claims:
            texts.append(claims["act"].get("sub") if isinstance(claims["act"], dict) else None)
        if not all(is_text(text) for text in texts) or type(claims.get("cle")) is not int:
            raise TokenRefused("claims")
        if claims.get("sub") != claims["client_id"]:
            raise TokenRefused("claims")
        bound_to(claims)
        return claims

    async def caller(
        self,
        session: AsyncSession,
        token: str | Presented,
        *,
        consent_token: str | None = None,
    ) -> Caller:
        """Return who a token or a long-lived key stands for, as the rows say now.

        `consent_token` is what the request carries beside it: whether its client gave it up is
        looked up in the same statement. A token that is bound to a key is good only as presented
        with a proof; the proof is used up in this transaction.

        Raises:
            TokenHasExpired, TokenInvalid: as named.
        """
        shown = Presented(token) if isinstance(token, str) else token
        beside = _jti_of(consent_token)
        if shown.token.startswith(rules.API_KEY_PREFIX):
            return await self._key_holder(session, shown, beside)
        wrong = shown.challenge()
        try:
            claims = self.claims(shown.token)
        except TokenExpired:
            raise TokenHasExpired("Draw a new token.", headers=wrong) from None
        except TokenRefused:
            raise TokenInvalid("Draw a new token.", headers=wrong) from None
        await enter(session, claims["tenant"])
        if not await self.stands(session, claims):
            raise TokenInvalid("The client or the counsellor is no longer active.", headers=wrong)
        given_up = await store.revoked(session, claims["tenant"], {claims["jti"], *beside})
        if claims["jti"] in given_up:
            raise TokenInvalid("This token was given up.", headers=wrong)
        jkt = bound_to(claims)
        await self._require_held(session, claims, jkt, shown)
        scopes = frozenset(claims["scope"].split())
        act = claims["act"]["sub"] if "act" in claims else None
        return Caller(claims["tenant"], claims["client_id"], scopes, act, given_up, jkt)

    async def _require_held(
        self,
        session: AsyncSession,
        claims: Mapping[str, Any],
        jkt: str | None,
        shown: Presented,
    ) -> None:
        """Refuse a bound token without its key, and any other token that claims to be bound."""
        if jkt is None:
            if shown.is_bound:
                raise TokenInvalid(
                    "This token is bound to no key: send `Authorization: Bearer`.",
                    headers=challenge("invalid_token"),
                )
            return
        if not shown.is_bound:
            raise TokenInvalid(
                f"This token is bound to a key: send `Authorization: {SCHEME}` and a `DPoP` proof.",
                headers=challenge("invalid_token"),
            )
        if shown.held_by == jkt:
            return
        try:
            held = possession(
                shown.proofs,
                method=shown.method,
                address=shown.address,
                token=shown.token,
                at=self.now(),
            )
        except TokenRefused:
            held = None
        if held is None or held.jkt != jkt:
            raise TokenInvalid(_PROVE, headers=challenge("invalid_dpop_proof"))
        used = _used(claims["tenant"], claims["client_id"], held.once)
        if not await store.use_assertion(session, used):
            raise TokenInvalid(_PROVE, headers=challenge("invalid_dpop_proof"))
        shown.held_by = jkt

    async def stands(self, session: AsyncSession, claims: Mapping[str, Any]) -> bool:
        """Say whether client, tenant and counsellor of our token are as when it was drawn.

        A client that was registered to bind its tokens has no other.
        """
        found = await store.find_client(session, claims["client_id"])
        if found is None:
            return False
        client, tenant = found
        if "act" in claims and not await is_active(session, tenant.id, claims["act"]["sub"]):
            return False
        return (
            client.revoked_at is None
            and tenant.suspended_at is None
            and client.epoch == claims["cle"]
            and (not client.dpop or "cnf" in claims)
        )

    async def _key_holder(
        self, session: AsyncSession, shown: Presented, beside: frozenset[str]
    ) -> Caller:
        """Return the client that a long-lived key stands for, with the key's scopes at most."""
        wrong = shown.challenge()
        if shown.is_bound:
            raise TokenInvalid("Send a key as `Authorization: Bearer`.", headers=wrong)
        await doors.go_through(session, shown.token)
        found = await store.find_api_key(session, rules.secret_digest(shown.token))
        if found is None or found[0].revoked_at is not None:
            raise TokenInvalid("Send a key that was not deleted.", headers=wrong)
        key, client, tenant = found
        if key.expires_at <= self.now():
            raise TokenHasExpired("Make a new key.", headers=wrong)
        if client.revoked_at is not None or tenant.suspended_at is not None:
            raise TokenInvalid("The client is no longer active.", headers=wrong)
        if client.dpop:
            raise TokenInvalid("This client draws tokens bound to its key.", headers=wrong)
        if key.counsellor and not await is_active(session, tenant.id, key.counsellor):
            raise TokenInvalid("The key's counsellor is no longer active.", headers=wrong)
        given_up = await store.revoked(session, tenant.id, beside) if beside else frozenset()
        scopes = frozenset(key.scopes) & frozenset(client.scopes)
        return Caller(tenant.id, client.id, scopes, key.counsellor, given_up)


async def _use(session: AsyncSession, client: Client, held: Once) -> bool:
    """Use up what a client signed; False when it was used before."""
    return await store.use_assertion(session, _used(client.tenant, client.id, held))


def _used(tenant: str, client: str, held: Once) -> UsedAssertion:
    return UsedAssertion(
        tenant=tenant, client=client, jti_sha256=held.jti_sha256, ends_at=held.ends_at
    )


def _jti_of(token: str | None) -> frozenset[str]:
    """Return the id that a token claims, unverified: only to know what to look up."""
    try:
        jti = None if token is None else claims_unverified(token).get("jti")
    except TokenRefused:
        return frozenset()
    return frozenset({str(jti)}) if is_text(jti) else frozenset()
