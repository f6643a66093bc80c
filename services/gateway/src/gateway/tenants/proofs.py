"""How a client proves who it is (RFC 6749 section 2.3, RFC 7523 section 3): one way at a time."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from gateway.problems import ClientRefused, TokenRequestRefused
from keel.tokens import LEEWAY, TokenRefused, claims_unverified

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST = timedelta(minutes=5)
_MAX_JTI = 255
_MAX_CLIENT = 200
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="oauth2", charset="UTF-8"'}


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """`client_secret_basic`: an id and a secret."""

    client: str
    secret: str


@dataclass(frozen=True, slots=True, repr=False)
class Assertion:
    """`private_key_jwt`: what a client signed about itself; whose key, the claim says."""

    client: str
    token: str


Proof = Secret | Assertion


def refused(detail: str = "Check the client id and its secret or key.") -> ClientRefused:
    """Return the one refusal of a client: unknown, revoked, suspended and wrong look the same."""
    return ClientRefused(detail, headers=_CHALLENGE)


def proof_of(
    *,
    authorization: str | None,
    client_id: str | None,
    client_secret: str | None,
    assertion_type: str | None,
    assertion: str | None,
) -> Proof:
    """Return the one proof that a request carries.

    Raises:
        TokenRequestRefused: two ways at once, or an assertion without its type.
        ClientRefused: no proof, or one of a way that is not taken here.
    """
    asserted = assertion is not None or assertion_type is not None
    if authorization is not None and (asserted or client_secret is not None):
        raise TokenRequestRefused("Prove the client in one way only (RFC 6749 section 2.3).")
    if client_secret is not None:
        raise refused("Send the client id and secret by HTTP Basic, not in the form.")
    proof = _asserted(assertion_type, assertion) if asserted else _basic(authorization)
    if client_id is not None and client_id != proof.client:
        raise TokenRequestRefused("`client_id` names another client than its proof.")
    return proof


def _basic(authorization: str | None) -> Secret:
    """Read HTTP Basic as RFC 6749 section 2.3.1 wants it: both halves form-encoded."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        raise refused("Send the client id and secret by HTTP Basic, or a client assertion.")
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        raise refused("Send the client id and secret by HTTP Basic.") from None
    client, secret = unquote(client), unquote(secret)
    if not client.isprintable() or len(client) > _MAX_CLIENT:  # a NUL is no text to PostgreSQL
        raise refused()
    return Secret(client, secret)


def _asserted(assertion_type: str | None, assertion: str | None) -> Assertion:
    if assertion is None or assertion_type != ASSERTION_TYPE:
        raise TokenRequestRefused(
            f"Send both `client_assertion` and client_assertion_type={ASSERTION_TYPE}."
        )
    try:
        claimed = claims_unverified(assertion).get("sub")
    except TokenRefused:
        raise refused() from None
    if not isinstance(claimed, str) or not claimed.isprintable() or len(claimed) > _MAX_CLIENT:
        raise refused()
    return Assertion(claimed, assertion)


@dataclass(frozen=True, slots=True)
class Once:
    """What makes an assertion good for once: the digest of its `jti`, and until when."""

    jti_sha256: bytes
    ends_at: datetime


def once(
    claims: Mapping[str, Any], *, client: str, audiences: frozenset[str], at: datetime
) -> Once | None:
    """Return what to remember of an assertion; None when its claims do not hold (RFC 7523, 3)."""
    now = at.timestamp()
    audience, jti, ends = claims.get("aud"), claims.get("jti"), claims.get("exp")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not claims.get("iss") == claims.get("sub") == client:
        return None
    if not isinstance(audience, str) or audience not in audiences:
        return None
    if type(ends) is not int or not now < ends <= now + _LONGEST.total_seconds():
        return None
    for name in ("iat", "nbf"):
        begins = claims.get(name, 0)
        if type(begins) is not int or not 0 <= begins <= now + LEEWAY.total_seconds():
            return None
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        return None
    digest = hashlib.sha256(jti.encode("utf-8", "surrogatepass")).digest()
    return Once(digest, datetime.fromtimestamp(ends, at.tzinfo))
