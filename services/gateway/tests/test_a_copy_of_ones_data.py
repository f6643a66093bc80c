"""A person gets a copy of what is held about them, in their own words (GDPR 15, 20; LR-E02, E03)."""

import json

import httpx
import pytest

from gateway.exports.rules import EXPLAINED, ExportKind
from gateway.gate.service import Attempt
from gateway.tables import Document, Report, Run
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.sealing import seal


@pytest.fixture
async def furnished(app, centre, bilan, given):
    """A bilan with a document, a run, a report and one use of AI; the services are doubles."""
    tenant, ids = centre.tenant, {p: new_id(p) for p in ("doc", "run", "rep")}
    made = {"result": {"said": "SURROGATE led the shop"}}
    async with app.state.database.begin(tenant) as session:
        key = await app.state.content.obtain(session, tenant, bilan.id)
        own = {"tenant": tenant, "bilan": bilan.id, "created_at": utc_now()}
        envelope = seal(key, json.dumps(made).encode(), f"{tenant}|{ids['run']}")
        session.add_all(
            [
                Document(id=ids["doc"], **own),
                Report(id=ids["rep"], **own),
                Run(
                    id=ids["run"],
                    alive_at=utc_now(),
                    beneficiary=bilan.beneficiary,
                    use_case="cv-analysis",
                    mode="computed",
                    status="succeeded",
                    timings_ms={},
                    envelope=envelope,
                    **own,
                ),
            ]
        )

    def anonymizer(request):
        if request.url.path == "/restorations":
            text = request.read().decode().replace("SURROGATE", "Jeanne")
            return httpx.Response(200, json={"value": json.loads(text)["value"], "unknown": []})
        assert request.url.path == f"/documents/{ids['doc']}/pseudonymised"
        return httpx.Response(200, json={"id": ids["doc"], "text": "CV of SURROGATE"})

    def reports(request):
        return httpx.Response(200, json={"id": ids["rep"], "sections": ["SURROGATE wants"]})

    for name, double in (("anonymizer", anonymizer), ("reports", reports)):
        app.state.services.clients[name]._transport = httpx.MockTransport(double)
    await _used(app, centre, bilan, given)
    return ids


async def _used(app, centre, bilan, given):
    token = (await centre.call("POST", f"/v1/consents/{given['id']}/token")).json()["consent_token"]
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, centre.token)
        row = await app.state.bilans.find(session, caller.tenant, bilan.id)
    asked = Attempt("local", "rcp_local-llm", frozenset({"FR"}), "analysis", frozenset({"cv"}), {})
    await app.state.gate.dispatch(caller, row, app.state.consents.read_token(token, caller), asked)


@pytest.fixture
def copy(centre, bilan):
    async def ask(kind="access"):
        return await centre.call("GET", f"/v1/beneficiaries/{bilan.beneficiary}/export?kind={kind}")

    return ask


async def test_everything_held_comes_back_in_the_persons_own_words(centre, bilan, furnished, copy):
    told = (await copy()).json()
    assert told["beneficiary"]["reference"] == "dossier 12"
    assert set(EXPLAINED) <= set(told)
    assert told["bilans"][0]["agreement"]["method"] == "signed_document"
    assert told["documents"][0]["text"] == "CV of Jeanne"
    assert told["runs"][0]["result"] == {"result": {"said": "Jeanne led the shop"}}
    assert told["reports"][0]["content"]["sections"] == ["Jeanne wants"]
    assert "SURROGATE" not in json.dumps(told)
    (consent,) = told["consents"]
    assert "Analyser votre parcours" in consent["notice_text"]
    (use,) = told["ai_uses"]
    assert (use["purpose"], use["recipient"]) == ("Analyser votre parcours", "rcp_local-llm")
    assert use["record"] in {record["id"] for record in told["records"]}
    assert told["in_plain_words"]["recipients"] == ["rcp_local-llm"]
    assert told["in_plain_words"]["automated_decision"] is False


async def test_a_report_that_was_kept_is_in_their_own_words_already(app, furnished, copy):
    """It is printed as it was signed; a name in it that looks like a surrogate is their own."""
    kept = {"id": furnished["rep"], "kept": True, "sections": ["SURROGATE Street, her address"]}
    double = httpx.MockTransport(lambda _: httpx.Response(200, json=kept))
    app.state.services.clients["reports"]._transport = double
    assert (await copy()).json()["reports"][0]["content"] == kept


async def test_what_the_person_gave_is_portable_and_nothing_else(furnished, copy):
    told = (await copy("portable")).json()
    assert told["documents"][0]["text"] == "CV of Jeanne"
    assert [c["status"] for c in told["consents"]] == ["authorised"]
    assert not {"runs", "reports", "ai_uses", "records", "bilans"} & set(told)


async def test_each_copy_is_recorded(centre, bilan, furnished, copy):
    for kind in ("access", "portable"):
        await copy(kind)
    path = f"/v1/records?beneficiary={bilan.beneficiary}&kind=log.accessed"
    found = (await centre.call("GET", path)).json()["items"]
    assert [r["body"]["query_class"] for r in found] == ["export_access", "export_portable"]


async def test_a_restriction_stops_no_copy(centre, bilan, furnished, copy):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/restrictions"
    await centre.made(path, {"kind": "restriction", "ground": "accuracy_contested"})
    told = (await copy()).json()
    assert told["documents"][0]["text"] == "CV of Jeanne"
    assert [r["kind"] for r in told["restrictions"]] == ["restriction"]


async def test_the_person_asks_for_it_without_any_client(app, centre, bilan, furnished):
    told = await app.state.exports.of(centre.tenant, bilan.beneficiary, ExportKind.ACCESS)
    assert told["documents"][0]["text"] == "CV of Jeanne"
    found = await centre.call(
        "GET", f"/v1/records?beneficiary={bilan.beneficiary}&kind=log.accessed"
    )
    (record,) = found.json()["items"]
    assert not {"client", "act"} & set(record)


async def test_what_was_destroyed_is_absent_and_the_rest_is_given(app, furnished, copy):
    def gone(request):
        if request.url.path == "/restorations":
            return httpx.Response(200, json={"value": {}, "unknown": []})
        body = {"code": "not_found", "title": "", "status": 404, "detail": ""}
        kind = {"content-type": "application/problem+json"}
        return httpx.Response(404, json=body, headers=kind)

    for name in ("anonymizer", "reports"):
        app.state.services.clients[name]._transport = httpx.MockTransport(gone)
    told = (await copy()).json()
    assert told["documents"][0]["text"] is None
    assert told["reports"][0]["content"] is None
    assert told["consents"]


async def test_it_needs_the_scope_of_people_and_a_person_of_the_centre(
    centre, new_centre, bilan, copy
):
    other = await new_centre()
    theirs = await other.call("GET", f"/v1/beneficiaries/{bilan.beneficiary}/export")
    assert theirs.status_code == 404
    await centre.log_in(scope="bilans")
    assert (await copy()).json()["code"] == "scope_insufficient"


async def test_the_centres_software_gets_a_copy_for_an_assigned_counsellor_only(
    centre, bilan, furnished
):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/export"
    assert (await centre.call("GET", path)).status_code == 200
    await centre.log_in()
    answer = await centre.call("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (403, "counsellor_needed")
    await centre.log_in(counsellor=await centre.new_counsellor())
    assert (await centre.call("GET", path)).status_code == 403


async def test_a_client_gets_a_copy_for_an_assigned_counsellor_only(centre, bilan, given, copy):
    await centre.log_in()
    refused = await copy()
    assert (refused.status_code, refused.json()["code"]) == (403, "counsellor_needed")
    await centre.log_in(counsellor=await centre.new_counsellor())
    refused = await copy("portable")
    assert (refused.status_code, refused.json()["code"]) == (403, "counsellor_needed")
    assert "dossier 12" not in refused.text
    await centre.log_in(counsellor=bilan.counsellor)
    assert (await copy()).json()["beneficiary"]["reference"] == "dossier 12"


async def test_a_person_without_a_bilan_needs_no_counsellor(centre):
    person = (await centre.made("/v1/beneficiaries", {"reference": "dossier 13"}))["id"]
    told = (await centre.call("GET", f"/v1/beneficiaries/{person}/export")).json()
    assert told["beneficiary"]["reference"] == "dossier 13"
    assert (told["bilans"], told["contestations"], told["documents"]) == ([], [], [])
