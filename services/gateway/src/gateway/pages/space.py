"""The person's own space: what they agreed to, every use of AI, and what they can do about it.

It outlives a consent, because rights do.
"""

from typing import Annotated

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import Method
from gateway.consents.service import Consents
from gateway.pages import views
from gateway.pages.answers import (
    READS,
    FormDep,
    cookie,
    new_router,
    page,
    see,
)
from gateway.pages.entrance import COOKIE, in_my_space
from gateway.pages.service import SessionKind
from gateway.pages.standing import what_stands
from gateway.problems import CeremonyUnknown, ConsentState
from gateway.records.rules import Actor, Fact, Kind
from gateway.records.telling import told
from gateway.tables import Consent, PageSession
from gateway.wiring import (
    AppendsDep,
    CodesDep,
    ConsentsDep,
    DatabaseDep,
    PageSessionsDep,
    RecordsDep,
    RestrictionsDep,
    ServicesDep,
)
from keel.problems import NotFound

router = new_router()

_MOST_USES = 1000
"""How many uses of AI the page shows, newest first; it says so when there are more."""
ConsentName = Annotated[str, Path(max_length=40)]


@router.api_route("/me", methods=READS)
async def lead_to_my_space() -> Response:
    """Lead whoever left out the last slash to their space; the fragment goes with them."""
    return see("/me/")


@router.api_route("/me/", methods=READS)
async def show_my_space(
    request: Request,
    database: DatabaseDep,
    consents: ConsentsDep,
    records: RecordsDep,
    appends: AppendsDep,
    codes: CodesDep,
    restrictions: RestrictionsDep,
    services: ServicesDep,
    pages: PageSessionsDep,
) -> Response:
    """Show a person what they agreed to and every use of AI; else the page that opens a link.

    That the uses were shown is recorded (I-12), and nothing else is written.
    """
    async with database.begin() as session:
        try:
            held = await pages.find(session, cookie(request, COOKIE), SessionKind.PERSONAL)
        except CeremonyUnknown:
            return page("open.html", action="/me/session", title="Mon espace")
        who = (session, held.tenant, held.beneficiary)
        rows = await consents.of_beneficiary(*who)
        read = await records.uses(*who, limit=_MOST_USES + 1)
        stopped = await restrictions.standing_objection(*who)
        stops = await restrictions.of_beneficiary(*who)
        with_code = await codes.needed(session, held.tenant)
    agreed = [views.agreed(row, consents.status_now(row)) for row in reversed(rows)]
    names = await services.legal_names(held.tenant) if read else {}
    history = told(read, names)
    if request.method == "GET":  # whoever asks for the head alone reads no record
        await appends.append(_looked_at(held, returned=len(read)))
    return page(
        "me.html",
        agreed=agreed,
        told=history.newest(_MOST_USES),
        more=len(history) > _MOST_USES,
        renewable=with_code,
        stopped=stopped,
        stops=[views.stop(row) for row in reversed(stops)],
    )


def _looked_at(held: PageSession, *, returned: int) -> Fact:
    return Fact(
        Kind.LOG_ACCESSED,
        held.tenant,
        {"query_class": "personal_space", "returned": returned},
        beneficiary=held.beneficiary,
        actor=Actor.BENEFICIARY,
    )


@router.api_route("/me/withdrawal", methods=READS)
async def confirm_withdrawal(
    request: Request, database: DatabaseDep, consents: ConsentsDep, pages: PageSessionsDep
) -> Response:
    """Ask once whether to withdraw everything; opening this page changes nothing."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        stands = await what_stands(session, consents, held.tenant, held.beneficiary)
    return page("withdrawal_of_all.html", agreed=stands, action="/me/withdrawal", back="/me/")


@router.post("/me/withdrawal")
async def withdraw_my_consent(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    consents: ConsentsDep,
    pages: PageSessionsDep,
) -> Response:
    """Withdraw every consent of the person, with effect from now."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        await consents.withdraw_all(
            session, held.tenant, held.beneficiary, method=Method(held.method)
        )
    return page("withdrawn.html", agreed=None, gone=(), rest=(), more=None, back="/me/")


@router.api_route("/me/consents/{consent_id}", methods=READS)
async def show_my_consent(
    consent_id: ConsentName,
    request: Request,
    database: DatabaseDep,
    consents: ConsentsDep,
    pages: PageSessionsDep,
) -> Response:
    """Show one consent with its exact notice, and offer to take back one purpose or all of it."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        consent = await _own(session, consents, held, consent_id)
    shown = views.agreed(consent, consents.status_now(consent))
    if not shown["standing"]:
        return page("answered.html", agreed=shown, notice=consent)
    return page(
        "withdrawal.html",
        action=f"/me/consents/{consent.id}/withdrawal",
        granted=views.granted(consent),
        since=consent.authorised_at,
        back="/me/",
    )


async def _own(
    session: AsyncSession, consents: Consents, held: PageSession, consent_id: str
) -> Consent:
    consent = await consents.find(session, held.tenant, consent_id)
    if consent.beneficiary != held.beneficiary:
        raise NotFound
    return consent


@router.post("/me/consents/{consent_id}/withdrawal")
async def withdraw_one_of_mine(
    consent_id: ConsentName,
    request: Request,
    form: FormDep,
    database: DatabaseDep,
    consents: ConsentsDep,
    pages: PageSessionsDep,
) -> Response:
    """Withdraw one consent, or one purpose of it, with effect from now."""
    purpose = form.get("purpose")
    try:
        async with database.begin() as session:
            held = await in_my_space(session, pages, request)
            await _own(session, consents, held, consent_id)
            named, method = (session, held.tenant, consent_id), Method(held.method)
            if purpose is None:
                consent = await consents.withdraw_one(*named, method=method)
            else:
                consent = await consents.narrow(*named, purpose, method=method)
    except ConsentState:  # it ended before: that is what was asked for
        return see("/me/")
    async with database.begin(held.tenant) as session:
        rest = await what_stands(session, consents, held.tenant, held.beneficiary, but=consent_id)
    return page(
        "withdrawn.html",
        agreed=views.agreed(consent, consents.status_now(consent)),
        gone=views.taken_back(consent, purpose),
        rest=rest,
        more="/me/withdrawal",
        back="/me/",
    )
