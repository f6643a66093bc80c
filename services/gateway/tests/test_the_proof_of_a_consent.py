"""What proves a consent: the person's receipt, the evidence, and a counsellor's attestation."""

import hashlib

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.consents.rules import Method
from gateway.consents.vocabulary import receipt_mapping
from gateway.tables import Event

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)

DOCUMENT = hashlib.sha256(b"the signed paper").hexdigest()


@pytest.fixture
def receipt_of(centre):
    """Read a receipt as the person's own software would: by another library, on published keys."""

    async def read(consent):
        answer = await centre.call("GET", f"/v1/consents/{consent['id']}/receipt")
        keys = KeySet.import_key_set((await centre.http.get("/.well-known/jwks.json")).json())
        token = jwt.decode(answer.json()["receipt"], keys, algorithms=["ES256"])
        assert token.header["typ"] == "consent-receipt+jwt"
        return token.claims

    return read


@pytest.fixture
def evidence_of(app, centre):
    async def read(consent):
        async with app.state.database.begin(centre.tenant) as session:
            row = await app.state.consents.find(session, centre.tenant, consent["id"])
            return await app.state.consents.evidence_of(session, row), row

    return read


def members(value, path=""):
    if isinstance(value, dict):
        return {m for k, v in value.items() for m in members(v, f"{path}.{k}".lstrip("."))} | {path}
    if isinstance(value, list):
        return {m for v in value for m in members(v, path + "[]")} | {path}
    return {path}


class TestTheReceipt:
    async def test_holds_the_consent_as_it_is_shown_and_the_exact_notice(
        self, centre, given, receipt_of
    ):
        receipt = await receipt_of(given)
        shown = (await centre.call("GET", f"/v1/consents/{given['id']}")).json()
        assert receipt["consent"] == shown
        text = receipt["notice"]["text"]
        assert hashlib.sha256(text.encode()).hexdigest() == shown["notice"]["sha256"]

    async def test_is_not_signed_before_somebody_answered(self, centre, asked):
        path = f"/v1/consents/{asked['id']}"
        for _ in range(2):  # while it waits, and once the centre took it back
            answer = await centre.call("GET", f"{path}/receipt")
            assert (answer.status_code, answer.json()["code"]) == (409, "consent_state")
            await centre.call("POST", f"{path}/cancellation")

    async def test_proves_a_refusal_too(self, ask, decide, receipt_of):
        refused = await decide((await ask("analysis")).json(), analysis="refused")
        assert (await receipt_of(refused))["consent"]["status"] == "rejected"

    async def test_says_where_the_log_holds_the_decision_once_it_does(self, app, given, receipt_of):
        before = (await receipt_of(given))["log"]
        assert before["origin"] == app.state.settings.log_origin
        assert before["record"].startswith("rec_")
        assert before["index"] is None
        await app.state.sequencer.step()
        after = await receipt_of(given)
        assert isinstance(after["log"]["index"], int)
        assert after["consent"]["evidence"]["log_index"] == after["log"]["index"]

    async def test_has_every_member_that_the_published_mapping_names(self, given, receipt_of):
        found = members(await receipt_of(given))
        assert {m["member"] for m in receipt_mapping()["members"]} <= found


class TestTheEvidence:
    async def test_says_what_was_decided_on_which_text_how_and_when(self, ask, decide, evidence_of):
        asked = (await ask("analysis", "drafting")).json()
        how = {
            "method": Method.PAGE_AND_CODE,
            "evidence": {"second_factor": "code", "user_agent_family": "Firefox"},
        }
        await decide(asked, how, analysis="granted", drafting="refused")
        evidence, row = await evidence_of(asked)
        assert evidence["notice_sha256"] == asked["notice"]["sha256"]
        assert evidence["lang"] == "fr"
        assert evidence["decisions"] == {"analysis": "granted", "drafting": "refused"}
        assert (evidence["method"], evidence["actor"]) == ("hosted_page+code", "beneficiary")
        assert (evidence["second_factor"], evidence["user_agent_family"]) == ("code", "Firefox")
        secret = asked["ceremony_url"].partition("#")[2]
        assert evidence["ceremony_secret_sha256"] == hashlib.sha256(secret.encode()).hexdigest()
        assert b"Firefox" not in row.evidence

    async def test_takes_no_address_of_a_machine(self, ask, decide):
        asked = (await ask("analysis")).json()
        with pytest.raises(ValueError, match="ip"):
            await decide(asked, {"evidence": {"ip": "203.0.113.7"}}, analysis="granted")

    async def test_is_shown_without_what_is_personal_in_it(self, given, centre):
        shown = (await centre.call("GET", f"/v1/consents/{given['id']}")).json()["evidence"]
        assert set(shown) == {"method", "ceremony", "actor", "record", "log_index"}
        assert shown["method"] == "hosted_page"


class TestACounsellorsAttestation:
    @pytest.fixture
    def attest(self, app, centre, asked):
        allowed = app.state.settings.model_copy(update={"counsellor_attestation": True})

        async def attesting(*, allow=True, **changed):
            app.state.settings = allowed if allow else app.state.settings
            body = {
                "form": "paper",
                "document_sha256": DOCUMENT,
                "notice_sha256": asked["notice"]["sha256"],
                "decisions": [
                    {"purpose": "analysis", "decision": "granted"},
                    {"purpose": "exploration", "decision": "refused"},
                ],
            }
            path = f"/v1/consents/{asked['id']}/attestation"
            return await centre.call("POST", path, json={**body, **changed})

        return attesting

    async def test_is_refused_unless_the_deployment_allows_it(self, attest):
        answer = await attest(allow=False)
        assert (answer.status_code, answer.json()["code"]) == (403, "attestation_forbidden")

    async def test_names_the_counsellor_and_the_paper(
        self, bilan, attest, evidence_of, recorded, asked
    ):
        answer = await attest()
        assert answer.status_code == 201, answer.text
        assert answer.json()["status"] == "authorised"
        assert answer.json()["evidence"]["method"] == "counsellor_attested"
        evidence, _ = await evidence_of(asked)
        assert (evidence["document_sha256"], evidence["form"]) == (DOCUMENT, "paper")
        assert evidence["actor"] == "counsellor"
        (record,) = await recorded(asked, "consent.authorised")
        assert record["act"] == bilan.counsellor

    async def test_gives_the_centre_the_persons_link_once_and_asks_to_confirm(
        self, app, centre, attest, beneficiary, asked
    ):
        url = (await attest()).json()["withdrawal_url"]
        page = await beneficiary.open(url)
        assert page.status_code == 200
        shown = (await centre.call("GET", f"/v1/consents/{asked['id']}")).json()
        assert "withdrawal_url" not in shown
        async with app.state.database.begin(centre.tenant) as session:
            due = await session.run_sync(
                lambda s: s.query(Event).filter_by(kind="consent.confirmation_due").all()
            )
            assert [event.ids["consent"] for event in due] == [asked["id"]]

    async def test_is_no_way_for_software_alone(self, centre, attest):
        await centre.log_in()
        answer = await attest()
        assert (answer.status_code, answer.json()["code"]) == (403, "counsellor_needed")

    @pytest.mark.parametrize(
        "decisions",
        [
            [{"purpose": "analysis", "decision": "granted"}],
            [{"purpose": p, "decision": "withdrawn"} for p in ("analysis", "exploration")],
            [{"purpose": "analysis", "decision": "granted"}] * 2,
            [
                {
                    "purpose": "analysis",
                    "decision": "granted",
                    "explicit": [{"category": "special.health", "decision": "granted"}],
                },
                {"purpose": "exploration", "decision": "refused"},
            ],
        ],
        ids=["one left out", "no answer", "one twice", "a category that was not asked about"],
    )
    async def test_answers_each_question_once_and_no_other(self, attest, decisions):
        answer = await attest(decisions=decisions)
        assert (answer.status_code, answer.json()["code"]) == (422, "decision_missing")

    async def test_is_of_the_notice_on_record(self, attest):
        answer = await attest(notice_sha256="0" * 64)
        assert (answer.status_code, answer.json()["code"]) == (409, "notice_changed")

    @pytest.mark.usefixtures("given")
    async def test_comes_too_late_after_the_persons_own_answer(self, attest):
        answer = await attest()
        assert (answer.status_code, answer.json()["code"]) == (409, "consent_state")
