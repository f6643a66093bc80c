"""The demo's scripted model and the router understand each other, on any career text.

It stands for a real upstream: another program's idea of the same protocol.
"""

import base64
import json

import httpx
import pytest

from demo.scripted_model import NOTICE
from demo.scripted_model.app import create_app
from demo.scripted_model.deployment import deployments_content


@pytest.fixture
async def demonstrated(served, routing):
    """The router before the scripted model, and the latter's address."""
    url = await served(create_app(pace_s=0))
    (deployment,) = deployments_content(f"{url}/v1")["deployments"]
    async with routing(deployment) as router:
        yield router, url


async def run(router, use_case, purpose, **inputs):
    headers = router.attempt_headers("demo", "rcp_demo", purpose=purpose)
    lines = await router.lines(deployment="demo", use_case=use_case, inputs=inputs, headers=headers)
    assert lines[-1]["type"] == "completed", lines[-1]
    assert lines[-1]["repaired"] is False
    assert lines[-1]["model_returned"] == "demonstration-pas-un-modele"
    assert NOTICE in lines[-1]["text_digestable"]
    return lines[-1]


async def test_a_cv_is_read(demonstrated, says):
    router, _ = demonstrated
    completed = await run(router, "cv-analysis", "analysis", cv=says.cv)
    assert completed["unproved"] == 1
    assert completed["evidence_coverage"] > 50
    assert completed["usage"]["output_tokens"] > 0


async def test_leads_are_discussed(demonstrated, says):
    router, _ = demonstrated
    candidates = [
        {"code": "M1203", "label": "Comptabilité", "skills_to_acquire": [{"label": "Bilan"}]},
        {"code": "M1501", "label": "Assistanat en ressources humaines"},
    ]
    completed = await run(
        router,
        "occupation-exploration",
        "exploration",
        cv=says.cv,
        candidates=candidates,
        sort_criterion="Du plus proche au plus éloigné du parcours",
    )
    assert [lead["code"] for lead in completed["output"]["leads"]] == ["M1203", "M1501"]
    assert completed["output"]["sort_criterion"] == "Du plus proche au plus éloigné du parcours"
    assert completed["evidence_coverage"] == 100


async def test_a_synthesis_is_drafted(demonstrated):
    router, _ = demonstrated
    materials = [
        {
            "key": "path",
            "text": "Chez [ORGANISATION_1], suivi des factures.\nPuis la paie.",
            "run": "run_1",
        },
        {"key": "project", "text": "« L’assistanat RH » attire ; reste à rencontrer [PERSONNE_2]."},
    ]
    completed = await run(router, "synthesis-draft", "drafting", materials=materials)
    assert [s["key"] for s in completed["output"]["sections"]] == ["path", "project"]
    assert completed["evidence_coverage"] == 100
    evidence = completed["output"]["sections"][0]["paragraphs"][0]["evidence"][0]
    assert evidence["pointer"] == "/0/text"
    assert materials[0]["text"][evidence["start"] : evidence["end"]] == evidence["quote"]


async def test_what_it_received_is_what_left(demonstrated, says):
    router, url = demonstrated
    await run(router, "cv-analysis", "analysis", cv=says.cv)
    async with httpx.AsyncClient(trust_env=False) as client:
        kept = (await client.get(f"{url}/received")).json()["bodies_base64"]
    sent = json.loads(base64.b64decode(kept[0]))
    assert says.cv.strip() in sent["messages"][1]["content"]


@pytest.mark.shelf
async def test_any_career_text_is_read(demonstrated, shelf):
    router, _ = demonstrated
    files = (shelf / "skills-fr" / "cvs.jsonl", shelf / "pii-fr" / "dev.jsonl")
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert len(lines) > 50
    for line in lines:
        text = json.loads(line)["text"]
        completed = await run(router, "cv-analysis", "analysis", cv=text)
        for claim in completed["output"]["threads"] + completed["output"]["strengths"]:
            for evidence in claim["evidence"]:
                assert text[evidence["start"] : evidence["end"]] == evidence["quote"]
