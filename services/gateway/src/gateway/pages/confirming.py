"""The code before a decision, where a tenant's policy asks for one (profile section 2.2, point 3).

It comes before the notice is shown, so that a link in the wrong hands tells nothing either. Where
the policy asks and nobody would deliver the code, nothing is decided: the centre is asked.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import Method
from gateway.consents.service import Consents
from gateway.pages.answers import READS, FormDep, enter, message, new_router, page, see
from gateway.pages.ceremony import COOKIE, in_ceremony
from gateway.pages.codes import PROBLEMS, TOO_MANY, Outcome
from gateway.pages.service import SessionKind
from gateway.problems import TooManyCodes
from gateway.tables import PageSession
from gateway.wiring import CodesDep, ConsentsDep, DatabaseDep, PageSessionsDep

router = new_router()

_WORDS: Mapping[str, Any] = {
    "action": "/consent/code",
    "why": (
        "Avant de vous montrer ce qui vous est demandé, nous vérifions que c’est bien vous. Votre "
        "centre vous envoie un code de six chiffres, par le moyen que vous avez choisi ensemble."
    ),
    "enter": "Continuer",
}
_UNREACHABLE = (
    "Votre code ne peut pas être envoyé",
    (
        "Votre centre demande un code avant votre réponse, mais il ne peut pas vous l’envoyer pour "
        "le moment."
    ),
    "Prévenez votre centre. Rien n’est décidé, et votre lien marche encore.",
)


async def _needless(session: AsyncSession, consents: Consents, held: PageSession) -> bool:
    """Say whether the reader may go on without a code: typed before, answered, or not asked for."""
    return (
        held.kind == SessionKind.DECIDED
        or held.method == Method.PAGE_AND_CODE
        or not await consents.asks_for_code(session, held.tenant)
    )


def _unreachable() -> Response:
    return message(*_UNREACHABLE, status_code=status.HTTP_503_SERVICE_UNAVAILABLE)


@router.api_route("/consent/code", methods=READS)
async def ask_for_the_ceremony_code(
    request: Request,
    database: DatabaseDep,
    consents: ConsentsDep,
    codes: CodesDep,
    pages: PageSessionsDep,
) -> Response:
    """Offer to send a code, or ask for the one that was sent; opening this sends nothing."""
    async with database.begin() as session:
        held = await in_ceremony(session, pages, request)
        if await _needless(session, consents, held):
            return see("/consent/decision")
        if not await codes.reach(session, held.tenant):
            return _unreachable()
        awaited = await codes.awaited(session, held.tenant, held.beneficiary, held.consent)
    return page("code.html", awaited=awaited, problem=None, **_WORDS)


@router.post("/consent/code")
async def send_a_ceremony_code(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    consents: ConsentsDep,
    codes: CodesDep,
    pages: PageSessionsDep,
) -> Response:
    """Have a code sent over the centre's channel."""
    try:
        async with database.begin() as session:
            held = await in_ceremony(session, pages, request)
            if await _needless(session, consents, held):
                return see("/consent/decision")
            if not await codes.reach(session, held.tenant):
                return _unreachable()
            await codes.request(session, held.tenant, held.beneficiary, held.consent)
    except TooManyCodes:
        answer = page("code.html", TooManyCodes.status, awaited=True, problem=TOO_MANY, **_WORDS)
        answer.headers["Retry-After"] = "900"
        return answer
    return see("/consent/code")


@router.post("/consent/code/check")
async def check_the_ceremony_code(
    request: Request,
    form: FormDep,
    database: DatabaseDep,
    codes: CodesDep,
    pages: PageSessionsDep,
) -> Response:
    """Let the person read and decide when the code is right; each wrong one uses up a try."""
    async with database.begin() as session:
        held = await in_ceremony(session, pages, request)
        if held.kind == SessionKind.DECIDED:
            return see("/consent/decision")
        who = (held.tenant, held.beneficiary)
        outcome = await codes.check(session, *who, form.get("code", ""), held.consent)
        if outcome is Outcome.RIGHT:
            token = await pages.confirm_ceremony(session, held)
            return enter(see("/consent/decision"), COOKIE, token, pages)
    return page(
        "code.html",
        status.HTTP_422_UNPROCESSABLE_CONTENT,
        awaited=outcome is Outcome.WRONG,
        problem=PROBLEMS[outcome],
        **_WORDS,
    )
