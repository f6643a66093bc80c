"""OAuth 2.0's own way of saying no, beside ours (RFC 6749, section 5.2)."""

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from gateway.edge.strict import Handler, StrictRoute
from gateway.problems import TokenRequestRefused
from keel.problems import Problem

_SERVER_ERROR = 500
_OURS_IN_OAUTH = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_dpop_proof",
        "invalid_scope",
        "unsupported_grant_type",
    }
)
_SAYABLE = {"“": "'", "”": "'", "’": "'", '"': "'", "\\": "/", "…": "..."}


class OAuthRoute(StrictRoute):
    """A route whose refusals an OAuth library understands; nothing that it answers is kept."""

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(request)
            except RequestValidationError as error:
                wrong = sorted({str(e["loc"][-1])[:60] for e in error.errors()})
                refusal: Problem = TokenRequestRefused(
                    f"Send these once each, within their bounds, in a form: {', '.join(wrong)}."
                )
                raise _in_oauth(refusal) from None
            except HTTPException as error:  # a form that cannot be read
                if error.status_code >= _SERVER_ERROR:
                    raise
                raise _in_oauth(TokenRequestRefused("Send a form, urlencoded.")) from None
            except Problem as refusal:
                raise _in_oauth(refusal) from None
            response.headers["Cache-Control"] = "no-store"
            return response

        return answer


def _in_oauth(refusal: Problem) -> Problem:
    ours = refusal.code if refusal.code in _OURS_IN_OAUTH else "invalid_request"
    refusal.members["error"] = "server_error" if refusal.status >= _SERVER_ERROR else ours
    refusal.members["error_description"] = _described(refusal.detail)
    refusal.headers["Cache-Control"] = "no-store"
    return refusal


def _described(detail: str) -> str:
    """Return a detail in what RFC 6749 allows: printable ASCII, no quote, no backslash."""
    replaced = "".join(_SAYABLE.get(character, character) for character in detail)
    return replaced.encode("ascii", "ignore").decode()
