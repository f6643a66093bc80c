"""The person's own objection: no use of AI from now on, whatever was given (GDPR 21; LR-E05)."""

from fastapi import Request, Response

from gateway.pages.answers import READS, FormDep, new_router, page, see
from gateway.pages.entrance import in_my_space
from gateway.restrictions.rules import Ground, RestrictionKind, Side
from gateway.wiring import DatabaseDep, PageSessionsDep, RestrictionsDep

router = new_router()


@router.api_route("/me/stop", methods=READS)
async def ask_before_stopping(
    request: Request, database: DatabaseDep, restrictions: RestrictionsDep, pages: PageSessionsDep
) -> Response:
    """Ask whether to stop every use of AI, or to permit it again; opening this changes nothing."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        stopped = await restrictions.standing_objection(session, held.tenant, held.beneficiary)
    return page("stop.html", stopped=stopped)


@router.post("/me/stop")
async def stop_every_use(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    restrictions: RestrictionsDep,
    pages: PageSessionsDep,
) -> Response:
    """Object: from the commit on no model is called for this person."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        who = (session, held.tenant, held.beneficiary)
        if await restrictions.standing_objection(*who) is None:
            await restrictions.impose(
                *who,
                RestrictionKind.OBJECTION,
                Ground.PARTICULAR_SITUATION,
                by=Side.BENEFICIARY,
            )
    return see("/me/stop")


@router.post("/me/stop/end")
async def permit_again(
    request: Request,
    form: FormDep,  # noqa: ARG001 - asked for because it says who posts
    database: DatabaseDep,
    restrictions: RestrictionsDep,
    pages: PageSessionsDep,
) -> Response:
    """Lift every objection; what the person agreed to counts again, and nothing else."""
    async with database.begin() as session:
        held = await in_my_space(session, pages, request)
        who = (session, held.tenant, held.beneficiary)
        while (objection := await restrictions.standing_objection(*who)) is not None:
            await restrictions.lift(*who, objection.id, by=Side.BENEFICIARY)
    return see("/me/")
