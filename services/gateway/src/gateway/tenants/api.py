"""OAuth2 for the software of a centre: client credentials."""

import base64
import binascii
from typing import Annotated, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Form, Header, Request, Response
from pydantic import BaseModel, Field

from gateway.problems import ClientRefused, GrantTypeRefused, ScopeInsufficient
from gateway.wiring import TenantsDep
from keel.database import SessionDep
from keel.identifiers import CounsellorId
from keel.problems import problems

router = APIRouter(tags=["oauth2"])


class AccessToken(BaseModel):
    """An access token (RFC 6749, section 5.1)."""

    access_token: str = Field(max_length=4096)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a token type
    expires_in: int = Field(ge=1, le=900)
    scope: str = Field(max_length=400)


class Jwk(BaseModel):
    """A public key (RFC 7517)."""

    kty: str = Field(max_length=10)
    crv: str = Field(max_length=10)
    x: str = Field(max_length=43)
    y: str = Field(max_length=43)
    kid: str = Field(max_length=43)
    use: str = Field(max_length=10)
    alg: str = Field(max_length=10)


class JwkSet(BaseModel):
    """The public keys that verify our tokens and receipts."""

    keys: list[Jwk] = Field(max_length=20)


def _credentials(authorization: str | None) -> tuple[str, str]:
    """Read HTTP Basic as RFC 6749 section 2.3.1 wants it: both halves form-encoded."""
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        raise ClientRefused(
            "Send the client id and secret by HTTP Basic.",
            headers={"WWW-Authenticate": 'Basic realm="oauth2"'},
        ) from None
    if scheme.lower() != "basic":
        raise ClientRefused("Send the client id and secret by HTTP Basic.")
    client, secret = unquote(client), unquote(secret)
    if not client.isprintable():  # a NUL is no text to PostgreSQL
        raise ClientRefused("Check the client id and secret.")
    return client, secret


@router.post(
    "/oauth2/token", responses=problems(ClientRefused, GrantTypeRefused, ScopeInsufficient)
)
async def issue_access_token(
    response: Response,
    session: SessionDep,
    tenants: TenantsDep,
    grant_type: Annotated[str, Form(max_length=100)],
    scope: Annotated[str | None, Form(max_length=400)] = None,
    counsellor: Annotated[CounsellorId | None, Form()] = None,
    authorization: Annotated[str | None, Header(max_length=1000)] = None,
) -> AccessToken:
    """Draw an access token (client credentials, `client_secret_basic`).

    With `counsellor`, the token carries `act`: the calls are made on that counsellor's behalf.
    """
    if grant_type != "client_credentials":
        raise GrantTypeRefused("Send grant_type=client_credentials.")
    client_id, secret = _credentials(authorization)
    token, scopes = await tenants.issue(
        session, client_id, secret, scope=scope, counsellor=counsellor
    )
    response.headers["Cache-Control"] = "no-store"
    lifetime = int(tenants.lifetime.total_seconds())
    return AccessToken(access_token=token, expires_in=lifetime, scope=" ".join(scopes))


@router.get("/.well-known/jwks.json")
async def read_public_keys(request: Request, response: Response) -> JwkSet:
    """Return the public keys that verify tokens and consent receipts."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return JwkSet.model_validate(request.app.state.keyring.published().to_jwks())
