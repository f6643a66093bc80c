"""The wiring of reports, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from keel.application import Lifespan, create_service
from keel.database import Database
from keel.endings import Endings
from keel.migrations import migrated
from keel.passes import Admission
from keel.sealing import ContentKeys, KeyEncryptionKey
from keel.shredding import Shredder
from reports.keeping.api import router as keeping_router
from reports.register.api import router as register_router
from reports.rendering.press import Press
from reports.settings import Settings
from reports.tables import Base, ContentKey, Ended
from reports.versions.api import router

AUDIENCE = "reports"


def create_app(settings: Settings) -> FastAPI:
    """Return the service as the gateway calls it; its database must have been migrated."""
    database = Database(settings.database_url)
    keys = ContentKeys(KeyEncryptionKey.from_file(settings.key_encryption_key_file), ContentKey)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database.claim()
        await database.require_isolation(Base.metadata)
        press = Press(
            time_limit=settings.rendering_time_limit, idle_limit=settings.rendering_idle_limit
        )
        app.state.press = press
        try:
            async with Shredder(database).at_work():
                yield
        finally:
            await press.close()
            await database.close()

    app = _service(lifespan, Admission.from_file(AUDIENCE, settings.pass_jwks_file))
    app.state.database, app.state.keys = database, keys
    app.state.endings = Endings(Ended)
    app.state.readiness["migrations"] = migrated("reports", database)
    return app


def document() -> dict[str, Any]:
    """Return the OpenAPI document, which needs no settings."""
    return _service().openapi()


def _service(lifespan: Lifespan | None = None, admission: Admission | None = None) -> FastAPI:
    app = create_service(
        name="reports",
        title="Passerelle reports",
        description=(
            "The documents of a bilan: drafted from validated runs, reviewed passage by passage, "
            "signed by a counsellor, rendered and marked. Called by the gateway only."
        ),
        version="0.1.0",
        lifespan=lifespan,
        admission=admission,
        docs=True,
    )
    app.include_router(router)
    app.include_router(keeping_router)
    app.include_router(register_router)
    return app
