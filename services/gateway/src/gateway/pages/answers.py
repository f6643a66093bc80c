"""How the hosted pages answer: a French page in every case, a cookie, and who may post.

A person who meets a refusal meets a page, never a problem document; whatever went wrong was rolled
back before it is said.
"""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.requests import ClientDisconnect

from gateway.edge.strict import Handler
from gateway.pages import views
from gateway.pages.rendering import HEADERS, render
from gateway.pages.service import PageSessions
from keel.problems import Problem

log = structlog.get_logger()

_MAX_COOKIE = 100
_MAX_FIELDS = 80
_OURS = ("same-origin", "none")


class PostedFromElsewhere(Exception):  # noqa: N818 - a refusal, rendered as a page
    """Another site's page made this request."""


class SessionOver(Exception):  # noqa: N818 - a state, rendered as a page
    """No session stands for this cookie, or not any more; `where` says which link to open again."""

    def __init__(self, where: str, kept: Mapping[str, str] | None = None) -> None:
        super().__init__(where)
        self.where = where
        self.kept = kept or {}
        """What the person had chosen: shown again, so that nothing is lost in silence."""


class AnsweredElsewhere(SessionOver):
    """The request was answered in another tab or on another device; that answer holds."""

    def __init__(self, status_code: int = status.HTTP_409_CONFLICT) -> None:
        super().__init__("answered")
        self.status_code = status_code


def page(template: str, status_code: int = 200, **facts: Any) -> HTMLResponse:  # noqa: ANN401 - what the page shows
    """Return a page with the headers that every page has."""
    content = render(template, **facts)
    return HTMLResponse(content, status_code=status_code, headers=HEADERS)


def message(
    title: str,
    *lines: str,
    status_code: int = 200,
    back: str | None = None,
    back_to: str = "Revenir à mon espace",
) -> HTMLResponse:
    """Return a page that says one thing, perhaps with a way `back`."""
    facts = {"title": title, "lines": lines, "back": back, "back_to": back_to}
    return page("message.html", status_code, **facts)


def see(path: str) -> RedirectResponse:
    """Send the reader on with a GET."""
    return RedirectResponse(path, status.HTTP_303_SEE_OTHER, headers=HEADERS)


def enter(response: Response, name: str, token: str, pages: PageSessions) -> Response:
    """Give the reader the cookie of a session; it lives as long as the session."""
    response.set_cookie(
        name,
        token,
        max_age=int(pages.lifetime.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return response


def cookie(request: Request, name: str) -> str | None:
    """Return a cookie; one that we cannot have made is as good as none."""
    value = request.cookies.get(name)
    return value if value and len(value) <= _MAX_COOKIE and value.isascii() else None


def secret_of(form: Mapping[str, str]) -> str:
    """Return the secret that was posted; whoever copies by hand may paste the whole link."""
    return form.get("secret", "").strip().rpartition("#")[2][:_MAX_COOKIE]


def browser_family(user_agent: str) -> str:
    """Return the family of a browser, for the evidence; the rest of what it says is not kept."""
    return next((name for mark, name in _FAMILIES if mark in user_agent), "other")


_FAMILIES = (
    ("Edg/", "edge"),
    ("OPR/", "opera"),
    ("SamsungBrowser/", "samsung"),
    ("Firefox/", "firefox"),
    ("Chrome/", "chrome"),
    ("Safari/", "safari"),
)
"""In this order: each of them also claims to be some of those below."""


async def _form(request: Request) -> dict[str, str]:
    _refuse_foreign(request)
    form = await request.form(max_fields=_MAX_FIELDS, max_files=0)
    return {name: value for name, value in form.items() if isinstance(value, str)}


FormDep = Annotated[dict[str, str], Depends(_form)]
"""What was posted, once it is known that our own page posted it."""


def _refuse_foreign(request: Request) -> None:
    """Refuse what another site's page posts (beside `SameSite=Strict`, which already does).

    Our pages send no referrer, so that browsers write `Origin: null` on their own forms: the
    fetch metadata, which no page can forge, then says where a request comes from.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OURS:
        raise PostedFromElsewhere
    origin = request.headers.get("origin", "null")
    if origin == "null":
        return
    public = urlsplit(request.app.state.settings.public_url)
    ours = {public.netloc, request.headers.get("host", "")}
    try:
        posted_from = urlsplit(origin).netloc
    except ValueError:  # no origin that a browser writes
        raise PostedFromElsewhere from None
    if posted_from not in ours:
        raise PostedFromElsewhere


class PageRoute(APIRoute):
    """A route whose refusals are pages. Its endpoints open their transactions themselves."""

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except ClientDisconnect:
                raise  # nobody is there to read a page
            except SessionOver as over:
                return _session_over(over)
            except Exception as error:  # noqa: BLE001 - whatever it was, a person gets a page
                return _refusal(error)

        return answer


def new_router() -> APIRouter:
    """Return a router of pages."""
    return APIRouter(tags=["pages"], include_in_schema=False, route_class=PageRoute)


READS = ["GET", "HEAD"]
"""The methods of a page that is read. Neither changes anything; that somebody read may be noted."""

_ANSWERED = (
    "La réponse est déjà donnée",
    (
        "Cette demande a reçu une réponse entre-temps, dans un autre onglet ou sur un autre "
        "appareil. C’est cette réponse qui compte\u00a0: ce que vous avez choisi ici n’a pas été "
        "enregistré."
    ),
    (
        "Pour la relire ou la changer, ouvrez votre espace personnel, avec le lien qui a été "
        "montré avec cette réponse. Si ce n’était pas vous, prévenez votre centre."
    ),
)
_FOREIGN = (
    "Cette demande vient d’un autre site",
    "Pour votre sécurité, rien n’a été changé.",
    "Ouvrez votre lien directement, depuis votre message ou vos notes.",
)
_UNREADABLE = (
    "Cette page n’a pas compris la demande",
    "Rien n’a été changé. Ouvrez votre lien encore une fois.",
)
_DOWN = (
    "Le service ne répond pas pour le moment",
    "Rien n’a été changé. Attendez quelques minutes, puis ouvrez votre lien encore une fois.",
)
_BROKEN = (
    "Cette page n’a pas pu s’afficher",
    (
        "C’est une erreur de notre part. Ouvrez votre lien encore une fois : vous y verrez ce qui "
        "est enregistré. Si cela se répète, prévenez votre centre."
    ),
)


def _refusal(error: Exception) -> HTMLResponse:
    if isinstance(error, PostedFromElsewhere):
        return message(*_FOREIGN, status_code=status.HTTP_403_FORBIDDEN)
    if isinstance(error, RequestValidationError | HTTPException):
        return message(*_UNREADABLE, status_code=status.HTTP_422_UNPROCESSABLE_CONTENT)
    if isinstance(error, Problem) and error.status != status.HTTP_503_SERVICE_UNAVAILABLE:
        return message(*_UNREADABLE, status_code=error.status)
    # The class name only: a message can hold what somebody wrote.
    log.error("page_failed", error=type(error).__name__)
    if isinstance(error, Problem | DBAPIError | NoConnectionFree):
        return message(*_DOWN, status_code=status.HTTP_503_SERVICE_UNAVAILABLE)
    return message(*_BROKEN, status_code=status.HTTP_500_INTERNAL_SERVER_ERROR)


def too_often(seconds: int) -> HTMLResponse:
    """Return the page that asks a person to wait so long."""
    minutes = -(-seconds // 60)
    wait = f"{seconds}\u00a0secondes" if seconds > 1 else "une seconde"
    if minutes > 1:
        wait = f"{minutes}\u00a0minutes"
    return message(
        "Un instant, s’il vous plaît",
        "Beaucoup de demandes sont arrivées de votre connexion en peu de temps. Cela peut venir "
        "de quelqu’un d’autre\u00a0: une même connexion sert souvent à plusieurs personnes.",
        f"Rien n’a été changé. Attendez {wait}, puis ouvrez votre lien encore une fois.",
        status_code=status.HTTP_429_TOO_MANY_REQUESTS,
    )


def _session_over(over: SessionOver) -> HTMLResponse:
    if isinstance(over, AnsweredElsewhere):
        return message(*_ANSWERED, status_code=over.status_code)
    return page(
        "over.html", status.HTTP_403_FORBIDDEN, where=over.where, kept=views.answers(over.kept)
    )
