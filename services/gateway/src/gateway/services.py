"""The gateway asks each service in turn; each call carries a pass for just that call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import httpx

from gateway.tables import Bilan
from gateway.tenants.service import Caller
from keel.calls import ServiceUnavailable, refuse
from keel.calls import caller as http_caller
from keel.problems import Problem

ANONYMIZER = "anonymizer"
LLM_ROUTER = "llm-router"
LABOUR_MARKET = "labour-market"
REPORTS = "reports"
_ERROR = 400
_PATIENCE = 3
"""Seconds for which a reader waits for a name that they can do without."""


class Ground(StrEnum):
    """What a call about a bilan rests on; the gate looks whether it holds."""

    WORK = "work"
    """The bilan is open and agreed to, and its counsellor asks."""
    DELETION = "deletion"
    """Something is taken away, and nothing is read: a bilan of the tenant is enough."""
    HANDOVER = "handover"
    """A signed document goes where the person wants it: nothing they stopped is processed."""
    KEPT = "kept"
    """The bilan is closed, and its counsellor reads what the person agreed to keep of it."""
    OWN_DATA = "own_data"
    """The person's own copy (GDPR 15, 20): possible whatever became of the bilan."""


@dataclass(frozen=True, slots=True)
class About:
    """Whom an inside call is about, as its caller says; it lets nobody in."""

    caller: Caller
    bilan: str | None = None
    beneficiary: str | None = None
    ground: Ground = Ground.WORK
    recorded: bool = False
    """Whether what is done leaves a record of its own, so that its reads leave none."""

    @classmethod
    def tenant_of(cls, caller: Caller) -> "About":
        """About no person: reference data."""
        return cls(caller)

    @classmethod
    def bilan_of(cls, caller: Caller, bilan: Bilan) -> "About":
        """About one bilan, which is looked at again before each call."""
        return cls(caller, bilan.id, bilan.beneficiary)

    @property
    def tenant(self) -> str:
        """Whose data."""
        return self.caller.tenant

    def to_delete(self) -> "About":
        """About the same, to take something away: possible whatever became of the bilan."""
        return replace(self, ground=Ground.DELETION)

    def with_its_record(self) -> "About":
        """About the same, for what writes down itself that it was done: a run, a copy, a share."""
        return replace(self, recorded=True)

    def to_hand_over(self) -> "About":
        """About the same, to hand a signed document over."""
        return replace(self, ground=Ground.HANDOVER, recorded=True)

    def to_read_kept(self) -> "About":
        """About the same, to read what an agreement keeps after the end of the bilan."""
        return replace(self, ground=Ground.KEPT)

    def to_give_back(self) -> "About":
        """About the same, to give the person a copy of what is held about them."""
        return replace(self, ground=Ground.OWN_DATA)


Admit = Callable[[str, str, About], Awaitable[str]]
"""Checks the ground of one call to a service's operation and returns its pass (the gate's)."""


@dataclass(frozen=True, slots=True)
class Services:
    """The four services behind the gateway."""

    clients: Mapping[str, httpx.AsyncClient]
    admit: Admit

    @classmethod
    def connect(
        cls,
        urls: Mapping[str, str],
        admit: Admit,
        transports: Mapping[str, httpx.AsyncBaseTransport],
    ) -> "Services":
        """Make one client a service; `transports` join them in one process."""
        clients = {name: http_caller(url, transports.get(name)) for name, url in urls.items()}
        return cls(clients, admit)

    async def close(self) -> None:
        """Close every client."""
        for client in self.clients.values():
            await client.aclose()

    async def headers(self, service: str, operation: str, about: About) -> dict[str, str]:
        """Return the header that carries the pass of the one call that is made now."""
        return {"Authorization": f"Bearer {await self.admit(service, operation, about)}"}

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
            Problem: the gate does not admit it any more.
            Relayed: the service refused; its problem document is passed on.
            ServiceUnavailable: it does not answer.
        """
        headers = await self.headers(service, operation, about)
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

    async def legal_names(self, tenant: str) -> dict[str, str]:
        """Return the legal names of recipients, by id, for somebody who reads.

        Nothing where the registry does not answer soon: who reads can do without.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await self.recipients(Caller(tenant, "", frozenset(), None))
        except (Problem, TimeoutError):
            return {}
        return {recipient: entry["legal_name"] for recipient, entry in found.items()}
