"""The register over HTTP: data in, pages out, nothing kept."""

from fastapi import APIRouter, Request, Response

from keel.passes import PassDep
from keel.problems import problems
from reports.problems import RenderingFailed
from reports.register.document import Register

router = APIRouter(prefix="/transparency-reports", tags=["transparency"])


@router.post(
    "",
    response_class=Response,
    responses={**problems(RenderingFailed), 200: {"content": {"application/pdf": {}}}},
)
async def render_transparency_report(
    body: Register,
    admitted: PassDep,  # noqa: ARG001 - asked for because it lets the caller in
    request: Request,
) -> Response:
    """Render what was done with AI for one person as PDF; nothing of it is stored."""
    pages = await request.app.state.press.render_register(body)
    return Response(pages, media_type="application/pdf")
