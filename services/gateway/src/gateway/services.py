"""The gateway asks each service in turn; each call carries a pass for just that call."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.tables import Bilan
from gateway.tenants.service import Caller
from keel.calls import ServiceUnavailable, refuse
from keel.calls import caller as http_caller
from keel.passes import PassMint

ANONYMIZER = "anonymizer"
LLM_ROUTER = "llm-router"
LABOUR_MARKET = "labour-market"
REPORTS = "reports"
_ERROR = 400


@dataclass(frozen=True, slots=True)
class About:
    """Whom an inside call is about, as the gateway vouches for it."""

    tenant: str
    client: str | None = None
    counsellor: str | None = None
    beneficiary: str | None = None
    bilan: str | None = None

    @classmethod
    def tenant_of(cls, caller: Caller) -> "About":
        """About no person: reference data."""
        return cls(caller.tenant, caller.client, caller.counsellor)

    @classmethod
    def bilan_of(cls, caller: Caller, bilan: Bilan) -> "About":
        """About one bilan, which was checked to be open in a transaction just before."""
        return cls(caller.tenant, caller.client, caller.counsellor, bilan.beneficiary, bilan.id)


@dataclass(frozen=True, slots=True)
class Services:
    """The four services behind the gateway."""

    clients: Mapping[str, httpx.AsyncClient]
    passes: PassMint

    @classmethod
    def connect(
        cls,
        urls: Mapping[str, str],
        passes: PassMint,
        transports: Mapping[str, httpx.AsyncBaseTransport],
    ) -> "Services":
        """Make one client a service; `transports` join them in one process."""
        clients = {name: http_caller(url, transports.get(name)) for name, url in urls.items()}
        return cls(clients, passes)

    async def close(self) -> None:
        """Close every client."""
        for client in self.clients.values():
            await client.aclose()

    def headers(self, service: str, operation: str, about: About) -> dict[str, str]:
        """Return the header that carries a pass for one call."""
        token = self.passes.mint(
            service,
            operation,
            tenant=about.tenant,
            beneficiary=about.beneficiary,
            bilan=about.bilan,
            client=about.client,
            counsellor=about.counsellor,
        )
        return {"Authorization": f"Bearer {token}"}

    async def call(
        self,
        service: str,
        operation: str,
        method: str,
        path: str,
        about: About,
        **content: Any,  # noqa: ANN401 - httpx's own: json, params, data, files
    ) -> httpx.Response:
        """Make one call and return its read answer.

        Raises:
            Relayed: the service refused; its problem document is passed on.
            ServiceUnavailable: it does not answer.
        """
        headers = self.headers(service, operation, about)
        try:
            response = await self.clients[service].request(method, path, headers=headers, **content)
        except httpx.TransportError:
            raise ServiceUnavailable(f"The {service} service does not answer.") from None
        if response.status_code >= _ERROR:
            refuse(response)
        return response

    async def json(
        self,
        service: str,
        operation: str,
        method: str,
        path: str,
        about: About,
        **content: Any,  # noqa: ANN401 - httpx's own
    ) -> Any:  # noqa: ANN401 - any JSON value
        """Make one call and return its JSON answer."""
        response = await self.call(service, operation, method, path, about, **content)
        return response.json()

    @asynccontextmanager
    async def stream(
        self,
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        **content: Any,  # noqa: ANN401 - httpx's own
    ) -> AsyncIterator[httpx.Response]:
        """Open one streamed call; leaving it tells the service that the caller has gone."""
        client = self.clients[service]
        try:
            async with client.stream(method, path, headers=headers, **content) as response:
                if response.status_code >= _ERROR:
                    await response.aread()
                    refuse(response)
                yield response
        except httpx.TransportError:
            raise ServiceUnavailable(f"The {service} service does not answer.") from None

    async def recipients(self, caller: Caller) -> dict[str, dict[str, Any]]:
        """Return the registry of recipients, by id."""
        found = await self.json(
            LLM_ROUTER, "list_recipients", "GET", "/recipients", About.tenant_of(caller)
        )
        items = found["items"] if isinstance(found, dict) else found
        return {entry["id"]: entry for entry in items}
