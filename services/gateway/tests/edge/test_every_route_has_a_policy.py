"""Every route asks who calls, or stands on a written list with its reason; lists and edits are alike."""

import json
from importlib.resources import files

import pytest
from fastapi.routing import APIRoute

from gateway.app import document
from gateway.edge.idempotency import IdempotentRoute, _scope_of
from gateway.edge.strict import StrictRoute
from gateway.pages.answers import PageRoute

_APP = document()

WITHOUT_A_TOKEN = {
    "/livez": "probes have no secrets",
    "/readyz": "probes have no secrets",
    "/oauth2/token": "where tokens come from; the client proves itself",
    "/oauth2/introspect": "the client proves itself",
    "/oauth2/revoke": "the client proves itself",
    "/.well-known/jwks.json": "public keys",
    "/.well-known/oauth-authorization-server": "public metadata (RFC 8414)",
    "/v1/vocabulary": "a public, closed vocabulary",
    "/v1/vocabulary/receipt-mapping": "a public, closed vocabulary",
    "/v1/disclosures/notices": "words that are shown to everybody",
    "/openapi.json": "the public document",
    "/schemas/transparency-record.v1.schema.json": "the published shape of records",
    "/schemas/transparency-record.v1.context.jsonld": "the published shape of records",
    "/docs": "the public document",
    "/docs/{name}": "the public document",
    "/problems/": "pages about refusals, which have no caller",
    "/problems/{name}": "pages about refusals, which have no caller",
    "/log/checkpoint": "the log is for everybody",
    "/log/witnessed": "the log is for everybody",
    "/log/vkey": "the log is for everybody",
    "/log/proof/inclusion": "the log is for everybody",
    "/log/proof/consistency": "the log is for everybody",
    "/log/tile/entries/{path:path}": "the log is for everybody",
    "/log/tile/{level}/{path:path}": "the log is for everybody",
    "/log/{generation}/checkpoint": "the log is for everybody",
    "/log/{generation}/vkey": "the log is for everybody",
    "/log/{generation}/proof/inclusion": "the log is for everybody",
    "/log/{generation}/proof/consistency": "the log is for everybody",
    "/log/{generation}/tile/entries/{path:path}": "the log is for everybody",
    "/log/{generation}/tile/{level}/{path:path}": "the log is for everybody",
    "/pages/{name}": "style sheets and scripts of the pages",
}
PAGES = "opened by a link's secret, a code or the cookie of a short session"

SHORT_LISTS = {
    "/v1/bilans/{bilan_id}/assignments": "the few counsellors of one bilan",
    "/v1/bilans/{bilan_id}/phases": "there are three",
    "/v1/use-cases": "the catalogue of the release",
    "/v1/recipients": "the operator's register",
    "/v1/disclosures/notices": "the few notices that were ever published",
    "/v1/usage": "one row a quota",
    "/v1/event-kinds": "a closed vocabulary",
}


def routes(router=None):
    for route in (router or _APP).routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router)


ROUTES = list(routes())
PUBLIC = json.loads(files("gateway").joinpath("openapi.json").read_text("utf-8"))


def named(route) -> str:
    return f"{','.join(sorted(route.methods))} {route.path}"


def test_all_routes_are_seen():
    seen = {route.path.replace(":path", "") for route in ROUTES}
    assert set(PUBLIC["paths"]) <= seen
    assert len(seen) > 60


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_a_route_asks_who_calls_or_is_on_the_list(route):
    if isinstance(route, PageRoute):
        return  # PAGES
    if route.path in WITHOUT_A_TOKEN:
        assert _scope_of(route.dependant) is None, "it has a door: take it off the list"
        return
    assert _scope_of(route.dependant) is not None, f"no door, and not on the list: {route.path}"
    assert route.path.startswith("/v1/")


def test_the_list_names_no_route_that_is_gone():
    assert set(WITHOUT_A_TOKEN) <= {route.path for route in ROUTES}


@pytest.mark.parametrize("route", [r for r in ROUTES if r.body_field is not None], ids=named)
def test_a_body_is_read_strictly(route):
    assert isinstance(route, StrictRoute | PageRoute)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.path.startswith("/v1/") and r.status_code == 201], ids=named)  # fmt: skip
def test_what_creates_may_be_sent_again(route):
    assert isinstance(route, IdempotentRoute)


def operations(*methods):
    for path, item in PUBLIC["paths"].items():
        for method, operation in item.items():
            if method in methods:
                yield path, operation


def shape(operation) -> dict:
    content = operation["responses"].get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return PUBLIC["components"]["schemas"].get(name, schema)


LISTS = [p for p, o in operations("get") if "items" in shape(o).get("properties", {}) or shape(o).get("type") == "array"]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_pages_or_is_short(path):
    operation = PUBLIC["paths"][path]["get"]
    parameters = {p["name"] for p in operation.get("parameters", ())}
    pages = {"after", "limit"} <= parameters and "next" in shape(operation)["properties"]
    assert pages is not (path in SHORT_LISTS)
    assert "items" in shape(operation)["properties"]


def test_the_short_lists_are_there():
    assert set(SHORT_LISTS) <= set(LISTS)


EDITS = [path for path, _ in operations("patch", "put")]


@pytest.mark.parametrize("path", EDITS)
def test_an_edit_says_what_it_was_made_on(path):
    for method in {"patch", "put"} & set(PUBLIC["paths"][path]):
        operation = PUBLIC["paths"][path][method]
        headers = {
            p["name"].lower() for p in operation.get("parameters", ()) if p["in"] == "header"
        }
        assert "if-match" in headers
        assert {"412", "428"} <= set(operation["responses"])
