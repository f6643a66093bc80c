"""All five services wired into one application: the gateway in front, the others behind it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

import anonymizer.app
import anonymizer.settings
import gateway.app
import gateway.settings
import labour_market.app
import labour_market.settings
import llm_router.app
import llm_router.settings
import reports.app
import reports.settings
from standalone.layout import Layout
from standalone.transport import InProcessTransport


@dataclass(frozen=True, slots=True)
class Choices:
    """What differs from one start to the next."""

    public_url: str
    deployments_file: Path | None = None
    wire_copy_file: Path | None = None


def _inside(layout: Layout, choices: Choices) -> dict[str, FastAPI]:
    """Return the four services behind the gateway, by folder name."""
    jwks = layout.pass_jwks
    return {
        "anonymizer": anonymizer.app.create_app(
            anonymizer.settings.Settings.read(
                database_url=layout.database_url("anonymizer"),
                pass_jwks_file=jwks,
                key_encryption_key_file=layout.kek("anonymizer"),
            )
        ),
        "llm-router": llm_router.app.create_app(
            llm_router.settings.Settings(
                pass_jwks_file=jwks,
                deployments_file=choices.deployments_file,
                wire_copy_file=choices.wire_copy_file,
            )
        ),
        "labour-market": labour_market.app.create_app(
            labour_market.settings.Settings(
                database_url=layout.database_url("labour-market"), pass_jwks_file=jwks
            )
        ),
        "reports": reports.app.create_app(
            reports.settings.Settings(
                database_url=layout.database_url("reports"),
                pass_jwks_file=jwks,
                key_encryption_key_file=layout.kek("reports"),
            )
        ),
    }


def create_platform(layout: Layout, choices: Choices) -> FastAPI:
    """Return the gateway's application; its lifespan opens and closes all five services."""
    inside = _inside(layout, choices)
    front = gateway.app.create_app(
        gateway.settings.Settings(
            database_url=layout.database_url("gateway"),
            keys_dir=layout.keys,
            pass_jwks_file=layout.pass_jwks,
            public_url=choices.public_url,
            log_origin=layout.log_origin(),
            checkpoint_copies=layout.checkpoints,
            operator_socket=layout.operator_socket,
        ),
        transports={name: InProcessTransport(app) for name, app in inside.items()},
    )
    gateways_own = front.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for service in inside.values():
                service.state.metrics = app.state.metrics  # one process, one set of figures
                await stack.enter_async_context(service.router.lifespan_context(service))
            await stack.enter_async_context(gateways_own(app))
            yield

    front.router.lifespan_context = lifespan
    for name, service in inside.items():
        front.state.readiness[name] = _all(service)
        front.state.measures |= service.state.measures
    return front


def _all(service: FastAPI) -> Callable[[], Awaitable[bool]]:
    """One check that stands for all of a service's own."""

    async def ready() -> bool:
        checks = service.state.readiness.values()
        return all([await check() for check in checks])

    return ready
