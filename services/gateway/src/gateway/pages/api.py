"""The beneficiary's pages: give or refuse consent, see every use of AI, take it back.

Opening a link never changes anything: the secret rides in the fragment, which no server and no
mail scanner sees, and a script posts it to open a short session.
"""

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Cookie, Form, Path, Request, Response, status
from fastapi.responses import HTMLResponse, RedirectResponse

from gateway.consents.rules import Decision
from gateway.pages import views
from gateway.pages.service import CEREMONY, PERSONAL, PageSessions
from gateway.problems import CeremonyUnknown, ConsentState, NoticeChanged
from gateway.tables import Consent
from gateway.wiring import ConsentsDep, DatabaseDep, PageSessionsDep, RecordsDep
from keel.database import SessionDep
from keel.problems import NotFound, problems

router = APIRouter(tags=["pages"], include_in_schema=False)

_COOKIE = "__Host-passerelle"
_MOST_USES = 1000
"""How many uses of AI the page shows, newest first; it says so when there are more."""
Secret = Annotated[str, Form(min_length=1, max_length=100)]
PageCookie = Annotated[str | None, Cookie(alias=_COOKIE, max_length=100)]
_STATIC = {"page.css": "text/css", "open.js": "text/javascript"}


def _page(template: str, **facts: object) -> HTMLResponse:
    return HTMLResponse(views.render(template, **facts), headers=views.HEADERS)


def _enter(token: str, pages: PageSessions, to: str) -> RedirectResponse:
    response = RedirectResponse(to, status.HTTP_303_SEE_OTHER, headers=views.HEADERS)
    response.set_cookie(
        _COOKIE,
        token,
        max_age=int(pages.lifetime.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return response


@router.get("/pages/{name}", responses=problems(NotFound))
async def read_page_file(name: Annotated[str, Path(max_length=40)]) -> Response:
    """Return the style sheet or the one script of the pages."""
    if name not in _STATIC:
        raise NotFound
    content = files("gateway.pages").joinpath("static", name).read_bytes()
    return Response(content, media_type=_STATIC[name], headers={"Cache-Control": "max-age=3600"})


@router.get("/consent/")
async def open_consent_link() -> HTMLResponse:
    """Show the page that a consent link opens; it posts the fragment's secret."""
    return _page("open.html", action="/consent/session", title="Votre accord")


@router.post("/consent/session")
async def enter_consent(
    secret: Secret, session: SessionDep, consents: ConsentsDep, pages: PageSessionsDep
) -> RedirectResponse:
    """Exchange a consent link's secret for a short session."""
    try:
        consent = await consents.open_ceremony(session, secret)
    except CeremonyUnknown:
        return RedirectResponse("/consent/gone", status.HTTP_303_SEE_OTHER, headers=views.HEADERS)
    token = await pages.open_ceremony(session, consent)
    return _enter(token, pages, "/consent/decision")


@router.get("/consent/gone")
async def consent_link_is_gone() -> HTMLResponse:
    """Say that a link does not open anything any more."""
    page = _page("message.html", title="Ce lien ne s’ouvre plus", lines=_GONE)
    page.status_code = status.HTTP_404_NOT_FOUND
    return page


_GONE = (
    "Ce lien a déjà servi, ou il a plus de sept jours.",
    "Demandez un nouveau lien à votre centre. Rien n’a été changé.",
)


@router.get("/consent/decision")
async def show_consent(
    session: SessionDep, consents: ConsentsDep, pages: PageSessionsDep, cookie: PageCookie = None
) -> Response:
    """Show the notice and ask for one decision a purpose; nothing is ticked in advance."""
    try:
        held = await pages.find(session, CEREMONY, cookie)
    except CeremonyUnknown:
        return RedirectResponse("/consent/gone", status.HTTP_303_SEE_OTHER, headers=views.HEADERS)
    consent = await consents.find(session, held.tenant, held.consent or "")
    return _page("decision.html", consent=consent, purposes=views.purposes(consent), problem=None)


@router.post("/consent/decision")
async def decide_consent(
    request: Request,
    database: DatabaseDep,
    consents: ConsentsDep,
    pages: PageSessionsDep,
    notice_sha256: Annotated[str, Form(max_length=64)],
    cookie: PageCookie = None,
) -> Response:
    """Record the beneficiary's decisions, in one transaction with their evidence."""
    form = await request.form(max_fields=40, max_files=0)
    decisions = {
        key.removeprefix("decision."): Decision(str(value))
        for key, value in form.items()
        if key.startswith("decision.") and value in set(Decision)
    }
    try:
        async with database.begin() as session:
            held = await pages.find(session, CEREMONY, cookie)
            asked = await consents.find(session, held.tenant, held.consent or "")
            undecided = {g["purpose"] for g in asked.grants} - set(decisions)
            if undecided:
                return _undecided(asked)
            consent, secret = await consents.decide(
                session, held.tenant, asked.id, decisions, notice_sha256
            )
    except (CeremonyUnknown, ConsentState):
        return RedirectResponse("/consent/gone", status.HTTP_303_SEE_OTHER, headers=views.HEADERS)
    except NoticeChanged:
        lines = ("Le texte a changé pendant votre lecture.", "Ouvrez le lien encore une fois.")
        page = _page("message.html", title="Le texte a changé", lines=lines)
        page.status_code = status.HTTP_409_CONFLICT
        return page
    return _page(
        "thanks.html",
        purposes=views.purposes(consent),
        personal_link=f"/me/#{secret}",
        receipt=consents.receipt(consent),
        ends=consent.expires_at,
    )


def _undecided(consent: Consent) -> HTMLResponse:
    page = _page(
        "decision.html",
        consent=consent,
        purposes=views.purposes(consent),
        problem="Répondez à chaque question : accepter ou refuser.",
    )
    page.status_code = status.HTTP_422_UNPROCESSABLE_CONTENT
    return page


@router.get("/me/")
async def show_my_space(
    session: SessionDep,
    consents: ConsentsDep,
    records: RecordsDep,
    pages: PageSessionsDep,
    cookie: PageCookie = None,
) -> Response:
    """Show a person what they agreed to and every use of AI; else the page that opens a link."""
    try:
        held = await pages.find(session, PERSONAL, cookie)
    except CeremonyUnknown:
        return _page("open.html", action="/me/session", title="Mon espace")
    rows = await consents.of_beneficiary(session, held.tenant, held.beneficiary)
    read = await records.uses(session, held.tenant, held.beneficiary, limit=_MOST_USES + 1)
    uses = views.uses(read)
    agreed = [
        {
            "status": str(consents.status_now(row)),
            "since": row.authorised_at,
            "ended": row.ended_at,
            "purposes": views.purposes(row),
        }
        for row in rows
    ]
    return _page("me.html", agreed=agreed, uses=uses[:_MOST_USES], more=len(uses) > _MOST_USES)


@router.post("/me/session")
async def enter_my_space(
    secret: Secret, session: SessionDep, pages: PageSessionsDep
) -> RedirectResponse:
    """Exchange a personal link's secret for a short session."""
    try:
        token = await pages.open_personal(session, secret)
    except CeremonyUnknown:
        return RedirectResponse("/consent/gone", status.HTTP_303_SEE_OTHER, headers=views.HEADERS)
    return _enter(token, pages, "/me/")


@router.get("/me/withdrawal")
async def confirm_withdrawal(
    session: SessionDep, pages: PageSessionsDep, cookie: PageCookie = None
) -> Response:
    """Ask once whether to withdraw; opening this page changes nothing."""
    try:
        await pages.find(session, PERSONAL, cookie)
    except CeremonyUnknown:
        return RedirectResponse("/me/", status.HTTP_303_SEE_OTHER, headers=views.HEADERS)
    return _page("withdrawal.html")


@router.post("/me/withdrawal")
async def withdraw_my_consent(
    database: DatabaseDep, consents: ConsentsDep, pages: PageSessionsDep, cookie: PageCookie = None
) -> Response:
    """Withdraw every consent of the person, with effect from now."""
    try:
        async with database.begin() as session:
            held = await pages.find(session, PERSONAL, cookie)
            ended = await consents.withdraw_all(session, held.tenant, held.beneficiary)
    except CeremonyUnknown:
        return RedirectResponse("/me/", status.HTTP_303_SEE_OTHER, headers=views.HEADERS)
    for consent_id in ended:
        consents.cancel_in_flight(consent_id)
    lines = (
        "Votre accord est retiré. Plus rien n’est envoyé à une intelligence artificielle.",
        "Votre bilan continue avec votre conseiller ou votre conseillère.",
    )
    return _page("message.html", title="C’est fait", lines=lines)
