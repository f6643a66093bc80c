"""A centre asks, the beneficiary alone answers, and takes it back in two clicks (GDPR art. 7)."""

import base64
import json


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


async def test_the_link_carries_its_secret_where_no_server_sees_it(asked):
    path, _, secret = asked["ceremony_url"].partition("#")
    assert path == "http://gateway/consent/"
    assert len(secret) == 43
    assert asked["status"] == "awaiting"


async def test_the_page_ticks_nothing_in_advance_and_names_each_purpose(asked, beneficiary):
    page = await beneficiary.open(asked["ceremony_url"])
    assert page.status_code == 200
    assert page.text.count('type="radio"') == 4
    assert "checked" not in page.text
    assert "Analyser votre parcours" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_each_purpose_has_its_own_answer(centre, given):
    consent = (await centre.call("GET", f"/v1/consents/{given['id']}")).json()
    assert consent["status"] == "authorised"
    assert {g["purpose"]: g["decision"] for g in consent["grants"]} == {
        "analysis": "granted",
        "exploration": "refused",
    }


async def test_a_question_left_open_is_asked_again(asked, beneficiary):
    page = await beneficiary.open(asked["ceremony_url"])
    answer = await beneficiary.decide(page.text, analysis="granted")
    assert answer.status_code == 422
    assert "Répondez à chaque question" in answer.text


async def test_the_token_copies_what_was_granted_and_nothing_else(centre, bilan, given):
    answer = await centre.call("POST", f"/v1/consents/{given['id']}/token")
    token = claims(answer.json()["consent_token"])
    assert token["sub"] == bilan.beneficiary
    assert token["exp"] - token["iat"] <= 600
    assert [d["purpose"] for d in token["authorization_details"]] == ["analysis"]


async def test_refusing_everything_ends_the_request_and_gives_no_token(centre, asked, beneficiary):
    page = await beneficiary.open(asked["ceremony_url"])
    await beneficiary.decide(page.text, analysis="refused", exploration="refused")
    answer = await centre.call("POST", f"/v1/consents/{asked['id']}/token")
    assert answer.status_code == 403
    assert answer.json()["code"] == "consent_not_authorised"


async def test_a_link_opens_once(given, beneficiary):
    again = await beneficiary.open(given["ceremony_url"])
    assert again.status_code == 404
    assert "ne s’ouvre plus" in again.text


async def test_a_notice_that_changed_under_the_reader_is_not_agreed_to(centre, asked, beneficiary):
    await beneficiary.open(asked["ceremony_url"])
    form = {
        "notice_sha256": "0" * 64,
        "decision.analysis": "granted",
        "decision.exploration": "granted",
    }
    answer = await beneficiary.post("/consent/decision", form)
    assert answer.status_code == 409
    consent = (await centre.call("GET", f"/v1/consents/{asked['id']}")).json()
    assert consent["status"] == "awaiting"


async def test_opening_a_link_changes_nothing(centre, given, beneficiary):
    await beneficiary.open("http://gateway" + beneficiary.personal_secret)
    await beneficiary.get("/me/withdrawal")
    consent = (await centre.call("GET", f"/v1/consents/{given['id']}")).json()
    assert consent["status"] == "authorised"


async def test_withdrawing_takes_two_clicks_and_works_at_once(centre, given, beneficiary):
    space = await beneficiary.open("http://gateway" + beneficiary.personal_secret)
    assert "Retirer mon accord" in space.text
    confirm = await beneficiary.get("/me/withdrawal")
    assert "Oui, retirer mon accord" in confirm.text
    done = await beneficiary.post("/me/withdrawal", {})
    assert "Votre accord est retiré" in done.text
    answer = await centre.call("POST", f"/v1/consents/{given['id']}/token")
    assert answer.status_code == 403
    assert answer.json()["code"] == "consent_revoked"


async def test_a_second_withdrawal_is_refused_and_keeps_the_first_date(centre, given):
    first = (await centre.call("DELETE", f"/v1/consents/{given['id']}")).json()
    again = await centre.call("DELETE", f"/v1/consents/{given['id']}")
    assert again.status_code == 409
    assert again.json()["type"] == "/problems/consent-state"
    consent = (await centre.call("GET", f"/v1/consents/{given['id']}")).json()
    assert consent["ended_at"] == first["ended_at"]


async def test_the_receipt_holds_the_exact_notice_and_is_no_access_token(centre, given):
    receipt = (await centre.call("GET", f"/v1/consents/{given['id']}/receipt")).json()["receipt"]
    proof = claims(receipt)
    assert (
        "L’aide d’une" not in proof["notice"]["text"]
    )  # the notice itself, not the page around it
    assert "Analyser votre parcours" in proof["notice"]["text"]
    refused = await centre.http.get("/v1/records", headers={"Authorization": f"Bearer {receipt}"})
    assert refused.status_code == 401


async def test_another_centre_sees_neither_the_consent_nor_the_bilan(new_centre, bilan, given):
    other = await new_centre()
    for path in (
        f"/v1/consents/{given['id']}",
        f"/v1/bilans/{bilan.id}",
        f"/v1/beneficiaries/{bilan.beneficiary}",
    ):
        theirs = await other.call("GET", path)
        missing = await other.call("GET", path[:-4] + "0000")
        assert theirs.status_code == missing.status_code == 404
        assert theirs.json()["detail"] == missing.json()["detail"]
