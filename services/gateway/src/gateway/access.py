"""Who may enter: an access token with the scope of the area."""

from collections.abc import Awaitable
from typing import Annotated, Protocol, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.edge.rates import Rates
from gateway.problems import ScopeInsufficient, TokenMissing
from gateway.tenants.rules import Scope
from gateway.tenants.service import Caller, Tenants
from keel.database import Database

_bearer = HTTPBearer(
    auto_error=False,
    description="An access token from POST /oauth2/token, or a long-lived key (`psk_…`).",
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


class Door(Protocol):
    """A dependency that lets a caller in, and says which scope it asks for."""

    scope: Scope

    def __call__(self, request: Request, credentials: _Credentials) -> Awaitable[Caller]:
        """Return who calls, or raise."""


def _needs(scope: Scope) -> Door:
    async def enter(request: Request, credentials: _Credentials) -> Caller:
        if credentials is None:
            raise TokenMissing(
                "Send `Authorization: Bearer` with a token from POST /oauth2/token.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        database: Database = request.app.state.database
        tenants: Tenants = request.app.state.tenants
        # A transaction of its own: what follows may wait for another service, and nobody holds
        # a connection while waiting.
        async with database.begin() as session:
            caller = await tenants.caller(
                session,
                credentials.credentials,
                consent_token=request.headers.get("consent-token"),
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
UsageReaderDep = Annotated[Caller, Depends(_needs(Scope.USAGE))]
