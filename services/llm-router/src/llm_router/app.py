"""The wiring of the router, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from keel.application import Lifespan, create_service
from keel.passes import Admission
from llm_router.attempts.api import router as attempts_router
from llm_router.attempts.breakers import Breakers
from llm_router.attempts.service import Attempts
from llm_router.catalogue.api import router as catalogue_router
from llm_router.catalogue.service import UseCases
from llm_router.deployments.api import router as deployments_router
from llm_router.deployments.service import Deployments
from llm_router.planning.api import router as planning_router
from llm_router.planning.service import Planning
from llm_router.providers.openai_compatible import OpenAICompatible
from llm_router.providers.wire_copy import WireCopy
from llm_router.settings import Settings

AUDIENCE = "llm-router"


def create_app(settings: Settings) -> FastAPI:
    """Return the router as the gateway calls it.

    Raises:
        DeploymentsRefused, CatalogueRefused: a file is wrong; the message says where.
    """
    use_cases = UseCases.packaged()
    deployments = Deployments.declared_in(settings.deployments_file)
    wire_copy = WireCopy.prepared(settings.wire_copy_file) if settings.wire_copy_file else None
    breakers = Breakers(settings.breaker_failures, settings.breaker_rest)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with OpenAICompatible.opened(wire_copy) as provider:
            app.state.attempts = Attempts(
                use_cases=use_cases,
                deployments=deployments,
                provider=provider,
                breakers=breakers,
                dpf_accepted=settings.dpf_accepted,
            )
            yield

    app = _service(lifespan, Admission.from_file(AUDIENCE, settings.pass_jwks_file))
    app.state.use_cases = use_cases
    app.state.deployments = deployments
    app.state.planning = Planning(
        use_cases=use_cases,
        deployments=deployments,
        dpf_accepted=settings.dpf_accepted,
        resting=breakers.resting,
    )
    return app


def document() -> dict[str, Any]:
    """Return the OpenAPI document, which needs no settings."""
    return _service().openapi()


def _service(lifespan: Lifespan | None = None, admission: Admission | None = None) -> FastAPI:
    app = create_service(
        name=AUDIENCE,
        title="Passerelle llm-router",
        description="Which model may serve a use case, and one attempt on exactly that one.",
        version="0.1.0",
        lifespan=lifespan,
        admission=admission,
    )
    for router in (catalogue_router, deployments_router, planning_router, attempts_router):
        app.include_router(router)
    return app
