"""What a token is worth now (RFC 7662), and giving one up (RFC 7009): access and consent tokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import row_refusal
from gateway.consents.service import Consents, held
from gateway.consents.store import find as find_consent
from gateway.tables import Client
from gateway.tenants import store
from gateway.tenants.service import Tenants
from keel.clock import utc_now
from keel.tokens import TokenRefused

ACCESS = "access_token"
CONSENT = "consent_token"
_SHOWN = (
    "iss", "sub", "aud", "client_id", "tenant", "scope", "iat", "nbf", "exp", "jti", "act", "cid",
    "authorization_details", "cnf",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Introspection:
    """What a client may ask about its own tokens; anybody else's look like none at all."""

    tenants: Tenants
    consents: Consents
    now: Callable[[], datetime] = utc_now

    async def state(self, session: AsyncSession, client: Client, token: str) -> dict[str, Any]:
        """Return what RFC 7662 section 2.2 says of a token; of a dead one, that it is inactive.

        The most restrictive of the rows decides: client, tenant, consent, and what was given up.
        """
        kind, claims = self._read(client, token)
        if not await self._is_active(session, kind, claims):
            return {"active": False}
        shown = {name: claims[name] for name in _SHOWN if name in claims}
        bearer = "DPoP" if "cnf" in claims else "Bearer"
        token_type = {ACCESS: bearer, CONSENT: "Consent-Token"}[kind]
        return {"active": True, "token_type": token_type, **shown}

    async def give_up(self, session: AsyncSession, client: Client, token: str) -> None:
        """End a token of the client's before its time; any other is left alone."""
        _, claims = self._read(client, token)
        if claims:
            ends_at = datetime.fromtimestamp(claims["exp"], UTC)
            await store.give_up(
                session, client.tenant, claims["jti"], ends_at=ends_at, at=self.now()
            )

    def _read(self, client: Client, token: str) -> tuple[str, Mapping[str, Any]]:
        """Return the kind and claims of a live token of this client's; no claims for any other."""
        for kind, read in ((ACCESS, self.tenants.claims), (CONSENT, self.consents.claims)):
            try:
                claims = read(token)
            except TokenRefused:
                continue
            if (claims["tenant"], claims["client_id"]) == (client.tenant, client.id):
                return kind, claims
        return ACCESS, {}

    async def _is_active(self, session: AsyncSession, kind: str, claims: Mapping[str, Any]) -> bool:
        if not claims or await store.revoked(session, claims["tenant"], {claims["jti"]}):
            return False
        if kind == ACCESS:
            return await self.tenants.stands(session, claims)
        consent = await find_consent(session, claims["tenant"], claims["cid"])
        return consent is not None and (
            row_refusal(held(consent), epoch=claims["cep"], at=self.now()) is None
        )
