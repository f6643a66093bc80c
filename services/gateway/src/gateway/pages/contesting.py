"""Contesting what a model produced: a few lines, read by a person (LR-E07)."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path, Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import Method
from gateway.contestations.service import MAX_CHARACTERS
from gateway.pages.answers import READS, FormDep, message, new_router, page, see
from gateway.pages.entrance import in_my_space
from gateway.records.telling import told
from gateway.tables import PageSession
from gateway.wiring import (
    ContestationsDep,
    DatabaseDep,
    PageSessionsDep,
    RecordsDep,
)

router = new_router()

RecordName = Annotated[str, Path(max_length=40)]


@router.api_route("/me/uses/{record_id}/contestation", methods=READS)
async def ask_what_is_contested(
    record_id: RecordName,
    request: Request,
    database: DatabaseDep,
    records: RecordsDep,
    contestations: ContestationsDep,
    pages: PageSessionsDep,
) -> Response:
    """Show one use of AI, and ask what the person has to say about it."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        read = await _read(session, held, records, contestations, record_id)
    return _contestation_page(read, None)


async def _read(
    session: AsyncSession,
    held: PageSession,
    records: RecordsDep,
    contestations: ContestationsDep,
    record_id: str,
) -> Mapping[str, Any]:
    row = await contestations.contested_use(session, held.tenant, held.beneficiary, record_id)
    return await records.read(session, row)


def _contestation_page(read: Mapping[str, Any], wrong: str | None) -> Response:
    return page(
        "contestation.html",
        status.HTTP_200_OK if wrong is None else status.HTTP_422_UNPROCESSABLE_CONTENT,
        use=told([read]).uses[0],
        most=MAX_CHARACTERS,
        wrong=wrong is not None,
        written=wrong or "",
    )


@router.post("/me/uses/{record_id}/contestation")
async def contest_a_use(
    record_id: RecordName,
    request: Request,
    form: FormDep,
    database: DatabaseDep,
    records: RecordsDep,
    contestations: ContestationsDep,
    pages: PageSessionsDep,
) -> Response:
    """Keep what the person says, sealed, and tell their counsellor that they said it."""
    text = form.get("text", "").strip().replace("\x00", "")
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        read = await _read(session, held, records, contestations, record_id)
        can_be_kept = 1 <= len(text) <= MAX_CHARACTERS
        if can_be_kept:
            who, method = (session, held.tenant, held.beneficiary), Method(held.method)
            await contestations.contest(*who, record_id, text, method=method)
    if not can_be_kept:
        return _contestation_page(read, text)
    return see("/me/contested")


@router.api_route("/me/contested", methods=READS)
async def say_it_was_contested(
    request: Request, database: DatabaseDep, pages: PageSessionsDep
) -> Response:
    """Say what happens next."""
    async with database.begin() as session:
        await in_my_space(session, pages, request)
    return message(*_CONTESTED, back="/me/")


_CONTESTED = (
    "Votre contestation est transmise",
    (
        "Votre conseiller ou votre conseillère la lira. Ce que vous avez écrit est chiffré : "
        "seules les personnes qui conduisent votre bilan peuvent le lire."
    ),
    (
        "Vous pouvez aussi en parler à votre prochain rendez-vous, ou vous adresser à la CNIL "
        "(www.cnil.fr)."
    ),
)
