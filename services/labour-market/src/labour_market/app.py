"""The wiring of the labour market, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from keel.application import Lifespan, create_service
from keel.database import Database
from keel.migrations import migrated
from keel.passes import Admission
from labour_market.gaps.api import router as gaps
from labour_market.matching.api import router as matching
from labour_market.occupations.api import router as occupations
from labour_market.occupations.service import Taxonomies
from labour_market.settings import Settings
from labour_market.skills.api import router as skills
from labour_market.sources.api import router as sources
from labour_market.sources.service import Imports
from labour_market.trainings.api import router as trainings
from labour_market.trends.api import router as trends

AUDIENCE = "labour-market"
_ROUTERS = (occupations, skills, matching, gaps, trends, trainings, sources)


def create_app(settings: Settings) -> FastAPI:
    """Return the service as the gateway calls it; its database must have been migrated."""
    database = Database(settings.database_url)
    taxonomies = Taxonomies()
    is_migrated = migrated("labour_market", database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        database.claim()
        try:
            if await is_migrated():
                await Imports(database).load_bundle()
                async with database.begin() as session:
                    await taxonomies.of(session, "rome4")
            yield
        finally:
            await database.close()

    app = _service(lifespan, Admission.from_file(AUDIENCE, settings.pass_jwks_file))
    app.state.database, app.state.taxonomies = database, taxonomies
    app.state.readiness["migrations"] = is_migrated
    return app


def document() -> dict[str, Any]:
    """Return the OpenAPI document, which needs no settings."""
    return _service().openapi()


def _service(lifespan: Lifespan | None = None, admission: Admission | None = None) -> FastAPI:
    app = create_service(
        name="labour-market",
        title="Passerelle labour market",
        description=(
            "Occupations, skills, gaps, trends and trainings from open data, each figure with its "
            "source. Texts are matched in memory and never stored. Called by the gateway only."
        ),
        version="0.1.0",
        lifespan=lifespan,
        admission=admission,
    )
    for router in _ROUTERS:
        app.include_router(router)
    return app
