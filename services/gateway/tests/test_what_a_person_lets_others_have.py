"""The synthesis goes where the person wants it; documents stay by their agreement (L6313-4, R6313-7)."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import httpx
import pytest

from gateway.retention.rules import RetentionReason, RetentionScope, last_day, refusal
from gateway.shares.rules import Answer, AnswerStatus, after
from gateway.tables import Bilan, Report, Share
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound

TODAY = utc_now().date()
PAPER = {"method": "signed_document", "document_sha256": "a" * 64}


def problem(answer):
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def report(app, centre, bilan):
    """A report whose version 2 is signed; the reports service is a double."""
    report_id = new_id("rep")
    async with app.state.database.begin(centre.tenant) as session:
        session.add(
            Report(tenant=centre.tenant, id=report_id, bilan=bilan.id, created_at=utc_now())
        )

    def double(request):
        if request.url.path == f"/reports/{report_id}":
            return httpx.Response(200, json={"version": 2, "signed_at": "2026-11-20T10:00:00Z"})
        assert request.url.path == f"/reports/{report_id}/versions/2/pdf"
        return httpx.Response(200, content=b"%PDF", headers={"content-type": "application/pdf"})

    app.state.services.clients["reports"]._transport = httpx.MockTransport(double)
    return report_id


@pytest.fixture
def share(centre, report):
    async def ask(**changes):
        body = {
            "report": report,
            "version": 2,
            "recipient": {"kind": "cep"},
            "requested_on": TODAY.isoformat(),
            "until": (TODAY + timedelta(days=30)).isoformat(),
        }
        return await centre.call("POST", "/v1/shares", json={**body, **changes})

    return ask


@pytest.fixture
def says(app, centre, bilan):
    """The person answers on their own page."""

    async def answer(verb, row_id, verbs="shares"):
        async with app.state.database.begin(centre.tenant) as session:
            do = getattr(getattr(app.state, verbs), verb)
            return await do(session, centre.tenant, bilan.beneficiary, row_id)

    return answer


@pytest.fixture
def fetch(centre):
    return lambda share: centre.call("GET", f"/v1/shares/{share['id']}/document")


async def test_nothing_is_handed_over_until_the_person_agrees_and_each_time_is_recorded(
    centre, bilan, share, says, fetch
):
    asked = (await share()).json()
    assert asked["status"] == "awaiting"
    assert problem(await fetch(asked)) == (403, "share_not_live")
    await says("agree", asked["id"])
    await centre.log_in()  # the CEP operator reads no bilan: no counsellor is named
    for _ in range(2):
        handed = await fetch(asked)
        assert (handed.content, handed.headers["content-type"]) == (b"%PDF", "application/pdf")
    found = await centre.call(
        "GET", f"/v1/records?beneficiary={bilan.beneficiary}&kind=output.shared"
    )
    bodies = [record["body"] for record in found.json()["items"]]
    assert [(b["share_consent_record_id"], b["recipient_class"]) for b in bodies] == [
        (asked["id"], "cep")
    ] * 2


async def test_a_refusal_and_an_end_hold(centre, share, says, fetch):
    refused, ended = [(await share()).json() for _ in range(2)]
    await says("refuse", refused["id"])
    await says("agree", ended["id"])
    assert (await centre.call("DELETE", f"/v1/shares/{ended['id']}")).json()["status"] == "ended"
    for one in (refused, ended):
        assert problem(await fetch(one)) == (403, "share_not_live")
        assert problem(await centre.call("DELETE", f"/v1/shares/{one['id']}")) == (
            409,
            "answer_state",
        )


@pytest.mark.full
async def test_after_the_bilan_only_what_is_kept_is_handed_over(
    app, centre, bilan, share, keep, fetch
):
    shared = (await share(**PAPER)).json()
    kept = (await keep(**PAPER)).json()
    async with app.state.database.begin(centre.tenant) as session:
        (await session.get(Bilan, (centre.tenant, bilan.id))).status = "closed"
    assert (await fetch(shared)).status_code == 200
    await centre.call("DELETE", f"/v1/retention-agreements/{kept['id']}")
    assert problem(await fetch(shared)) == (409, "bilan_not_open")


async def test_a_share_ends_by_itself(app, centre, share, says, fetch):
    asked = (await share()).json()
    await says("agree", asked["id"])
    later = replace(app.state.shares.answering, now=lambda: utc_now() + timedelta(days=32))
    app.state.shares = replace(app.state.shares, answering=later)
    assert problem(await fetch(asked)) == (403, "share_not_live")
    listed = (await centre.call("GET", "/v1/shares")).json()["items"]
    assert [(s["id"], s["status"]) for s in listed] == [(asked["id"], "expired")]


async def test_a_third_party_is_named_and_the_name_rests_sealed(app, centre, share):
    assert (await share(recipient={"kind": "third_party"})).status_code == 422
    assert (await share(recipient={"kind": "cep", "name": "x"})).status_code == 422
    named = {"kind": "third_party", "name": "Maison des talents"}
    asked = (await share(recipient=named)).json()
    assert asked["recipient"] == named
    async with app.state.database.begin(centre.tenant) as session:
        row = await session.get(Share, (centre.tenant, asked["id"]))
    assert b"Maison" not in row.recipient_name


async def test_only_the_signed_version_is_shared_and_within_a_year(share):
    assert problem(await share(version=1)) == (409, "report_not_signed")
    for until in (TODAY - timedelta(days=1), TODAY + timedelta(days=400)):
        assert problem(await share(until=until.isoformat())) == (422, "share_period")
    assert problem(await share(until="9999-12-31")) == (422, "share_period")


async def test_a_counsellor_attests_what_the_person_signed_on_paper(centre, bilan, share, fetch):
    attested = (await share(**PAPER)).json()
    assert (attested["status"], attested["attested_by"]) == ("agreed", bilan.counsellor)
    assert (await fetch(attested)).status_code == 200
    assert problem(await share(method="signed_document")) == (422, "attestation_incomplete")
    assert problem(await share(document_sha256="a" * 64)) == (422, "attestation_incomplete")
    await centre.log_in()
    assert problem(await share(**PAPER)) == (403, "counsellor_needed")


async def test_nobody_answers_for_another_person(app, centre, share):
    asked = (await share()).json()
    async with app.state.database.begin(centre.tenant) as session:
        with pytest.raises(NotFound):
            await app.state.shares.agree(session, centre.tenant, new_id("ben"), asked["id"])


async def test_while_a_restriction_stands_nothing_is_handed_over(centre, bilan, share, fetch):
    attested = (await share(**PAPER)).json()
    path = f"/v1/beneficiaries/{bilan.beneficiary}/restrictions"
    await centre.made(path, {"kind": "restriction", "ground": "accuracy_contested"})
    assert problem(await fetch(attested)) == (403, "processing_restricted")


# ---------------------------------------------------------------- what is kept


@pytest.fixture
def keep(centre, bilan):
    async def ask(**changes):
        body = {"bilan": bilan.id, "scope": "documents", "reason": "follow_up"}
        body |= {"until": "2030-01-29", **changes}
        return await centre.call("POST", "/v1/retention-agreements", json=body)

    return ask


async def test_documents_are_kept_by_the_persons_agreement_for_three_years_at_most(keep, says):
    asked = (await keep()).json()
    assert asked["status"] == "awaiting"
    row = await says("agree", asked["id"], "retentions")
    assert row.status == "agreed"
    assert problem(await keep(until="2030-01-30")) == (422, "retention_refused")
    assert problem(await keep(until="9999-12-31")) == (422, "retention_refused")
    assert problem(await keep(until="2027-01-29")) == (422, "retention_refused")
    assert problem(await keep(reason="synthesis_l6313_4")) == (422, "retention_refused")


async def test_a_retention_agreement_is_attested_listed_and_ended(centre, bilan, keep):
    attested = (await keep(scope="synthesis", reason="synthesis_l6313_4", **PAPER)).json()
    assert (attested["status"], attested["attested_by"]) == ("agreed", bilan.counsellor)
    path = "/v1/retention-agreements"
    listed = (await centre.call("GET", f"{path}?beneficiary={bilan.beneficiary}")).json()
    assert [one["id"] for one in listed["items"]] == [attested["id"]]
    ended = await centre.call("DELETE", f"{path}/{attested['id']}")
    assert ended.json()["status"] == "ended"


async def test_each_step_is_told(centre, share, says, keep):
    shared = (await share()).json()
    await says("agree", shared["id"])
    await centre.call("DELETE", f"/v1/shares/{shared['id']}")
    kept = (await keep()).json()
    await says("refuse", kept["id"], "retentions")
    told = (await centre.call("GET", "/v1/events")).json()["items"]
    mine = [e for e in told if {shared["id"], kept["id"]} & set(map(str, _ids(e)))]
    assert [e["type"] if "type" in e else e["kind"] for e in mine] == [
        "share.requested",
        "share.agreed",
        "share.ended",
        "retention.requested",
        "retention.refused",
    ]


def _ids(event):
    return next(v for v in event.values() if isinstance(v, dict)).values()


@pytest.mark.parametrize(("status", "answer"), list(product(AnswerStatus, Answer)))
def test_every_pair_of_state_and_answer(status, answer):
    goes_on = {
        (AnswerStatus.AWAITING, Answer.AGREE): AnswerStatus.AGREED,
        (AnswerStatus.AWAITING, Answer.REFUSE): AnswerStatus.REFUSED,
        (AnswerStatus.AWAITING, Answer.END): AnswerStatus.ENDED,
        (AnswerStatus.AGREED, Answer.END): AnswerStatus.ENDED,
    }
    assert after(status, answer) is goes_on.get((status, answer))


def test_three_years_after_a_leap_day_end_on_the_day_before():
    assert last_day(date(2028, 2, 29)) == date(2031, 2, 28)
    on_time = refusal(
        RetentionScope.SYNTHESIS,
        RetentionReason.FOLLOW_UP,
        date(2031, 2, 28),
        ends_on=date(2028, 2, 29),
    )
    assert on_time is None
