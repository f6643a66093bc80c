"""Pages that say what a refusal means and what to do about it, in plain HTML."""

import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from keel.problems import NotFound

router = APIRouter(prefix="/problems", include_in_schema=False)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "public, max-age=3600",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} – Passerelle</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main>{body}</main></body></html>
"""


@cache
def explanations() -> dict[str, dict[str, Any]]:
    """Return every refusal by its code, with hyphens: title, status, meaning, what to do."""
    content = files("gateway.explanations").joinpath("explanations.json").read_text("utf-8")
    known: dict[str, dict[str, Any]] = json.loads(content)
    return known


def _page(title: str, body: str) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), body=body), headers=_HEADERS)


def _prose(text: str) -> str:
    """Escape a text; what stands between backticks is code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if n % 2 else p for n, p in enumerate(pieces))


@router.get("/")
async def list_problems() -> HTMLResponse:
    """List every refusal."""
    lines = (
        f'<li><a href="/problems/{name}"><code>{escape(known["code"])}</code></a> '
        f"{known['status']} – {escape(known['title'])}</li>"
        for name, known in explanations().items()
    )
    return _page("Problems", f"<h1>Problems</h1><ul>{''.join(lines)}</ul>")


@router.get("/{name}")
async def read_problem(name: Annotated[str, Path(max_length=60)]) -> HTMLResponse:
    """Say what a refusal means and what to do about it."""
    known = explanations().get(name)
    if known is None:
        raise NotFound("No refusal has this name; /problems/ lists them.")
    example = escape(json.dumps(known["example"], indent=2, ensure_ascii=False))
    body = (
        f"<h1>{escape(known['title'])}</h1>"
        f"<p><code>{escape(known['code'])}</code>, HTTP {known['status']}</p>"
        f"<h2>What it means</h2><p>{_prose(known['means'])}</p>"
        f"<h2>What to do</h2><p>{_prose(known['do'])}</p>"
        f"<h2>Example</h2><pre>{example}</pre>"
        '<p><a href="/problems/">All problems</a></p>'
    )
    return _page(known["title"], body)
