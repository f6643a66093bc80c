"""What the platform really writes, in one bilan from end to end, is what its published schema says."""

from collections import Counter
from pathlib import Path

import httpx
import pytest
from jsonschema import Draft202012Validator

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120), pytest.mark.full]
CV = Path(__file__).parents[2] / "demo" / "cv" / "gaelle-morvandeau.pdf"


def every_record(centre):
    """Each record of the tenant, whoever it is about, the operator's included."""
    found, after = [], {}
    while True:
        page = centre._get("/v1/records", limit=200, **after)
        found += page["items"]
        if page.get("next") is None:
            return found
        after = {"after": page["next"]}


def test_each_record_of_a_tenant_is_one_of_the_published_schema(bilan):
    """Envelope and body, after a document, runs with and without AI, a review and a withdrawal."""
    centre, platform = bilan.centre, bilan.platform
    platform.operator("tenant", "set-siren", centre.credentials.tenant, "732829320")
    document = centre.upload(bilan.id, CV.read_bytes())["id"]
    consent, _ = bilan.consent("analysis")
    token = centre.draw_consent_token(consent)
    about = {"bilan": bilan.id, "document": document}
    run = centre.run("cv-analysis", {**about, "mode": "assisted"}, consent_token=token)
    centre.review_run(run.id)
    streamed = {**about, "mode": "assisted"}
    centre.review_run(centre.run_streaming("cv-analysis", streamed, consent_token=token).run.id)
    told = centre.run("cv-analysis", {**about, "mode": "best"}, consent_token=None)
    centre.review_run(told.id)
    centre.refusal("occupation-exploration", {**about, "mode": "assisted"}, consent_token=token)
    centre._send("DELETE", f"/v1/consents/{consent}")
    centre.refusal("cv-analysis", {**about, "mode": "assisted"}, consent_token=token)

    url = f"{platform.url}/schemas/transparency-record.v1.schema.json"
    check = Draft202012Validator(httpx.get(url).raise_for_status().json())
    every_record(centre)  # leaves a record, too
    records = every_record(centre)
    for record in records:
        faults = [f"{fault.json_path}: {fault.message}" for fault in check.iter_errors(record)]
        assert not faults, (record["kind"], faults)
    kinds = Counter(record["kind"] for record in records)
    assert kinds.keys() >= {
        "consent.requested", "consent.authorised", "consent.revoked", "ai.dispatch", "ai.result",
        "ai.marked", "run.computed", "human.review", "gate.refused", "log.accessed",
        "system.config",
    }  # fmt: skip
    dispatches = [record for record in records if record["kind"] == "ai.dispatch"]
    assert len(dispatches) == 2
    for dispatch in dispatches:  # one life cycle is one trace, however the answer came
        after = [record for record in records if record.get("prev") == dispatch["id"]]
        assert {record["kind"] for record in after} == {"ai.result", "ai.marked", "human.review"}
        assert {record["body"]["trace_id"] for record in after} == {dispatch["body"]["trace_id"]}
        assert dispatch["body"]["deployer_party"]["siren"] == "732829320"
