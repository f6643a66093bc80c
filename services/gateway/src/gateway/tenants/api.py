"""OAuth2 for the software of a centre: tokens, what they are worth, giving them up, metadata."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Header, Request, Response
from pydantic import BaseModel, Field

from gateway.problems import (
    ClientRefused,
    GrantTypeRefused,
    ProofRefused,
    ScopeRefused,
    TokenRequestRefused,
)
from gateway.tables import Client
from gateway.tenants.oauth import OAuthRoute
from gateway.tenants.possession import ALGORITHMS
from gateway.tenants.proofs import proof_of
from gateway.tenants.rules import Scope
from gateway.wiring import DatabaseDep, IntrospectionDep, TenantsDep
from keel.database import SessionDep
from keel.identifiers import CounsellorId
from keel.problems import problems

router = APIRouter(tags=["oauth2"])
endpoints = APIRouter(tags=["oauth2"], prefix="/oauth2", route_class=OAuthRoute)
_REFUSALS = (TokenRequestRefused, ClientRefused)
_METHODS = ["client_secret_basic", "private_key_jwt"]


class AccessToken(BaseModel):
    """An access token (RFC 6749, section 5.1)."""

    access_token: str = Field(max_length=4096)
    token_type: Literal["Bearer", "DPoP"]
    expires_in: int = Field(ge=1, le=900)
    scope: str = Field(max_length=400)


class TokenActor(BaseModel):
    """On whose behalf a token is used (RFC 8693)."""

    sub: str = Field(max_length=32)


class TokenKey(BaseModel):
    """The key to which a token is bound (RFC 9449, section 6.1)."""

    jkt: str = Field(max_length=43)


class TokenState(BaseModel):
    """What a token is worth now (RFC 7662, section 2.2); if nothing, only `active: false`."""

    active: bool
    token_type: Literal["Bearer", "DPoP", "Consent-Token"] | None = None
    iss: str | None = Field(default=None, max_length=300)
    sub: str | None = Field(default=None, max_length=32)
    aud: str | None = Field(default=None, max_length=300)
    client_id: str | None = Field(default=None, max_length=32)
    tenant: str | None = Field(default=None, max_length=32)
    scope: str | None = Field(default=None, max_length=400)
    iat: int | None = Field(default=None, ge=0)
    nbf: int | None = Field(default=None, ge=0)
    exp: int | None = Field(default=None, ge=0)
    jti: str | None = Field(default=None, max_length=64)
    act: TokenActor | None = None
    cnf: TokenKey | None = None
    cid: str | None = Field(default=None, max_length=32)
    authorization_details: list[dict[str, Any]] | None = Field(default=None, max_length=50)


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

    keys: list[Jwk] = Field(max_length=200)


class ServerMetadata(BaseModel):
    """What an OAuth library needs to know of this server (RFC 8414, section 2)."""

    issuer: str = Field(max_length=300)
    token_endpoint: str = Field(max_length=300)
    introspection_endpoint: str = Field(max_length=300)
    revocation_endpoint: str = Field(max_length=300)
    jwks_uri: str = Field(max_length=300)
    service_documentation: str = Field(max_length=300)
    scopes_supported: list[str] = Field(max_length=50)
    response_types_supported: list[str] = Field(max_length=0)
    grant_types_supported: list[str] = Field(max_length=5)
    token_endpoint_auth_methods_supported: list[str] = Field(max_length=5)
    token_endpoint_auth_signing_alg_values_supported: list[str] = Field(max_length=5)
    introspection_endpoint_auth_methods_supported: list[str] = Field(max_length=5)
    introspection_endpoint_auth_signing_alg_values_supported: list[str] = Field(max_length=5)
    revocation_endpoint_auth_methods_supported: list[str] = Field(max_length=5)
    revocation_endpoint_auth_signing_alg_values_supported: list[str] = Field(max_length=5)
    dpop_signing_alg_values_supported: list[str] = Field(max_length=5)


async def _authenticated(
    request: Request,
    database: DatabaseDep,
    tenants: TenantsDep,
    authorization: Annotated[str | None, Header(max_length=1000)] = None,
    client_id: Annotated[str | None, Form(max_length=200)] = None,
    client_secret: Annotated[str | None, Form(max_length=200)] = None,
    client_assertion_type: Annotated[str | None, Form(max_length=100)] = None,
    client_assertion: Annotated[str | None, Form(max_length=4096)] = None,
) -> Client:
    """Return the client that the request proves to be of, by one of two ways."""
    await _refuse_repeated(request)
    proof = proof_of(
        authorization=authorization,
        client_id=client_id,
        client_secret=client_secret,
        assertion_type=client_assertion_type,
        assertion=client_assertion,
    )
    # Committed whatever follows: an assertion is used up also where the request is refused.
    async with database.begin() as session:
        client, tenant = await tenants.authenticate(session, proof)
    request.state.tenant = tenant.id
    return client


async def _refuse_repeated(request: Request) -> None:
    """Raise `TokenRequestRefused` when a parameter comes twice (RFC 6749, section 3.2)."""
    names = [name for name, _ in (await request.form()).multi_items()]
    if len(names) != len(set(names)):
        raise TokenRequestRefused("Send each parameter once.")


ClientDep = Annotated[Client, Depends(_authenticated)]


async def _key_held(
    request: Request, database: DatabaseDep, tenants: TenantsDep, client: ClientDep
) -> str | None:
    """Return the key to which a token is to be bound; None where the client binds none."""
    if not client.dpop:
        return None
    # Committed whatever follows, as an assertion is.
    async with database.begin(client.tenant) as session:
        return await tenants.key_held(session, client, request.headers.getlist("dpop"))


_KeyHeldDep = Annotated[str | None, Depends(_key_held)]
_PROOF_PARAMETER = {
    "name": "DPoP",
    "in": "header",
    "required": False,
    "description": "A proof of a key (RFC 9449): for clients that were registered with `--dpop`.",
    "schema": {"type": "string"},
}
_Token = Annotated[str, Form(min_length=1, max_length=10_000)]
_Hint = Annotated[str | None, Form(max_length=100)]


@endpoints.post(
    "/token",
    responses=problems(*_REFUSALS, GrantTypeRefused, ScopeRefused, ProofRefused),
    openapi_extra={"parameters": [_PROOF_PARAMETER]},
)
async def issue_access_token(
    session: SessionDep,
    tenants: TenantsDep,
    client: ClientDep,
    key_held: _KeyHeldDep,
    grant_type: Annotated[str, Form(max_length=100)],
    scope: Annotated[str | None, Form(max_length=400)] = None,
    counsellor: Annotated[CounsellorId | None, Form()] = None,
) -> AccessToken:
    """Draw an access token (client credentials; `client_secret_basic` or `private_key_jwt`).

    With `counsellor`, the token carries `act`: the calls are made on that counsellor's behalf. A
    client that was registered for DPoP sends a proof and gets a token bound to its key.
    """
    if grant_type != "client_credentials":
        raise GrantTypeRefused("Send grant_type=client_credentials.")
    token, scopes = await tenants.issue(
        session, client, scope=scope, counsellor=counsellor, jkt=key_held
    )
    return AccessToken(
        access_token=token,
        token_type="Bearer" if key_held is None else "DPoP",
        expires_in=int(tenants.lifetime.total_seconds()),
        scope=" ".join(scopes),
    )


@endpoints.post("/introspect", responses=problems(*_REFUSALS), response_model_exclude_unset=True)
async def introspect_token(
    session: SessionDep,
    introspection: IntrospectionDep,
    client: ClientDep,
    token: _Token,
    token_type_hint: _Hint = None,  # noqa: ARG001 - RFC 7662: a token tells its kind by itself
) -> TokenState:
    """Say what an access token or a consent token of this client is worth now (RFC 7662)."""
    return TokenState.model_validate(await introspection.state(session, client, token))


@endpoints.post("/revoke", response_class=Response, responses=problems(*_REFUSALS))
async def revoke_token(
    session: SessionDep,
    introspection: IntrospectionDep,
    client: ClientDep,
    token: _Token,
    token_type_hint: _Hint = None,  # noqa: ARG001 - the same
) -> Response:
    """Give an access token or a consent token of this client up (RFC 7009); none of ours: 200 too.

    A consent itself ends by `DELETE /v1/consents/{consent}`, or by the person's own act.
    """
    await introspection.give_up(session, client, token)
    return Response()


@router.get("/.well-known/jwks.json")
async def read_public_keys(request: Request, response: Response) -> JwkSet:
    """Return the public keys that verify tokens and consent receipts."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return JwkSet.model_validate(request.app.state.keyring.published().to_jwks())


@router.get("/.well-known/oauth-authorization-server")
async def read_server_metadata(tenants: TenantsDep, response: Response) -> ServerMetadata:
    """Return what an OAuth library needs to know of this server (RFC 8414)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    issuer = tenants.issuer
    return ServerMetadata(
        issuer=issuer,
        token_endpoint=f"{issuer}/oauth2/token",
        introspection_endpoint=f"{issuer}/oauth2/introspect",
        revocation_endpoint=f"{issuer}/oauth2/revoke",
        jwks_uri=f"{issuer}/.well-known/jwks.json",
        service_documentation=f"{issuer}/docs",
        scopes_supported=[str(scope) for scope in Scope],
        response_types_supported=[],
        grant_types_supported=["client_credentials"],
        token_endpoint_auth_methods_supported=_METHODS,
        token_endpoint_auth_signing_alg_values_supported=["ES256"],
        introspection_endpoint_auth_methods_supported=_METHODS,
        introspection_endpoint_auth_signing_alg_values_supported=["ES256"],
        revocation_endpoint_auth_methods_supported=_METHODS,
        revocation_endpoint_auth_signing_alg_values_supported=["ES256"],
        dpop_signing_alg_values_supported=list(ALGORITHMS),
    )
