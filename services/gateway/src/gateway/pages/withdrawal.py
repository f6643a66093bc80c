"""The withdrawal link: two actions, no account, no code, for a consent's whole life.

Where other consents of the person stand, the page says so, and one more confirmed action ends those
too: whoever wants nothing sent any more is not led to believe it before it is so.
"""

from fastapi import Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import Method
from gateway.links.service import LinkKind
from gateway.pages import views
from gateway.pages.answers import (
    READS,
    FormDep,
    SessionOver,
    cookie,
    enter,
    message,
    new_router,
    page,
    secret_of,
    see,
)
from gateway.pages.service import PageSessions, SessionKind
from gateway.pages.standing import what_stands
from gateway.problems import CeremonyUnknown, ConsentState
from gateway.tables import PageSession
from gateway.wiring import ConsentsDep, DatabaseDep, LinksDep, PageSessionsDep
from keel.problems import NotFound

router = new_router()

COOKIE = "__Host-passerelle-retrait"
_HERE = "withdrawal"


@router.api_route("/consent/withdrawal/", methods=READS)
async def open_withdrawal_link() -> Response:
    """Show the page that a withdrawal link opens; it posts the fragment's secret."""
    return page("open.html", action="/consent/withdrawal/session", title="Retirer mon accord")


@router.post("/consent/withdrawal/session")
async def enter_withdrawal(
    form: FormDep, database: DatabaseDep, links: LinksDep, pages: PageSessionsDep
) -> Response:
    """Exchange a withdrawal link's secret for a short session; nothing is withdrawn yet."""
    try:
        async with database.begin() as session:
            link = await links.open(session, LinkKind.WITHDRAWAL, secret_of(form))
            token = await pages.open_link(session, link, SessionKind.WITHDRAWAL)
    except CeremonyUnknown:
        return message(*_GONE, status_code=status.HTTP_404_NOT_FOUND)
    return enter(see("/consent/withdrawal/confirmation"), COOKIE, token, pages)


_GONE = (
    "Ce lien ne s’ouvre pas",
    "Il n’a peut-être pas été copié en entier. Rien n’a été changé.",
    (
        "Vous pouvez aussi retirer votre accord dans votre espace personnel, ou le demander à "
        "votre centre : il doit le faire tout de suite, sans vous demander pourquoi."
    ),
)


async def _held(session: AsyncSession, pages: PageSessions, request: Request) -> PageSession:
    try:
        return await pages.find(session, cookie(request, COOKIE), SessionKind.WITHDRAWAL)
    except CeremonyUnknown:
        raise SessionOver(_HERE) from None


@router.api_route("/consent/withdrawal/confirmation", methods=READS)
async def ask_before_withdrawing(
    request: Request, database: DatabaseDep, consents: ConsentsDep, pages: PageSessionsDep
) -> Response:
    """Ask once whether to withdraw everything or one purpose; opening this changes nothing."""
    async with database.begin() as session:
        held = await _held(session, pages, request)
        consent = await consents.find(session, held.tenant, held.consent or "")
    shown = views.agreed(consent, consents.status_now(consent))
    if not shown["standing"]:
        return page("ended.html", agreed=shown)
    return page(
        "withdrawal.html",
        action="/consent/withdrawal",
        granted=views.granted(consent),
        since=consent.authorised_at,
        back=None,
    )


@router.post("/consent/withdrawal")
async def withdraw_by_link(
    request: Request,
    form: FormDep,
    database: DatabaseDep,
    consents: ConsentsDep,
    pages: PageSessionsDep,
) -> Response:
    """Withdraw the consent, or one purpose of it, with effect from now."""
    purpose = form.get("purpose")
    try:
        async with database.begin() as session:
            held = await _held(session, pages, request)
            named, method = (session, held.tenant, held.consent or ""), Method(held.method)
            if purpose is None:
                consent = await consents.withdraw_one(*named, method=method)
            else:
                consent = await consents.narrow(*named, purpose, method=method)
    except (ConsentState, NotFound):  # it ended before: that is what was asked for
        return see("/consent/withdrawal/confirmation")
    who = (consent.tenant, consent.beneficiary)
    async with database.begin(consent.tenant) as session:
        rest = await what_stands(session, consents, *who, but=consent.id)
    return page(
        "withdrawn.html",
        agreed=views.agreed(consent, consents.status_now(consent)),
        gone=views.taken_back(consent, purpose),
        rest=rest,
        more="/consent/withdrawal/rest",
        back=None,
    )


@router.api_route("/consent/withdrawal/rest", methods=READS)
async def ask_before_withdrawing_the_rest(
    request: Request, database: DatabaseDep, consents: ConsentsDep, pages: PageSessionsDep
) -> Response:
    """Ask once whether to withdraw whatever else stands; opening this changes nothing."""
    async with database.begin() as session:
        held = await _held(session, pages, request)
        stands = await what_stands(session, consents, held.tenant, held.beneficiary)
    return page(
        "withdrawal_of_all.html", agreed=stands, action="/consent/withdrawal/rest", back=None
    )


@router.post("/consent/withdrawal/rest")
async def withdraw_the_rest(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    consents: ConsentsDep,
    pages: PageSessionsDep,
) -> Response:
    """Withdraw every consent of the person, with effect from now."""
    async with database.begin() as session:
        held = await _held(session, pages, request)
        await consents.withdraw_all(
            session, held.tenant, held.beneficiary, method=Method(held.method)
        )
    return page("withdrawn.html", agreed=None, gone=(), rest=(), more=None, back=None)
