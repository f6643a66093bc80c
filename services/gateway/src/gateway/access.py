"""Who may enter: an access token with the scope of the area, and its key where it has one."""

from collections.abc import Awaitable
from typing import Annotated, Protocol, cast
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPBase

from gateway.edge.rates import Rates
from gateway.problems import ScopeInsufficient, TokenMissing
from gateway.tenants.possession import ALGORITHMS, SCHEME, Presented
from gateway.tenants.rules import Scope
from gateway.tenants.service import Caller, Tenants
from keel.database import Database

_bearer = HTTPBearer(
    auto_error=False,
    description="An access token from POST /oauth2/token, or a long-lived key (`psk_…`).",
)
_dpop = HTTPBase(
    scheme=SCHEME,
    scheme_name=SCHEME,
    auto_error=False,
    description=(
        "An access token that is bound to a key, for clients that were registered for it, with a "
        "proof in the header `DPoP` (RFC 9449)."
    ),
)
# For the document only: what a request presents is read by `presented`, at every place alike.
_BearerScheme = Annotated[object, Depends(_bearer)]
_DpopScheme = Annotated[object, Depends(_dpop)]
_CHALLENGES = {"WWW-Authenticate": f'Bearer, {SCHEME} algs="{" ".join(ALGORITHMS)}"'}


class Door(Protocol):
    """A dependency that lets a caller in, and says which scope it asks for."""

    scope: Scope

    def __call__(
        self, request: Request, bearer: _BearerScheme, dpop: _DpopScheme
    ) -> Awaitable[Caller]:
        """Return who calls, or raise."""


def presented(request: Request) -> Presented | None:
    """Return the token of a request with its proofs, one object however often it is asked for.

    Whoever asks first uses the proof up; it stays good for the rest of the same request.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token, is_bound = token.strip(), scheme.lower() == SCHEME.lower()
    if not token or not (is_bound or scheme.lower() == "bearer"):
        return None
    if not hasattr(request.state, "presented"):
        tenants: Tenants = request.app.state.tenants
        request.state.presented = Presented(
            token,
            is_bound=is_bound,
            method=request.method,
            address=tenants.issuer + quote(request.scope["path"]),
            proofs=request.headers.getlist("dpop"),
        )
    found: Presented = request.state.presented
    return found


def _needs(scope: Scope) -> Door:
    async def enter(request: Request, bearer: _BearerScheme, dpop: _DpopScheme) -> Caller:  # noqa: ARG001 - the schemes are for the document
        shown = presented(request)
        if shown is None:
            raise TokenMissing(
                "Send `Authorization: Bearer` with a token from POST /oauth2/token.",
                headers=_CHALLENGES,
            )
        database: Database = request.app.state.database
        tenants: Tenants = request.app.state.tenants
        # A transaction of its own: what follows may wait for another service, and nobody holds
        # a connection while waiting.
        async with database.begin() as session:
            caller = await tenants.caller(
                session, shown, consent_token=request.headers.get("consent-token")
            )
        rates: Rates = request.app.state.rates
        rates.enter(request, caller.client)
        request.state.tenant = caller.tenant
        if scope not in caller.scopes:
            raise ScopeInsufficient(f"The token needs the scope `{scope}`.")
        return caller

    door = cast("Door", enter)
    door.scope = scope
    return door


PeopleCallerDep = Annotated[Caller, Depends(_needs(Scope.PEOPLE))]
BilanCallerDep = Annotated[Caller, Depends(_needs(Scope.BILANS))]
ConsentRequesterDep = Annotated[Caller, Depends(_needs(Scope.CONSENT_REQUEST))]
ConsentUserDep = Annotated[Caller, Depends(_needs(Scope.CONSENT_USE))]
DocumentCallerDep = Annotated[Caller, Depends(_needs(Scope.DOCUMENTS))]
RunCallerDep = Annotated[Caller, Depends(_needs(Scope.RUNS))]
MarketCallerDep = Annotated[Caller, Depends(_needs(Scope.MARKET))]
ReportCallerDep = Annotated[Caller, Depends(_needs(Scope.REPORTS))]
RecordReaderDep = Annotated[Caller, Depends(_needs(Scope.RECORDS_READ))]
EventCallerDep = Annotated[Caller, Depends(_needs(Scope.EVENTS))]
ApiKeyCallerDep = Annotated[Caller, Depends(_needs(Scope.KEYS))]
GovernanceCallerDep = Annotated[Caller, Depends(_needs(Scope.GOVERNANCE))]
UsageReaderDep = Annotated[Caller, Depends(_needs(Scope.USAGE))]
