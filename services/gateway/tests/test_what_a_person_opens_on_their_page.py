"""On their own page a person reads their documents, their synthesis, and who was used for them."""

import json
from datetime import timedelta

import httpx
import pytest

from gateway.consents import notice
from gateway.consents.places import where
from gateway.consents.rules import EEA
from gateway.records.rules import Fact, Kind
from gateway.tables import Document, Report
from keel.clock import utc_now
from keel.identifiers import new_id

# Pages are the same on both databases; what differs is played there too, in `make verify`.
both = pytest.mark.parametrize(
    "migrated",
    [
        "sqlite",
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full]),
    ],
    indirect=True,
)


def refused(status, code):
    body = {"type": f"/problems/{code}", "title": "", "status": status, "code": code, "detail": ""}
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json"})


class Behind:
    """The anonymizer and the reports service, as doubles that a story may change."""

    def __init__(self):
        self.signed_at = "2026-11-20T10:00:00Z"
        self.text = "CV de SURROGATE <b>\nCaissière"
        self.failing = None
        self.asked = []

    def anonymizer(self, request):
        if self.failing is not None:
            return self.failing()
        if request.url.path == "/restorations":
            restored = request.read().decode().replace("SURROGATE", "Jeanne")
            return httpx.Response(200, json={"value": json.loads(restored)["value"]})
        self.asked.append(request.url.path)
        return httpx.Response(200, json={"text": self.text})

    def reports(self, request):
        if self.failing is not None:
            return self.failing()
        self.asked.append(request.url.path)
        if request.url.path.endswith("/pdf"):
            return httpx.Response(200, content=b"%PDF", headers={"content-type": "application/pdf"})
        return httpx.Response(200, json={"version": 2, "signed_at": self.signed_at})


@pytest.fixture
def behind(app):
    doubles = Behind()
    for name in ("anonymizer", "reports"):
        transport = httpx.MockTransport(getattr(doubles, name))
        app.state.services.clients[name]._transport = transport
    return doubles


@pytest.fixture
async def own(app, centre, bilan, behind):
    """A document and a report of the bilan."""
    ids = {"doc": new_id("doc"), "rep": new_id("rep")}
    rest = {"tenant": centre.tenant, "bilan": bilan.id, "created_at": utc_now()}
    async with app.state.database.begin(centre.tenant) as session:
        session.add_all([Document(id=ids["doc"], **rest), Report(id=ids["rep"], **rest)])
    return ids


@pytest.fixture
async def mine(centre, bilan, beneficiary):
    """The person, in their own space."""
    link = await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/personal-link", {})
    await beneficiary.open(link["personal_link"])
    return beneficiary


@both
async def test_a_person_opens_their_documents_and_their_signed_synthesis(own, behind, mine):
    listed = (await mine.get("/me/documents")).text
    document, report = f"/me/documents/{own['doc']}", f"/me/reports/{own['rep']}"
    assert f'href="{document}"' in listed
    assert f'href="{report}"' in listed
    read = await mine.get(document)
    assert "CV de Jeanne &lt;b&gt;\nCaissière" in read.text
    assert "SURROGATE" not in read.text
    given = await mine.get(report)
    assert (given.content, given.headers["content-type"]) == (b"%PDF", "application/pdf")
    assert given.headers["content-disposition"].startswith("attachment")
    assert given.headers["cache-control"] == "no-store"
    assert behind.asked[-1] == f"/reports/{own['rep']}/versions/2/pdf"


@both
async def test_a_restriction_keeps_nobody_from_what_is_their_own(centre, bilan, own, mine):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/restrictions"
    await centre.made(path, {"kind": "restriction", "ground": "accuracy_contested"})
    assert "Jeanne" in (await mine.get(f"/me/documents/{own['doc']}")).text
    assert (await mine.get(f"/me/reports/{own['rep']}")).content == b"%PDF"


@both
async def test_nobody_opens_what_is_another_persons(centre, own, behind, beneficiary):
    paths = [f"/me/documents/{own['doc']}", f"/me/reports/{own['rep']}"]
    other = await centre.made("/v1/beneficiaries", {})
    link = await centre.made(f"/v1/beneficiaries/{other['id']}/personal-link", {})
    await beneficiary.open(link["personal_link"])
    for path in [*paths, "/me/documents/doc_unknown", "/me/reports/é"]:
        answer = await beneficiary.get(path)
        assert answer.status_code == 404
        assert "n’est plus gardé ici" in answer.text
    beneficiary.cookie = ""
    assert [(await beneficiary.get(path)).status_code for path in paths] == [403, 403]
    assert behind.asked == []


@both
async def test_a_draft_is_told_as_what_it_is(own, behind, mine):
    behind.signed_at = None
    answer = await mine.get(f"/me/reports/{own['rep']}")
    assert "n’est pas encore signé" in answer.text
    assert 'href="/me/documents"' in answer.text


def unreachable():
    raise httpx.ConnectError("down")


@both
@pytest.mark.parametrize(
    ("failing", "status", "words"),
    [
        (unreachable, 503, "ne s’ouvre pas pour le moment"),
        (lambda: refused(503, "service_unavailable"), 503, "ne s’ouvre pas pour le moment"),
        (lambda: refused(410, "erased"), 404, "n’est plus gardé ici"),
        (lambda: refused(404, "not_found"), 404, "n’est plus gardé ici"),
    ],
    ids=["no answer", "a refusal", "destroyed", "unknown there"],
)
async def test_a_read_that_fails_is_told_kindly(own, behind, mine, failing, status, words):
    behind.failing = failing
    for path in (f"/me/documents/{own['doc']}", f"/me/reports/{own['rep']}"):
        answer = await mine.get(path)
        assert (answer.status_code, words in answer.text) == (status, True)
        assert "problem" not in answer.headers["content-type"]


@both
async def test_a_person_agrees_to_a_share_refuses_another_and_takes_their_yes_back(
    centre, own, mine
):
    today = utc_now().date()
    body = {
        "report": own["rep"],
        "version": 2,
        "requested_on": today.isoformat(),
        "until": (today + timedelta(days=30)).isoformat(),
    }
    to_cep = await centre.made("/v1/shares", {**body, "recipient": {"kind": "cep"}})
    named = {"kind": "third_party", "name": "Mission locale <Nord>"}
    to_other = await centre.made("/v1/shares", {**body, "recipient": named})

    async def stands(share):
        return (await centre.call("GET", f"/v1/shares/{share['id']}")).json()["status"]

    page = (await mine.get("/me/questions")).text
    assert "conseiller en évolution professionnelle (CEP)" in page
    assert "à Mission locale &lt;Nord&gt;" in page
    paths = [f"/me/questions/shares/{share['id']}" for share in (to_cep, to_other)]
    assert all(f'action="{path}"' in page for path in paths)
    assert [await stands(to_cep), await stands(to_other)] == ["awaiting", "awaiting"]
    await mine.post(paths[0], {"answer": "agree"})
    await mine.post(paths[1], {"answer": "refuse"})
    assert [await stands(to_cep), await stands(to_other)] == ["agreed", "refused"]
    handed = await centre.call("GET", f"/v1/shares/{to_cep['id']}/document")
    assert handed.content == b"%PDF"
    await mine.post(paths[0], {"answer": "end"})
    assert await stands(to_cep) == "ended"
    assert (await centre.call("GET", f"/v1/shares/{to_cep['id']}/document")).status_code == 403
    assert (await mine.post(paths[0], {"answer": "agree"})).status_code == 409
    page = (await mine.get("/me/questions")).text
    assert "Vous avez refusé." in page
    assert "C’est terminé." in page


@pytest.fixture
async def used(app, centre, bilan):
    """The record of one use of AI for the person of the bilan."""
    body = {
        "use_case_id": "cv-analysis", "purpose_code": "analysis", "input_categories": ["cv"],
        "provider_name": "rcp_local-llm", "model_requested": "essai", "routing_decision": "local",
        "processing_location": ["FR"],
    }  # fmt: skip
    fact = Fact(
        Kind.AI_DISPATCH, centre.tenant, body, beneficiary=bilan.beneficiary, bilan=bilan.id
    )
    async with app.state.database.begin(centre.tenant) as session:
        await app.state.records.write(session, fact)


@both
async def test_a_use_of_ai_names_who_was_used_and_where(used, mine):
    page = (await mine.get("/me/")).text
    assert "Le centre lui-même, sur une machine du centre, en France" in page
    assert "rcp_local-llm" not in page


@both
async def test_without_the_registry_the_page_still_opens(app, used, mine):
    def down(_):
        raise httpx.ConnectError("down")

    app.state.services.clients["llm-router"]._transport = httpx.MockTransport(down)
    page = await mine.get("/me/")
    assert page.status_code == 200
    assert "rcp_local-llm, sur une machine du centre, en France" in page.text


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (["FR"], "en France"),
        (["IE", "FR"], "en France et en Irlande"),
        (["PT", "NL", "DK"], "au Danemark, aux Pays-Bas et au Portugal"),
        (["EEA"], "dans l’Espace économique européen"),
        (["FR", "EEA"], "dans l’Espace économique européen"),
        (["US", "EEA"], "dans l’Espace économique européen et aux États-Unis"),
        (["ZZ"], "dans le pays « ZZ »"),
        ([], ""),
    ],
)
def test_places_are_told_in_words(codes, words):
    assert where(codes) == words


def test_every_country_of_the_eea_has_its_words():
    assert [code for code in sorted(EEA) if code in where([code])] == []


def test_the_notice_names_places_in_words():
    grant = {"purpose": "analysis", "data_categories": ["cv"], "recipients": ["rcp_x"]}
    entry = {"legal_name": "Essai SAS", "route": "route.ue", "jurisdictions": ["FR", "IE"]}
    text = notice.write([grant], {"rcp_x": entry})
    told = "Traité par : Essai SAS, prestataire de l’Union européenne, en France et en Irlande."
    assert told in text
    assert "(FR" not in text
