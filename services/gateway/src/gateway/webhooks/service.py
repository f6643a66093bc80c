"""The verbs of webhook endpoints: register, edit, rotate the secret, remove; who listens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.problems import WebhookEndpointsFull, WebhookUrlRefused
from gateway.records.service import Records
from gateway.tables import Delivery, Event, WebhookEndpoint
from gateway.webhooks import rules, store
from gateway.webhooks.addresses import ACCEPTED, Reach
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal, unseal


@dataclass(frozen=True, slots=True)
class WebhookEndpoints:
    """The verbs of webhook endpoints, inside the caller's transaction."""

    records: Records
    reach: Reach
    now: Callable[[], datetime] = utc_now

    async def listens(self, session: AsyncSession, tenant: str, kind: str) -> bool:
        """Say whether an enabled endpoint of the tenant listens to events of `kind`."""
        return bool(await store.listening(session, tenant, kind))

    async def has_channel(self, session: AsyncSession, tenant: str, kind: str) -> bool:
        """Say whether the tenant has an endpoint for events of `kind`, were it switched off."""
        return await store.told_of(session, tenant, kind)

    async def register(
        self, session: AsyncSession, tenant: str, url: str, kinds: Sequence[str] | None
    ) -> tuple[WebhookEndpoint, str]:
        """Add an endpoint; returns it with its signing secret, shown once.

        Raises:
            WebhookUrlRefused: events are not sent to such an address.
            WebhookEndpointsFull: the tenant has as many as it may have.
        """
        self._check(url)
        if len(await store.endpoints(session, tenant)) >= rules.MAX_ENDPOINTS:
            raise WebhookEndpointsFull(
                f"A tenant has at most {rules.MAX_ENDPOINTS} endpoints. Delete one, or edit it."
            )
        secret = rules.new_secret()
        endpoint = WebhookEndpoint(
            tenant=tenant,
            id=new_id("whk"),
            url=url,
            kinds=_sorted(kinds),
            enabled=True,
            created_at=self.now(),
        )
        endpoint.secret = await self._sealed(session, endpoint, secret)
        session.add(endpoint)
        await session.flush()
        return endpoint, secret

    def _check(self, url: str) -> None:
        if not self.reach.admits(url):
            raise WebhookUrlRefused(ACCEPTED)

    async def find(
        self, session: AsyncSession, tenant: str, endpoint_id: str, *, locked: bool = False
    ) -> WebhookEndpoint:
        """Return an endpoint of the tenant, or raise `NotFound`."""
        endpoint = await store.find(session, tenant, endpoint_id, locked=locked)
        if endpoint is None:
            raise NotFound
        return endpoint

    async def edit(
        self, session: AsyncSession, endpoint: WebhookEndpoint, changes: dict[str, Any]
    ) -> WebhookEndpoint:
        """Change `url`, `kinds` or `enabled` of a locked endpoint.

        What was on its way to an endpoint that is switched off is parked, where it can be seen.

        Raises:
            WebhookUrlRefused: events are not sent to such an address.
        """
        if "url" in changes:
            self._check(changes["url"])
            endpoint.url = changes["url"]
        if "kinds" in changes:
            endpoint.kinds = _sorted(changes["kinds"])
        if changes.get("enabled") is True:
            endpoint.enabled, endpoint.disabled_because = True, None
        elif changes.get("enabled") is False and endpoint.enabled:
            await disable(session, endpoint, because="request", at=self.now())
        await session.flush()
        return endpoint

    async def rotate_secret(
        self, session: AsyncSession, tenant: str, endpoint_id: str
    ) -> tuple[WebhookEndpoint, str]:
        """Give an endpoint a new secret, shown once; the present one signs beside it for 24 h.

        A second rotation within that time ends the oldest secret at once: there are never three.
        """
        endpoint = await self.find(session, tenant, endpoint_id, locked=True)
        secret = rules.new_secret()
        endpoint.earlier_secret = endpoint.secret
        endpoint.earlier_secret_until = self.now() + rules.ROTATION
        endpoint.secret = await self._sealed(session, endpoint, secret)
        await session.flush()
        return endpoint, secret

    async def signing(self, session: AsyncSession, endpoint: WebhookEndpoint) -> list[str]:
        """Return the secrets that sign now, the newest first."""
        sealed = [endpoint.secret]
        until = endpoint.earlier_secret_until
        if endpoint.earlier_secret is not None and until is not None and self.now() < until:
            sealed.append(endpoint.earlier_secret)
        key = await self.records.key_of(session, endpoint.tenant, None)
        return [unseal(key, one, _context(endpoint)).decode() for one in sealed]

    async def _sealed(self, session: AsyncSession, endpoint: WebhookEndpoint, secret: str) -> bytes:
        key = await self.records.key_of(session, endpoint.tenant, None)
        return seal(key, secret.encode(), _context(endpoint))

    async def remove(self, session: AsyncSession, tenant: str, endpoint_id: str) -> None:
        """Delete an endpoint; what was on its way to it is dropped."""
        await store.remove(session, await self.find(session, tenant, endpoint_id, locked=True))

    async def of_events(
        self, session: AsyncSession, tenant: str, events: Sequence[Event]
    ) -> dict[str, list[Delivery]]:
        """Return the deliveries of each event."""
        found: dict[str, list[Delivery]] = {event.id: [] for event in events}
        for delivery in await store.deliveries_of(session, tenant, list(found)):
            found[delivery.event].append(delivery)
        return found


async def disable(
    session: AsyncSession,
    endpoint: WebhookEndpoint,
    *,
    because: str,
    at: datetime,
    but: str | None = None,
) -> None:
    """Switch an endpoint off and park what was on its way to it, `but` one delivery."""
    endpoint.enabled, endpoint.disabled_because = False, because
    failure = str(rules.Failure.ENDPOINT_DISABLED)
    await store.park_all(session, endpoint, failure, at=at, but=but)


def _context(endpoint: WebhookEndpoint) -> str:
    return f"{endpoint.tenant}|{endpoint.id}"


def _sorted(kinds: Sequence[str] | None) -> list[str] | None:
    return None if kinds is None else sorted({str(kind) for kind in kinds})
