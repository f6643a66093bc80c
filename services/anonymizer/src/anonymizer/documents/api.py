"""Documents over HTTP."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile, status
from pydantic import ValidationError

from anonymizer.detection.rules import Hints
from anonymizer.documents.service import Documents, Owner
from anonymizer.documents.views import Document, Findings, PseudonymisedText
from anonymizer.outline.views import Outline
from anonymizer.problems import FILE_REFUSALS, TEXT_REFUSALS
from anonymizer.surrogates.api import KnownOfPerson
from keel.identifiers import DocumentId
from keel.passes import Pass, PassDep
from keel.problems import InvalidRequest, NotFound, problems

router = APIRouter(prefix="/documents", tags=["documents"])


def _documents(request: Request) -> Documents:
    found: Documents = request.app.state.documents
    return found


DocumentsDep = Annotated[Documents, Depends(_documents)]


def _owner(admitted: Pass) -> Owner:
    return Owner(admitted.tenant, admitted.subject_bilan)


def _hints(written: Annotated[str | None, Form(alias="hints", max_length=4000)] = None) -> Hints:
    try:
        return KnownOfPerson.model_validate(json.loads(written or "{}")).as_hints()
    except (ValueError, ValidationError):
        raise InvalidRequest("`hints` is a JSON object of what is known of the person.") from None


HintsDep = Annotated[Hints, Depends(_hints)]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses={
        **problems(*FILE_REFUSALS, *TEXT_REFUSALS),
        200: {"model": Document, "description": "The same id again: what is stored."},
    },
)
async def intake_document(
    response: Response,
    file: Annotated[UploadFile, File(description="PDF, DOCX, ODT or text; read by content.")],
    document_id: Annotated[DocumentId, Form()],
    hints: HintsDep,
    admitted: PassDep,
    documents: DocumentsDep,
) -> Document:
    """Take a document in: it is read, examined, pseudonymised and sealed."""
    content = await file.read(documents.max_bytes + 1)
    document, new = await documents.take_in(
        _owner(admitted), document_id, content, hints, admitted.data_categories
    )
    response.status_code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
    return Document.of(document)


@router.get("/{document_id}", responses=problems(NotFound))
async def read_document(
    document_id: DocumentId, admitted: PassDep, documents: DocumentsDep
) -> Document:
    """Return what is known of a document: type, pages, counts; no content."""
    return Document.of(await documents.read(_owner(admitted), document_id))


@router.get("/{document_id}/pseudonymised", responses=problems(NotFound))
async def read_pseudonymised(
    document_id: DocumentId, admitted: PassDep, documents: DocumentsDep
) -> PseudonymisedText:
    """Return the text as a model would see it."""
    text = await documents.pseudonymised(_owner(admitted), document_id)
    return PseudonymisedText(id=document_id, text=text, characters=len(text))


@router.get("/{document_id}/outline", responses=problems(NotFound))
async def read_outline(
    document_id: DocumentId, admitted: PassDep, documents: DocumentsDep
) -> Outline:
    """Return the career outline over the pseudonymised text."""
    return Outline.of(document_id, await documents.outline(_owner(admitted), document_id))


@router.get("/{document_id}/findings", responses=problems(NotFound))
async def read_findings(
    document_id: DocumentId, admitted: PassDep, documents: DocumentsDep
) -> Findings:
    """Return what was masked, removed or found hidden, for the counsellor."""
    found = await documents.findings(_owner(admitted), document_id)
    return Findings.model_validate({**found, "document": document_id})


@router.delete(
    "/{document_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound)
)
async def delete_document(
    document_id: DocumentId, admitted: PassDep, documents: DocumentsDep
) -> None:
    """Delete a document and everything that was read from it."""
    await documents.delete(_owner(admitted), document_id)
