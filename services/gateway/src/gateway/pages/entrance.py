"""The door of the person's own space: a personal link, and a code where one can be sent."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import Method
from gateway.links.service import LinkKind
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
from gateway.pages.codes import PROBLEMS, TOO_MANY, Outcome
from gateway.pages.service import PageSessions, SessionKind
from gateway.problems import CeremonyUnknown, TooManyCodes
from gateway.tables import PageSession
from gateway.wiring import CodesDep, ConsentsDep, DatabaseDep, LinksDep, PageSessionsDep

router = new_router()

COOKIE = "__Host-passerelle-espace"
_HERE = "me"
_WORDS: Mapping[str, Any] = {
    "action": "/me/code",
    "why": (
        "Pour protéger votre espace, votre centre vous envoie un code de six chiffres, par le "
        "moyen que vous avez choisi ensemble."
    ),
    "enter": "Entrer",
}


_UNREACHABLE = (
    "Votre code ne peut pas être envoyé",
    (
        "Un code protège votre espace, et votre centre ne peut pas vous l’envoyer pour le moment. "
        "Prévenez votre centre : votre lien marche encore."
    ),
    (
        "Pour retirer votre accord, aucun code n’est nécessaire : ouvrez votre lien de retrait, ou "
        "demandez-le à votre centre. Il doit le faire tout de suite, sans vous demander pourquoi."
    ),
)


def _unreachable() -> Response:
    return message(*_UNREACHABLE, status_code=status.HTTP_503_SERVICE_UNAVAILABLE)


@router.post("/me/session")
async def enter_my_space(
    form: FormDep, database: DatabaseDep, links: LinksDep, codes: CodesDep, pages: PageSessionsDep
) -> Response:
    """Exchange a personal link's secret for a short session, which may first ask for a code."""
    try:
        async with database.begin() as session:
            link = await links.open(session, LinkKind.PERSONAL, secret_of(form))
            ask = await codes.needed(session, link.tenant)
            kind = SessionKind.UNCODED if ask else SessionKind.PERSONAL
            token = await pages.open_link(session, link, kind)
    except CeremonyUnknown:
        return message(*_GONE, status_code=status.HTTP_404_NOT_FOUND)
    return enter(see("/me/code" if ask else "/me/"), COOKIE, token, pages)


_GONE = (
    "Ce lien ne s’ouvre plus",
    "Il a été remplacé par un lien plus récent, ou il n’a pas été copié en entier.",
    (
        "Demandez un nouveau lien à votre centre : il peut vous en donner un tout de suite. "
        "Rien n’a été changé."
    ),
)


async def _held(
    session: AsyncSession, pages: PageSessions, request: Request, *kinds: SessionKind
) -> PageSession:
    try:
        return await pages.find(session, cookie(request, COOKIE), *kinds)
    except CeremonyUnknown:
        raise SessionOver(_HERE) from None


async def in_my_space(session: AsyncSession, pages: PageSessions, request: Request) -> PageSession:
    """Return the session of a person in their own space, or say that it is over."""
    return await _held(session, pages, request, SessionKind.PERSONAL)


@router.api_route("/me/code", methods=READS)
async def ask_for_the_code(
    request: Request, database: DatabaseDep, codes: CodesDep, pages: PageSessionsDep
) -> Response:
    """Offer to send a code, or ask for the one that was sent; opening this sends nothing."""
    async with database.begin() as session:
        held = await _held(session, pages, request, SessionKind.UNCODED)
        awaited = await codes.awaited(session, held.tenant, held.beneficiary)
        if not awaited and not await codes.reach_space(session, held.tenant):
            return _unreachable()
    return page("code.html", awaited=awaited, problem=None, **_WORDS)


@router.post("/me/code")
async def send_a_code(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    codes: CodesDep,
    pages: PageSessionsDep,
) -> Response:
    """Have a code sent over the centre's channel."""
    try:
        async with database.begin() as session:
            held = await _held(session, pages, request, SessionKind.UNCODED)
            if not await codes.reach_space(session, held.tenant):
                return _unreachable()
            await codes.request(session, held.tenant, held.beneficiary)
    except TooManyCodes:
        answer = page("code.html", TooManyCodes.status, awaited=True, problem=TOO_MANY, **_WORDS)
        answer.headers["Retry-After"] = "900"
        return answer
    return see("/me/code")


@router.post("/me/code/check")
async def check_the_code(
    request: Request,
    form: FormDep,
    database: DatabaseDep,
    codes: CodesDep,
    pages: PageSessionsDep,
) -> Response:
    """Let the person in when the code is right; each wrong one uses up a try."""
    async with database.begin() as session:
        held = await _held(session, pages, request, SessionKind.UNCODED)
        outcome = await codes.check(session, held.tenant, held.beneficiary, form.get("code", ""))
        if outcome is Outcome.RIGHT:
            token = await pages.let_in_with_code(session, held.tenant, held.beneficiary)
            return enter(see("/me/"), COOKIE, token, pages)
    return page(
        "code.html",
        status.HTTP_422_UNPROCESSABLE_CONTENT,
        awaited=outcome is Outcome.WRONG,
        problem=PROBLEMS[outcome],
        **_WORDS,
    )


@router.post("/me/leaving")
async def leave_my_space(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    pages: PageSessionsDep,
) -> Response:
    """End the session: the next person at this screen opens nothing without a link."""
    async with database.begin() as session:
        await pages.end(session, await in_my_space(session, pages, request))
    answer = message(
        "Votre espace est fermé",
        "Pour y revenir, ouvrez votre lien personnel.",
    )
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


@router.api_route("/me/link", methods=READS)
async def ask_before_renewing(
    request: Request, database: DatabaseDep, pages: PageSessionsDep
) -> Response:
    """Ask whether to replace the personal link."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
    return page("link.html", allowed=held.method == Method.PAGE_AND_CODE, personal_link=None)


@router.post("/me/link")
async def renew_my_link(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    consents: ConsentsDep,
    links: LinksDep,
    pages: PageSessionsDep,
) -> Response:
    """Replace the person's link; who came without a code cannot lock the person out."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        if held.method != Method.PAGE_AND_CODE:
            return page("link.html", status.HTTP_403_FORBIDDEN, allowed=False, personal_link=None)
        tenant, beneficiary = held.tenant, held.beneficiary
        secret = await links.renew_personal(session, tenant, beneficiary)
        token = await pages.let_in_with_code(session, tenant, beneficiary)
    answer = page("link.html", allowed=True, personal_link=f"/me/#{secret}", base=consents.issuer)
    return enter(answer, COOKIE, token, pages)
