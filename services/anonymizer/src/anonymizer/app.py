"""The wiring of the anonymizer, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from anonymizer.detection.api import router as ruleset_router
from anonymizer.detection.examiner import Examiner
from anonymizer.detection.ruleset import ruleset
from anonymizer.documents.api import router as documents_router
from anonymizer.documents.service import Documents
from anonymizer.erasure.api import router as erasure_router
from anonymizer.erasure.service import Erasures
from anonymizer.intake.workshop import Workshop
from anonymizer.keeping.api import router as keeping_router
from anonymizer.keeping.service import Keeping
from anonymizer.restoration.api import router as restoration_router
from anonymizer.restoration.service import Restorations
from anonymizer.settings import Settings
from anonymizer.special.rules import SpecialPolicy
from anonymizer.surrogates.api import router as surrogates_router
from anonymizer.surrogates.policy import Policy
from anonymizer.surrogates.service import Pseudonymiser
from anonymizer.surrogates.values_api import router as values_router
from anonymizer.tables import Base, ContentKey, Ended
from anonymizer.vault.service import Vault
from keel.application import Lifespan, create_service
from keel.database import Database
from keel.endings import Endings
from keel.passes import Admission
from keel.sealing import ContentKeys, KeyEncryptionKey
from keel.shredding import Shredder

AUDIENCE = "anonymizer"


def create_app(settings: Settings) -> FastAPI:
    """Return the anonymizer as the gateway calls it.

    Raises:
        KeyFileRefused, SettingsRefused: a key file is wrong; the message says which.
    """
    database = Database(settings.database_url)
    keys = ContentKeys(KeyEncryptionKey.from_file(settings.key_encryption_key_file), ContentKey)
    examiner = Examiner(
        settings.detection_model,
        SpecialPolicy(settings.special_categories),
        settings.detection_timeout_seconds,
        settings.second,
    )
    workshop = Workshop(settings.worker_socket, settings.reading_timeout_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        database.claim()
        await database.require_isolation(Base.metadata)
        examiner.start()
        try:
            if settings.worker_socket is None:
                await workshop.start()
            async with Shredder(database).at_work():
                yield
        finally:
            await workshop.close()
            await examiner.close()
            await database.close()

    app = _service(lifespan, Admission.from_file(AUDIENCE, settings.pass_jwks_file))
    endings = Endings(Ended)
    vault = Vault(keys, endings)
    policy = Policy(settings.policy)
    app.state.database = database
    app.state.readiness["model"] = examiner.is_ready
    app.state.ruleset = ruleset(settings.detection_model, settings.said_of_policy())
    app.state.documents = Documents(
        database,
        vault,
        workshop,
        examiner,
        settings.max_document_bytes,
        app.state.ruleset,
        policy,
    )
    app.state.pseudonymiser = Pseudonymiser(database, vault, examiner, policy)
    app.state.restorations = Restorations(database, vault)
    app.state.erasures = Erasures(database, keys, endings)
    app.state.keeping = Keeping(database, keys, endings)
    return app


def document() -> dict[str, Any]:
    """Return the OpenAPI document, which needs no settings, database or model."""
    return _service().openapi()


def _service(lifespan: Lifespan | None = None, admission: Admission | None = None) -> FastAPI:
    app = create_service(
        name=AUDIENCE,
        title="Passerelle anonymizer",
        description="Reads raw text and documents, and keeps who they are about.",
        version="0.1.0",
        lifespan=lifespan,
        admission=admission,
    )
    for router in (
        documents_router,
        surrogates_router,
        values_router,
        restoration_router,
        erasure_router,
        keeping_router,
        ruleset_router,
    ):
        app.include_router(router)
    return app
