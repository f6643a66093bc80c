"""What is the person's own, opened by them: the text of their documents, their synthesis (GDPR 15).

It works whatever became of the bilan or of a restriction; what was destroyed is told as such.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path, Request, Response, status

from gateway.pages import store
from gateway.pages.answers import READS, message, new_router, page
from gateway.pages.entrance import in_my_space
from gateway.pages.rendering import HEADERS
from gateway.problems import ReportNotSigned
from gateway.wiring import DatabaseDep, ExportsDep, PageSessionsDep
from keel.problems import NotFound, Problem

router = new_router()

OwnName = Annotated[str, Path(max_length=40)]
_BACK: Mapping[str, Any] = {"back": "/me/documents", "back_to": "Revenir à mes documents"}


@router.api_route("/me/documents", methods=READS)
async def show_my_documents(
    request: Request, database: DatabaseDep, pages: PageSessionsDep
) -> Response:
    """List the documents and reports of the person's bilans, each with what opens it."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        kept = await store.kept_of(session, held.tenant, held.beneficiary)
    return page("documents.html", bilans=kept)


@router.api_route("/me/documents/{document_id}", methods=READS)
async def read_my_document(
    document_id: OwnName,
    request: Request,
    database: DatabaseDep,
    exports: ExportsDep,
    pages: PageSessionsDep,
) -> Response:
    """Show the text that was read from one of the person's documents, in their own words."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        who = (held.tenant, held.beneficiary)
    try:  # in no transaction: services are asked
        document, text = await exports.document(*who, document_id)
    except NotFound:
        return message(*_GONE, status_code=status.HTTP_404_NOT_FOUND, **_BACK)
    except Problem:
        return message(*_LATER, status_code=status.HTTP_503_SERVICE_UNAVAILABLE, **_BACK)
    return page("document.html", since=document.created_at, text=text)


@router.api_route("/me/reports/{report_id}", methods=READS)
async def read_my_synthesis(
    report_id: OwnName,
    request: Request,
    database: DatabaseDep,
    exports: ExportsDep,
    pages: PageSessionsDep,
) -> Response:
    """Give the person their signed synthesis, as a PDF file."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        who = (held.tenant, held.beneficiary)
    try:
        content = await exports.synthesis(*who, report_id)
    except NotFound:
        return message(*_GONE, status_code=status.HTTP_404_NOT_FOUND, **_BACK)
    except ReportNotSigned:
        return message(*_UNSIGNED, **_BACK)
    except Problem:
        return message(*_LATER, status_code=status.HTTP_503_SERVICE_UNAVAILABLE, **_BACK)
    named = {"Content-Disposition": 'attachment; filename="document-de-synthese.pdf"'}
    return Response(content, media_type="application/pdf", headers={**HEADERS, **named})


_GONE = (
    "Ce document n’est plus gardé ici",
    "Il a été effacé, ou il n’a jamais été à cet endroit. Rien n’a été changé.",
    "Si vous en avez besoin, demandez à votre centre ce qui est encore gardé.",
)
_UNSIGNED = (
    "Votre document de synthèse n’est pas encore signé",
    (
        "Votre conseiller ou votre conseillère y travaille avec vous. Quand il sera signé, vous "
        "pourrez l’ouvrir ici."
    ),
)
_LATER = (
    "Ce document ne s’ouvre pas pour le moment",
    "Rien n’est perdu. Attendez quelques minutes, puis essayez encore une fois.",
    "Si cela continue, dites-le à votre centre.",
)
