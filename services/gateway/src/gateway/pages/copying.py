"""A copy of everything that is held about the person, in a file of their own (GDPR 15 and 20)."""

import json

from fastapi import Request, Response, status

from gateway.exports.rules import ExportKind
from gateway.pages.answers import READS, FormDep, message, new_router, page
from gateway.pages.entrance import in_my_space
from gateway.pages.rendering import HEADERS
from gateway.wiring import DatabaseDep, ExportsDep, PageSessionsDep, RegistersDep
from keel.problems import Problem

router = new_router()


@router.api_route("/me/copy", methods=READS)
async def offer_a_copy(request: Request, database: DatabaseDep, pages: PageSessionsDep) -> Response:
    """Offer a copy of what is held."""
    async with database.begin() as session:
        await in_my_space(session, pages, request)
    return page("copy.html")


@router.post("/me/copy")
async def give_a_copy(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    exports: ExportsDep,
    pages: PageSessionsDep,
) -> Response:
    """Give the copy as a file. That it was given is recorded, so it is asked for with a POST."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        who = (held.tenant, held.beneficiary)
    copied = await exports.of(*who, ExportKind.ACCESS)  # in no transaction: services are asked
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="mes-donnees.json"'}
    content = json.dumps(copied, ensure_ascii=False, indent=1, default=str)
    return Response(content, media_type="application/json", headers=headers)


@router.post("/me/register")
async def give_the_register(
    request: Request,
    form: FormDep,  # noqa: ARG001 - the same
    database: DatabaseDep,
    registers: RegistersDep,
    pages: PageSessionsDep,
) -> Response:
    """Give what was done with AI as pages to read; recorded, and so asked for with a POST."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        who = (held.tenant, held.beneficiary)
    try:
        content = await registers.of(*who)
    except Problem:
        return message(
            *_LATER,
            status_code=status.HTTP_503_SERVICE_UNAVAILABLE,
            back="/me/copy",
            back_to="Revenir à la copie de mes données",
        )
    named = {"Content-Disposition": 'attachment; filename="releve-de-transparence.pdf"'}
    return Response(content, media_type="application/pdf", headers={**HEADERS, **named})


_LATER = (
    "Le relevé ne peut pas être fait pour le moment",
    "Rien n’a été changé. Attendez quelques minutes, puis demandez-le encore une fois.",
)
