"""Whoever reads content of a bilan leaves a record of it, with what they read it for (LR-A21)."""

import httpx
import pytest
from sqlalchemy import text

from gateway.tables import Document
from keel.identifiers import new_id


def behind(request):
    if request.url.path.endswith("/restorations"):
        return httpx.Response(200, json={"value": {"text": "Jeanne"}, "unknown": []})
    return httpx.Response(200, json={"text": "SURROGATE"})


@pytest.fixture
async def document(app, centre, bilan):
    for client in app.state.services.clients.values():
        client._transport = httpx.MockTransport(behind)
    document = new_id("doc")
    async with app.state.database.begin(centre.tenant) as session:
        row = Document(tenant=centre.tenant, id=document, bilan=bilan.id)
        row.created_at = app.state.records.now()
        session.add(row)
    return document


@pytest.fixture
def reads(centre, bilan):
    async def of():
        path = f"/v1/records?bilan={bilan.id}&kind=log.accessed"
        page = (await centre.call("GET", path)).json()
        return [
            (r["act"], r["body"]["query_class"], r["body"]["access_purpose"]) for r in page["items"]
        ]

    return of


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/v1/documents/{}/pseudonymised", "document_text"),
        ("/v1/documents/{}/outline", "document_outline"),
        ("/v1/documents/{}/findings", "document_findings"),
    ],
)
async def test_each_view_of_a_document(centre, bilan, document, reads, path, read):
    answer = await centre.call("GET", path.format(document))
    assert answer.status_code == 200
    assert await reads() == [(bilan.counsellor, read, "work")]


async def test_a_restored_text(centre, bilan, document, reads):
    body = {"bilan": bilan.id, "value": {"text": "SURROGATE"}}
    assert (await centre.call("POST", "/v1/restorations", json=body)).status_code == 200
    assert await reads() == [(bilan.counsellor, "bilan_text", "work")]


async def test_a_read_that_is_refused_was_none(centre, bilan, document, reads):
    await centre.log_in()
    answer = await centre.call("GET", f"/v1/documents/{document}/pseudonymised")
    assert answer.status_code == 403
    assert await reads() == []


async def test_a_read_that_cannot_be_written_down_does_not_happen(app, centre, document):
    asked = []
    app.state.services.clients["anonymizer"]._transport = httpx.MockTransport(
        lambda request: asked.append(request) or httpx.Response(200, json={})
    )
    async with app.state.database.begin(centre.tenant) as session:
        await session.execute(text("UPDATE record_keys SET wrapped = :no"), {"no": b"x" * 60})
    answer = await centre.call("GET", f"/v1/documents/{document}/pseudonymised")
    assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
    assert asked == []
