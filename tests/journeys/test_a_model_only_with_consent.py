"""What reaches a model, and when nothing may: looked at from the model's side."""

import json
import re
import time
from pathlib import Path

import httpx
import pytest

from demo.beneficiary import Beneficiary
from demo.centre import Refused

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]
CV = Path(__file__).parents[2] / "demo" / "cv" / "gaelle-morvandeau.pdf"


@pytest.fixture
def document(bilan):
    return bilan.centre.upload(bilan.id, CV.read_bytes())["id"]


def asked(bilan, document, mode="assisted"):
    return {"bilan": bilan.id, "mode": mode, "document": document}


def code(bilan, use_case, body, token):
    with pytest.raises(Refused) as refused:
        bilan.centre.run(use_case, body, consent_token=token)
    return refused.value.code


def test_an_assisted_run_gives_the_persons_words_back_and_sends_none(bilan, document, model):
    consent, _ = bilan.consent("analysis")
    before = len(model.received())
    run = bilan.centre.run(
        "cv-analysis",
        asked(bilan, document),
        consent_token=bilan.centre.draw_consent_token(consent),
    )
    sent = model.received()[before:]
    assert len(sent) == 1
    about = json.loads(CV.with_suffix(".about.json").read_text())
    for value in about["identifiers"]:
        assert value.encode() not in sent[0], value
    assert run.envelope["marking"]["ai"] is True
    assert run.headers["transparency-record"] == run.record
    assert "reviewed=no" in run.headers["ai-generated"]
    assert run.envelope["unknown_surrogates"] == []
    assert "[PERSONNE_" not in json.dumps(run.envelope)


def stream(bilan, use_case, body, token, key):
    headers = {
        "Authorization": f"Bearer {bilan.centre._token}", "Consent-Token": token,
        "Accept": "text/event-stream", "Idempotency-Key": key,
    }  # fmt: skip
    url = f"{bilan.platform.url}/v1/use-cases/{use_case}/runs"
    return httpx.stream("POST", url, json=body, headers=headers, timeout=60)


def events(lines):
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_streamed_run_is_restored_as_it_comes_and_answers_its_repeat(bilan, document, model):
    consent, _ = bilan.consent("analysis")
    token = bilan.centre.draw_consent_token(consent)
    before = len(model.received())
    with stream(bilan, "cv-analysis", asked(bilan, document), token, "streamed") as answer:
        told = list(events(answer.iter_lines()))
    assert told[0][0] == "progress"
    assert told[-1][0] == "result"
    spoken = "".join(data["text"] for name, data in told if name == "delta")
    assert json.loads(spoken)["threads"]
    assert "[PERSONNE_" not in spoken
    with stream(bilan, "cv-analysis", asked(bilan, document), token, "streamed") as again:
        repeated = list(events(again.iter_lines()))
    assert repeated == [("result", told[-1][1])]
    assert len(model.received()) == before + 1


def test_each_request_at_the_model_has_a_dispatch_of_its_own_committed_before_it(
    tap, tapped_platform, open_bilan
):
    """Looked at from the model's side, whatever way the call came: plain, streamed, fallen back."""
    bilan = open_bilan(tapped_platform)
    document = bilan.centre.upload(bilan.id, CV.read_bytes())["id"]
    consent, _ = bilan.consent("analysis", "exploration")
    token = bilan.centre.draw_consent_token(consent)

    def plain():
        bilan.centre.run("cv-analysis", asked(bilan, document), consent_token=token)

    def streamed():
        with stream(bilan, "cv-analysis", asked(bilan, document), token, "tapped") as answer:
            assert [name for name, _ in events(answer.iter_lines())][-1] == "result"

    def fallen_back():
        tap.refuse = 1
        bilan.centre.run("occupation-exploration", asked(bilan, document), consent_token=token)

    def repeated():
        with stream(bilan, "cv-analysis", asked(bilan, document), token, "tapped") as answer:
            assert [name for name, _ in events(answer.iter_lines())] == ["result"]

    for way, requests in ((plain, 1), (streamed, 1), (fallen_back, 2), (repeated, 0)):
        before, already = tap.committed(), len(tap.seen)
        way()
        assert len(tap.seen) == already + requests, way.__name__
        for number, (_, committed) in enumerate(tap.seen[already:], 1):
            assert len(committed - before) == number, way.__name__
    dispatched = {
        record["id"]: record
        for record in bilan.centre.records(bilan.beneficiary)
        if record["kind"] == "ai.dispatch"
    }
    assert dispatched.keys() == tap.committed()
    used: set[str] = set()
    for body, committed in tap.seen:
        (record,) = committed - used  # one more than at the request before, and it is this one's
        used.add(record)
        assert dispatched[record]["body"]["model_requested"] == json.loads(body)["model"]
        assert dispatched[record]["consent"]["id"] == consent
    assert used == dispatched.keys()
    tried = [dispatched[record]["body"]["deployment_id"] for record in sorted(used)]
    assert sorted(tried[2:]) == ["demo", "spare"], "the fall-back passed the gate again"


def test_a_withdrawal_stops_a_call_in_flight_and_nothing_is_kept(
    new_platform, slow_deployments, slow_model, open_bilan
):
    platform = new_platform("data", "--deployments", str(slow_deployments)).start()
    bilan = open_bilan(platform)
    document = bilan.centre.upload(bilan.id, CV.read_bytes())["id"]
    consent, link = bilan.consent("analysis")
    token = bilan.centre.draw_consent_token(consent)
    person = Beneficiary.at(platform.url)
    person.uses_of_ai(link)
    with stream(bilan, "cv-analysis", asked(bilan, document), token, "stopped") as answer:
        told = events(answer.iter_lines())
        assert "delta" in (name for name, _ in told)
        person.withdraw()
        withdrawn_at = time.monotonic()
        rest = list(told)
        stopped_after = time.monotonic() - withdrawn_at
    person.close()
    assert (rest[-1][0], rest[-1][1]["code"]) == ("problem", "run_cancelled")
    assert stopped_after < 1
    records = bilan.centre.records(bilan.beneficiary)
    dispatched = next(r["id"] for r in records if r["kind"] == "ai.dispatch")
    closing = [r["kind"] for r in records if r.get("prev") == dispatched]
    assert closing == ["ai.cancelled"]
    assert len(slow_model.received()) == 1


def test_without_a_consent_token_nothing_leaves(bilan, document, model):
    before = len(model.received())
    assert code(bilan, "cv-analysis", asked(bilan, document), None) == "consent_token_missing"
    assert len(model.received()) == before


def test_a_refused_purpose_says_what_is_missing_and_nothing_leaves(bilan, document, model):
    consent, _ = bilan.consent("analysis")
    before = len(model.received())
    token = bilan.centre.draw_consent_token(consent)
    with pytest.raises(Refused) as refused:
        bilan.centre.run("occupation-exploration", asked(bilan, document), consent_token=token)
    assert refused.value.status == 403
    assert refused.value.document["missing"] == ["exploration"]
    assert len(model.received()) == before


def test_after_a_withdrawal_the_next_assisted_run_is_refused_and_a_computed_one_works(
    bilan, document, model
):
    consent, link = bilan.consent("analysis", "exploration")
    token = bilan.centre.draw_consent_token(consent)
    person = Beneficiary.at(bilan.platform.url)
    person.uses_of_ai(link)
    person.withdraw()
    person.close()
    before = len(model.received())
    assert code(bilan, "cv-analysis", asked(bilan, document), token) == "consent_revoked"
    assert len(model.received()) == before
    computed = bilan.centre.run(
        "cv-analysis", asked(bilan, document, "computed"), consent_token=None
    )
    assert computed.envelope["marking"] == {
        "ai": False,
        "label": "Calculé par des règles, sans modèle.",
    }


def test_best_falls_back_to_rules_and_says_why(bilan, document):
    run = bilan.centre.run("cv-analysis", asked(bilan, document, "best"), consent_token=None)
    assert run.mode == "computed"
    assert run.envelope["fallback_reason"] == "consent_token_missing"


def test_a_whole_bilan_goes_without_any_ai(bilan, document, model):
    """Refusing AI changes nothing in the service (LR-C08)."""
    before = len(model.received())
    body = {"bilan": bilan.id, "mode": "computed", "document": document}
    runs = []
    for use_case in ("cv-analysis", "skills-inventory", "occupation-exploration"):
        run = bilan.centre.run(use_case, body, consent_token=None)
        bilan.centre.review_run(run.id)
        runs.append(run)
    target = runs[2].result["leads"][0]["code"]
    for use_case in ("market-trends", "skills-gap", "training-suggestions"):
        run = bilan.centre.run(use_case, {**body, "occupation": target}, consent_token=None)
        bilan.centre.review_run(run.id)
        runs.append(run)
    report = bilan.centre.create_report(
        {
            "bilan": bilan.id,
            "kind": "synthesis",
            "runs": [run.id for run in runs],
            "circumstances": {
                "request": "Changer de métier.", "need": "Y voir clair.",
                "start": "2026-09-01", "end": "2026-12-01", "hours": 20,
            },
            "follow_up": {"offered": True},
        }
    )  # fmt: skip
    assert report["reviews_missing"] == []
    an_edit_is_made_on_what_stands(bilan.centre, report)
    names = {"beneficiary_name": "A", "organisation": "B", "counsellor_name": "C"}
    signed = bilan.centre.sign_off(report["id"], names)
    assert signed["status"] == "signed_off"
    assert bilan.centre.report_file(report["id"], 1, "pdf").startswith(b"%PDF-")
    assert len(model.received()) == before
    kinds = {record["kind"] for record in bilan.centre.records(bilan.beneficiary)}
    assert "run.computed" in kinds
    assert not {kind for kind in kinds if kind.startswith("ai.") and kind != "ai.marked"}
    events = bilan.centre._get("/v1/events")["items"]
    told = ["bilan.opened", *["run.succeeded"] * 6, "report.signed"]
    assert [event["kind"] for event in events] == told
    for event in events:
        assert all(re.fullmatch("[a-z]{3}_[0-9A-Z]{26}", value) for value in event["data"].values())


def test_each_call_has_one_record_before_and_one_after(bilan, document):
    consent, _ = bilan.consent("analysis", "exploration")
    token = bilan.centre.draw_consent_token(consent)
    for use_case in ("cv-analysis", "occupation-exploration"):
        bilan.centre.run(use_case, asked(bilan, document), consent_token=token)
    records = bilan.centre.records(bilan.beneficiary)
    dispatches = {r["id"] for r in records if r["kind"] == "ai.dispatch"}
    closings = [
        r["prev"] for r in records if r["kind"] in {"ai.result", "ai.error", "ai.cancelled"}
    ]
    assert len(dispatches) == 2
    assert sorted(closings) == sorted(dispatches)
    for record in records:
        if record["kind"] == "ai.dispatch":
            assert record["body"]["pseudonymisation_applied"] is True
            assert record["body"]["routing_decision"] == "local"
            assert record["body"]["special_categories_detected"]


def test_another_centres_counsellor_reads_nothing_of_it(document, open_bilan, shared_platform):
    stranger = open_bilan(shared_platform).centre
    with pytest.raises(Refused) as refused:
        stranger.pseudonymised(document)
    assert refused.value.status == 404


def test_a_colleague_who_is_not_assigned_reads_no_content(bilan, document):
    bilan.centre.act_for(None)
    bilan.centre.act_for(bilan.centre.create_counsellor())
    with pytest.raises(Refused) as refused:
        bilan.centre.findings(document)
    assert refused.value.code == "counsellor_needed"


@pytest.mark.parametrize(
    ("content", "status", "codes"),
    [
        pytest.param(b"", 422, {"empty_document"}, id="empty", marks=pytest.mark.full),
        pytest.param(
            b"\x00\x01\x02\x03" * 500, 415, {"media_type"}, id="no document", marks=pytest.mark.full
        ),
        pytest.param(
            b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF", 422, {"unreadable_document"}, id="broken PDF"
        ),
        pytest.param(b"x" * (21 * 1024 * 1024), 413, {"too_large"}, id="oversized"),
        pytest.param(
            b"MZ" + bytes(500), 415, {"media_type"}, id="a program", marks=pytest.mark.full
        ),
    ],
)
def test_a_document_that_cannot_be_read_says_why_and_leaves_nothing(bilan, content, status, codes):
    with pytest.raises(Refused) as refused:
        bilan.centre.upload(bilan.id, content)
    assert refused.value.status == status
    assert refused.value.code in codes
    assert len(refused.value.document["detail"]) > 20


def test_an_unknown_use_case_and_a_body_that_is_no_json_are_told(bilan):
    assert (
        code(bilan, "palm-reading", {"bilan": bilan.id, "mode": "computed"}, None)
        == "unknown_use_case"
    )
    answer = httpx.post(
        f"{bilan.platform.url}/v1/use-cases/cv-analysis/runs",
        content=b"{not json",
        headers={
            "Content-Type": "application/json", "Idempotency-Key": "x",
            "Authorization": f"Bearer {bilan.centre._token}",
        },
    )  # fmt: skip
    assert answer.status_code == 422
    assert "not JSON" in answer.json()["detail"]


def an_edit_is_made_on_what_stands(centre, report):
    path = f"/v1/reports/{report['id']}"
    block = next(b for s in report["sections"] for b in s["blocks"] if b["text"])

    def edit(text, **headers):
        bearer = {"Authorization": f"Bearer {centre.draw_access_token()['access_token']}"}
        return centre.http.patch(
            f"{path}/blocks/{block['id']}", json={"text": text}, headers={**bearer, **headers}
        )

    tag = centre._send("GET", path).headers["etag"]
    assert edit("Sans rien dire.").status_code == 428
    edited = edit("Avec mes mots.", **{"If-Match": tag})
    assert edited.status_code == 200
    assert edited.headers["etag"] == centre._send("GET", path).headers["etag"] != tag
    stale = edit("Sur ce qui n’est plus.", **{"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert edit(block["text"], **{"If-Match": "*"}).status_code == 200
