"""What waits for the person's yes or no: handing their synthesis over, keeping it longer.

(LR-A05, A14.) A yes can be taken back here; a no needs no reason.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.pages.answers import READS, FormDep, message, new_router, page, see
from gateway.pages.entrance import in_my_space
from gateway.problems import AnswerState
from gateway.retention.rules import RetentionScope
from gateway.retention.service import Retentions
from gateway.shares.rules import AnswerStatus, RecipientKind
from gateway.shares.service import Shares
from gateway.tables import RetentionAgreement, Share
from gateway.wiring import DatabaseDep, PageSessionsDep, RetentionsDep, SharesDep

router = new_router()

Kind = Annotated[str, Path(pattern="^(shares|retentions)$")]
QuestionName = Annotated[str, Path(max_length=40)]
_STATES: Mapping[AnswerStatus, str] = {
    AnswerStatus.AWAITING: "Attend votre réponse.",
    AnswerStatus.AGREED: "Vous avez accepté.",
    AnswerStatus.REFUSED: "Vous avez refusé.",
    AnswerStatus.ENDED: "C’est terminé.",
    AnswerStatus.EXPIRED: "La date est passée : c’est terminé.",
}
_KEPT: Mapping[str, str] = {
    RetentionScope.SYNTHESIS: "Garder votre document de synthèse",
    RetentionScope.DOCUMENTS: "Garder les documents de votre bilan",
}
_HALF_A_DAY = timedelta(hours=12)
"""Back from the last midnight, UTC: inside the last day, wherever it is read."""


@router.api_route("/me/questions", methods=READS)
async def show_what_is_asked(
    request: Request,
    database: DatabaseDep,
    shares: SharesDep,
    retentions: RetentionsDep,
    pages: PageSessionsDep,
) -> Response:
    """Show every question put to the person, the newest first, and what can be answered now."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        who = (session, held.tenant, held.beneficiary)
        asked = [await _share(session, shares, row) for row in await shares.of_beneficiary(*who)]
        asked += [_retention(retentions, row) for row in await retentions.of_beneficiary(*who)]
    asked.sort(key=lambda question: question["asked_at"], reverse=True)
    return page("questions.html", questions=asked)


async def _share(session: AsyncSession, shares: Shares, row: Share) -> dict[str, Any]:
    to = "votre conseiller en évolution professionnelle (CEP)"
    if row.recipient == RecipientKind.THIRD_PARTY:
        named = await shares.recipient_name(session, row)
        to = named or "une personne dont le nom a été effacé"
    what = f"Remettre votre document de synthèse à {to}"
    return _question("shares", row, what, shares.status(row))


def _retention(retentions: Retentions, row: RetentionAgreement) -> dict[str, Any]:
    what = f"{_KEPT[row.scope]} après la fin de votre bilan"
    return _question("retentions", row, what, retentions.status(row))


def _question(
    kind: str, row: Share | RetentionAgreement, what: str, status: AnswerStatus
) -> dict[str, Any]:
    return {
        "action": f"/me/questions/{kind}/{row.id}",
        "what": what,
        "state": _STATES[status],
        "status": str(status),
        "last_day": row.ends_at - _HALF_A_DAY,
        "asked_at": row.asked_at,
    }


@router.post("/me/questions/{kind}/{question_id}")
async def answer_what_is_asked(
    kind: Kind,
    question_id: QuestionName,
    request: Request,
    form: FormDep,
    database: DatabaseDep,
    shares: SharesDep,
    retentions: RetentionsDep,
    pages: PageSessionsDep,
) -> Response:
    """Take the person's own answer: agree, refuse, or end what they agreed to."""
    verbs: Shares | Retentions = shares if kind == "shares" else retentions
    try:
        async with database.begin() as session:
            held = await in_my_space(session, pages, request)
            match form.get("answer"):
                case "agree":
                    await verbs.agree(session, held.tenant, held.beneficiary, question_id)
                case "refuse":
                    await verbs.refuse(session, held.tenant, held.beneficiary, question_id)
                case "end":
                    await verbs.end(session, held.tenant, question_id, beneficiary=held.beneficiary)
                case _:
                    return see("/me/questions")
    except AnswerState:
        return message(
            *_ANSWERED,
            status_code=AnswerState.status,
            back="/me/questions",
            back_to="Voir où j’en suis",
        )
    return see("/me/questions")


_ANSWERED = (
    "La réponse est déjà donnée",
    "Vous avez déjà répondu, ou ce n’est plus demandé. La première réponse compte.",
)
