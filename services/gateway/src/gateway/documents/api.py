"""Documents: the raw file goes straight to the anonymizer and never further."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, Response, UploadFile, status

from gateway.access import DocumentCallerDep
from gateway.bilans.service import Bilans
from gateway.edge.idempotency import IdempotentRoute
from gateway.problems import (
    BilanNotOpen,
    CounsellorNeeded,
    ProcessingRestricted,
    QuotaExceeded,
    SecrecyNoticeNeeded,
)
from gateway.quotas.rules import QuotaKind
from gateway.retention.keeping import require_kept
from gateway.retention.rules import RetentionScope
from gateway.services import ANONYMIZER, About, Services
from gateway.tables import Document
from gateway.tenants.service import Caller
from gateway.wiring import BilansDep, DatabaseDep, QuotasDep, ServicesDep
from keel.calls import Relayed, ServiceUnavailable
from keel.clock import utc_now
from keel.database import Database
from keel.identifiers import BilanId, DocumentId, new_id
from keel.problems import MediaTypeNotSupported, NotFound, TooLarge, problems

router = APIRouter(prefix="/v1/documents", tags=["documents"], route_class=IdempotentRoute)

_REFUSALS = problems(
    NotFound, CounsellorNeeded, SecrecyNoticeNeeded, ProcessingRestricted, BilanNotOpen
)
_JSON = "application/json"


def _shape(name: str) -> dict[int | str, dict[str, Any]]:
    return {**_REFUSALS, 200: {"x-schema": f"anonymizer#{name}"}}


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_class=Response,
    responses={
        **problems(
            NotFound,
            CounsellorNeeded,
            SecrecyNoticeNeeded,
            ProcessingRestricted,
            BilanNotOpen,
            TooLarge,
            MediaTypeNotSupported,
            QuotaExceeded,
        ),
        201: {"x-schema": "anonymizer#Document"},
    },
)
async def upload_document(
    request: Request,
    bilan: Annotated[BilanId, Form()],
    file: Annotated[UploadFile, File(description="PDF, DOCX, ODT or text; read by content.")],
    database: DatabaseDep,
    services: ServicesDep,
    bilans: BilansDep,
    quotas: QuotasDep,
    caller: DocumentCallerDep,
) -> Response:
    """Hand in a document of a bilan: it is read, pseudonymised and sealed; findings are kept."""
    request.state.subject = bilan
    async with database.begin(caller.tenant) as session:
        about = About.bilan_of(caller, await bilans.hold_open(session, caller, bilan))
        document = Document(
            tenant=caller.tenant, id=new_id("doc"), bilan=bilan, created_at=utc_now()
        )
        session.add(document)
    try:
        async with quotas.one(caller.tenant, QuotaKind.DOCUMENTS):
            made = await services.call(
                ANONYMIZER,
                "intake_document",
                "POST",
                "/documents",
                about,
                data={"document_id": document.id},
                # The file's own name may tell whose it is: it goes no further.
                files={"file": ("document", await file.read(), "application/octet-stream")},
                timeout=120,
            )
    except (Relayed, QuotaExceeded):  # the anonymizer said no, and kept nothing
        await _forget(database, document)
        raise
    except BaseException:
        # It may have read and kept the file all the same: nobody would know its id.
        await asyncio.shield(_undo(database, services, about, document))
        raise
    finally:
        quotas.tell(request, caller.tenant, QuotaKind.DOCUMENTS)
    return Response(made.content, status.HTTP_201_CREATED, media_type=_JSON)


async def _forget(database: Database, document: Document) -> None:
    async with database.begin(document.tenant) as session:
        row = await session.get(Document, (document.tenant, document.id))
        if row is not None:
            await session.delete(row)


async def _undo(database: Database, services: Services, about: About, document: Document) -> None:
    """Take back an intake whose end nobody saw; where that fails, the reference stays."""
    path = f"/documents/{document.id}"
    with suppress(ServiceUnavailable):
        with suppress(Relayed):  # it never came to be: that is what was wanted
            # Whatever became of the bilan meanwhile: nothing is kept that nobody knows of.
            taken_back = about.to_delete()
            await services.call(ANONYMIZER, "delete_document", "DELETE", path, taken_back)
        await _forget(database, document)


async def _about(database: Database, bilans: Bilans, caller: Caller, document_id: str) -> About:
    async with database.begin(caller.tenant) as session:
        document = await session.get(Document, (caller.tenant, document_id))
        if document is None:
            raise NotFound
        return About.bilan_of(caller, await bilans.open_for(session, caller, document.bilan))


async def _to_read(database: Database, bilans: Bilans, caller: Caller, document_id: str) -> About:
    """Return whom a document is about: of an open bilan, or kept of one that is closed."""
    async with database.begin(caller.tenant) as session:
        document = await session.get(Document, (caller.tenant, document_id))
        if document is None:
            raise NotFound
        closed = await bilans.closed_for(session, caller, document.bilan)
        if closed is not None:
            await require_kept(session, closed, RetentionScope.DOCUMENTS)
            return About.bilan_of(caller, closed).to_read_kept()
    return await _about(database, bilans, caller, document_id)


async def _relay(services: Services, operation: str, path: str, about: About) -> Response:
    found = await services.call(ANONYMIZER, operation, "GET", path, about)
    return Response(found.content, media_type=_JSON)


@router.get("/{document_id}", responses=_shape("Document"))
async def read_document(
    document_id: DocumentId,
    database: DatabaseDep,
    services: ServicesDep,
    bilans: BilansDep,
    caller: DocumentCallerDep,
) -> Response:
    """Return what is known of a document: type, pages, counts; no content."""
    about = await _to_read(database, bilans, caller, document_id)
    return await _relay(services, "read_document", f"/documents/{document_id}", about)


@router.get("/{document_id}/pseudonymised", responses=_shape("PseudonymisedText"))
async def read_pseudonymised(
    document_id: DocumentId,
    database: DatabaseDep,
    services: ServicesDep,
    bilans: BilansDep,
    caller: DocumentCallerDep,
) -> Response:
    """Return the text as a model would see it."""
    about = await _to_read(database, bilans, caller, document_id)
    path = f"/documents/{document_id}/pseudonymised"
    return await _relay(services, "read_pseudonymised", path, about)


@router.get("/{document_id}/outline", responses=_shape("Outline"))
async def read_outline(
    document_id: DocumentId,
    database: DatabaseDep,
    services: ServicesDep,
    bilans: BilansDep,
    caller: DocumentCallerDep,
) -> Response:
    """Return the career outline over the pseudonymised text."""
    about = await _to_read(database, bilans, caller, document_id)
    return await _relay(services, "read_outline", f"/documents/{document_id}/outline", about)


@router.get("/{document_id}/findings", responses=_shape("Findings"))
async def read_findings(
    document_id: DocumentId,
    database: DatabaseDep,
    services: ServicesDep,
    bilans: BilansDep,
    caller: DocumentCallerDep,
) -> Response:
    """Return what was masked, removed or found hidden, for the counsellor."""
    about = await _to_read(database, bilans, caller, document_id)
    return await _relay(services, "read_findings", f"/documents/{document_id}/findings", about)


@router.delete("/{document_id}", status_code=status.HTTP_204_NO_CONTENT, responses=_REFUSALS)
async def delete_document(
    document_id: DocumentId,
    database: DatabaseDep,
    services: ServicesDep,
    bilans: BilansDep,
    caller: DocumentCallerDep,
) -> None:
    """Delete a document and everything that was read from it."""
    about = await _about(database, bilans, caller, document_id)
    await services.call(ANONYMIZER, "delete_document", "DELETE", f"/documents/{document_id}", about)
    await _forget(database, Document(tenant=caller.tenant, id=document_id))
