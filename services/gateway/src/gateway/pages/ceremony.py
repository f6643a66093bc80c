"""The consent ceremony: one page to read and answer, and what the person keeps of it.

Opening a link never changes anything: the secret rides in the fragment, which no server and no
mail scanner sees, and a script posts it to open a short session. Even that post uses nothing up: a
link is used once its purposes are decided.
"""

from collections.abc import Mapping

from fastapi import Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import Decision, Method
from gateway.consents.service import Consents
from gateway.links.service import Links
from gateway.pages import views
from gateway.pages.answers import (
    READS,
    AnsweredElsewhere,
    FormDep,
    SessionOver,
    browser_family,
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
from gateway.problems import CeremonyUnknown, ConsentState, NoticeChanged
from gateway.tables import Consent, PageSession
from gateway.wiring import ConsentsDep, DatabaseDep, LinksDep, PageSessionsDep
from keel.clock import utc_now

router = new_router()

COOKIE = "__Host-passerelle-accord"
_HERE = "consent"


@router.api_route("/consent", methods=READS)
async def lead_to_the_consent_link() -> Response:
    """Lead whoever left out the last slash to the page; the fragment goes with them."""
    return see("/consent/")


@router.api_route("/consent/", methods=READS)
async def open_consent_link() -> Response:
    """Show the page that a consent link opens; it posts the fragment's secret."""
    return page("open.html", action="/consent/session", title="Votre accord")


@router.post("/consent/session")
async def enter_consent(
    form: FormDep, database: DatabaseDep, consents: ConsentsDep, pages: PageSessionsDep
) -> Response:
    """Exchange a consent link's secret for a short session; the link stays good until decided."""
    try:
        async with database.begin() as session:
            consent = await consents.open_ceremony(session, secret_of(form))
            token = await pages.open_ceremony(session, consent)
            ask = await consents.asks_for_code(session, consent.tenant)
    except CeremonyUnknown:
        return see("/consent/gone")
    return enter(see("/consent/code" if ask else "/consent/decision"), COOKIE, token, pages)


@router.api_route("/consent/gone", methods=READS)
async def consent_link_is_gone() -> Response:
    """Say that a link does not open anything any more."""
    return message(*_GONE, status_code=status.HTTP_404_NOT_FOUND)


_GONE = (
    "Ce lien ne s’ouvre plus",
    "Il a déjà servi, ou il est trop ancien, ou il n’a pas été copié en entier.",
    (
        "Si vous avez déjà répondu, votre réponse est enregistrée. Pour la relire ou la changer, "
        "ouvrez votre espace personnel, avec le lien que vous avez reçu ce jour-là."
    ),
    "Sinon, demandez un nouveau lien à votre centre. Rien n’a été changé.",
)


@router.api_route("/consent/decision", methods=READS)
async def show_consent(
    request: Request, database: DatabaseDep, consents: ConsentsDep, pages: PageSessionsDep
) -> Response:
    """Show the notice and ask for one decision a purpose; nothing is ticked in advance."""
    async with database.begin() as session:
        held = await in_ceremony(session, pages, request)
        consent = await consents.find(session, held.tenant, held.consent or "")
        if held.kind == SessionKind.DECIDED:
            return _answered(consents, consent)
        if held.method == Method.PAGE and await consents.asks_for_code(session, held.tenant):
            return see("/consent/code")
        return _decision_page(consent, {}, ())


async def in_ceremony(
    session: AsyncSession,
    pages: PageSessions,
    request: Request,
    form: Mapping[str, str] | None = None,
) -> PageSession:
    """Return the session of a reader whose consent link was opened, or say that it is over."""
    try:
        return await pages.find(
            session, cookie(request, COOKIE), SessionKind.CEREMONY, SessionKind.DECIDED
        )
    except CeremonyUnknown:
        if await pages.lost_the_race(session, cookie(request, COOKIE)):
            raise AnsweredElsewhere(status.HTTP_403_FORBIDDEN) from None
        raise SessionOver(_HERE, form) from None


def _decision_page(
    consent: Consent, chosen: Mapping[str, str], missing: tuple[str, ...]
) -> Response:
    shown = views.questions(consent, chosen, missing)
    return page(
        "decision.html",
        status.HTTP_422_UNPROCESSABLE_CONTENT if missing else status.HTTP_200_OK,
        consent=consent,
        shown=shown,
        missing=missing,
        duration=views.durations(consent, utc_now()),
        chosen_months=chosen.get("months", ""),
    )


@router.post("/consent/decision")
async def decide_consent(
    request: Request,
    form: FormDep,
    database: DatabaseDep,
    consents: ConsentsDep,
    pages: PageSessionsDep,
    links: LinksDep,
) -> Response:
    """Record the beneficiary's decisions, in one transaction with their evidence."""
    try:
        async with database.begin() as session:
            held = await in_ceremony(session, pages, request, form)
            asked = await consents.find(session, held.tenant, held.consent or "")
            if form.get("consent", asked.id) != asked.id:
                return page("changed.html", status.HTTP_409_CONFLICT, **_OTHER_REQUEST)
            if held.kind == SessionKind.DECIDED:
                if not views.same_answers(asked, form):
                    raise AnsweredElsewhere
                return await _thanks(session, consents, links, asked)
            missing = views.left_open(asked, form)
            if missing:
                return _decision_page(asked, form, missing)
            consent = await _decide(
                session, consents, held, asked, form, request.headers.get("user-agent", "")
            )
            await pages.settle(session, held)
            return await _thanks(session, consents, links, consent)
    except NoticeChanged:
        return page("changed.html", status.HTTP_409_CONFLICT, **_OTHER_TEXT)
    except ConsentState:
        return await _decided_meanwhile(request, form, database, consents, pages, links)


_OTHER_TEXT = {
    "title": "Le texte a changé pendant votre lecture",
    "lines": ("Vos réponses n’ont pas été enregistrées, car elles portaient sur l’ancien texte.",),
    "link": "Lire le nouveau texte et répondre",
}
_OTHER_REQUEST = {
    "title": "Vous avez ouvert une autre demande entre-temps",
    "lines": (
        "Cette page n’est plus la bonne : vos réponses n’ont pas été enregistrées.",
        "La demande que vous avez ouverte en dernier vous attend.",
    ),
    "link": "Lire cette demande et répondre",
}


async def _decide(
    session: AsyncSession,
    consents: Consents,
    held: PageSession,
    asked: Consent,
    form: Mapping[str, str],
    user_agent: str,
) -> Consent:
    decisions = {g["purpose"]: Decision(form[f"decision.{g['purpose']}"]) for g in asked.grants}
    return await consents.decide(
        session,
        asked.tenant,
        asked.id,
        decisions,
        form.get("notice_sha256", ""),
        explicit=views.explicit_acts(asked, form),
        validity=views.SHORTER.get(form.get("months", "")),
        method=Method(held.method),
        evidence={"user_agent_family": browser_family(user_agent)},
    )


async def _thanks(
    session: AsyncSession, consents: Consents, links: Links, consent: Consent
) -> Response:
    """Hand over what the person keeps. A second click on the button gets links as good as these."""
    standing = views.agreed(consent, consents.status_now(consent))["standing"]
    personal = await links.issue_personal(session, consent.tenant, consent.beneficiary)
    withdrawal = await links.issue_withdrawal(session, consent) if standing else None
    rest = await what_stands(session, consents, consent.tenant, consent.beneficiary, but=consent.id)
    return page(
        "thanks.html",
        purposes=views.purposes(consent),
        standing=standing,
        rest=rest,
        base=consents.issuer,
        personal_link=f"/me/#{personal}",
        withdrawal_link=withdrawal and f"/consent/withdrawal/#{withdrawal}",
        receipt=consents.receipt(consent),
        ends=consent.expires_at,
    )


def _answered(consents: Consents, consent: Consent) -> Response:
    return page(
        "answered.html", agreed=views.agreed(consent, consents.status_now(consent)), notice=consent
    )


async def _decided_meanwhile(
    request: Request,
    form: Mapping[str, str],
    database: DatabaseDep,
    consents: Consents,
    pages: PageSessions,
    links: Links,
) -> Response:
    """Answer the second of two clicks on one button; anybody else finds the link gone."""
    async with database.begin() as session:
        held = await in_ceremony(session, pages, request)
        if held.kind != SessionKind.DECIDED:
            return see("/consent/gone")
        consent = await consents.find(session, held.tenant, held.consent or "")
        if not views.same_answers(consent, form):
            raise AnsweredElsewhere
        return await _thanks(session, consents, links, consent)
