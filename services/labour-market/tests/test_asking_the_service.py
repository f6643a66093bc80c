"""The inside API: nobody without a pass, bounds on everything, nothing of a person kept."""

import json
from pathlib import Path

import httpx
from sqlalchemy import MetaData, select

from keel.commands import render_document
from labour_market.app import document

COMMITTED = Path(__file__).parents[1] / "openapi.json"
CAREER = "Secrétaire depuis 2015 : accueil téléphonique, courrier, Excel. J'aimerais apprendre le chinois. Contact [PERSONNE_1]."


def test_the_committed_document_is_the_one_that_the_service_serves():
    assert COMMITTED.read_text() == render_document(document())


async def test_without_a_pass_nothing_is_answered(market):
    for path in (
        "/occupations",
        "/skills",
        "/trends?occupation=M1203",
        "/trainings?occupation=M1203",
        "/sources",
    ):
        assert (await market.http.get(path)).status_code == 401


async def test_a_pass_for_another_operation_is_refused(market):
    answer = await market.get("list_skills", "/occupations")
    assert answer.json()["code"] == "pass_refused"


async def test_occupations_are_read_page_by_page_without_loss(market):
    seen, after = [], ""
    while True:
        page = (await market.get("list_occupations", "/occupations", after=after, limit=7)).json()
        seen += [item["code"] for item in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == sorted(set(seen))
    assert len(seen) > 38


async def test_occupations_are_found_by_words_without_accents(market):
    found = (await market.get("list_occupations", "/occupations", query="macon")).json()["items"]
    assert [o["code"] for o in found] == ["F1703"]


async def test_an_occupation_shows_skills_interests_names_and_moves(market):
    found = (await market.get("read_occupation", "/occupations/M1203")).json()
    assert found["riasec"] == "CE"
    assert len(found["skills"]) >= 10
    assert found["appellations"][0] == "Comptable"
    assert found["source"]["producer"] == "France Travail"


async def test_an_unknown_occupation_is_refused_without_echoing_it(market):
    answer = await market.get("read_occupation", "/occupations/Z9999")
    assert answer.status_code == 404
    assert "Z9999" not in answer.text


async def test_leads_come_with_reasons_and_a_stated_order_and_no_score_of_a_person(market):
    body = {
        "titles": ["COMPTABLE (H/F)", "étudiante"],
        "text": CAREER,
        "source": "doc_1",
        "limit": 5,
    }
    found = (await market.post("match_occupations", "/occupation-matches", body)).json()
    assert found["items"][0]["code"] == "M1203"
    assert found["abstained"] == ["étudiante"]
    assert found["sort_criterion"].startswith("D'abord")
    for lead in found["items"]:
        assert lead["reasons"], lead["code"]
        assert all(r["evidence"] for r in lead["reasons"])
    assert not {"score", "rank"} & set(json.dumps(found).replace('"', " ").split())


async def test_a_title_outside_the_bundle_is_not_forced_into_it(market):
    body = {"titles": ["pilote de ligne", "secrétaire de mairie", "sage-femme"]}
    found = (await market.post("match_occupations", "/occupation-matches", body)).json()
    assert found["abstained"] == body["titles"]


async def test_leads_do_not_depend_on_the_gender_of_the_title(market):
    async def codes(title):
        body = {"titles": [title], "limit": 10}
        return [
            o["code"]
            for o in (await market.post("match_occupations", "/occupation-matches", body)).json()[
                "items"
            ]
        ]

    for one, other in (
        ("infirmier", "infirmière"),
        ("conducteur poids lourd", "conductrice poids lourd"),
    ):
        assert await codes(one) == await codes(other)


async def test_evidence_quotes_the_text_at_its_offsets(market):
    found = (await market.post("match_skills", "/skill-matches", {"text": CAREER})).json()["skills"]
    assert found
    for skill in found:
        assert CAREER[skill["start"] : skill["end"]] == skill["text"]
    assert not [s for s in found if "chinois" in s["text"]]


async def test_a_gap_says_what_is_held_and_what_is_missing_with_its_reference(market):
    asked = (await market.get("read_occupation", "/occupations/M1203")).json()["skills"]
    held = [asked[0]["code"]]
    proof = {"code": held[0], "source": "doc_1", "start": 0, "end": 4, "quote": "paie"}
    body = {"held": held, "target": "M1203", "proofs": [proof]}
    found = (await market.post("compare_skills", "/skill-gaps", body)).json()
    states = {g["code"]: g["state"] for g in found["gaps"]}
    assert states[held[0]] == "held"
    assert len(states) == len(asked)
    assert {"missing"} <= set(states.values()) <= {"held", "partial", "missing", "unknown"}
    shown = next(g for g in found["gaps"] if g["state"] == "held")["evidence"]
    assert [e["kind"] for e in shown] == ["span", "reference"]


async def test_trainings_are_valid_today_and_stand_beside_ways_without_training(market):
    found = (await market.get("list_trainings", "/trainings", occupation="M1203")).json()
    assert {t["rncp"] for t in found["trainings"]} >= {"RNCP37121"}
    assert all(
        t["source"]["licence"] and t["retrieved_on"] and t["link"] for t in found["trainings"]
    )
    assert {a["kind"] for a in found["alternatives_without_training"]} >= {"vae", "on_the_job"}


async def test_sources_say_what_is_bundled(market):
    found = (await market.get("list_sources", "/sources")).json()["sources"]
    assert {s["source"] for s in found} >= {"rome", "dares", "bmo", "rncp", "geo"}
    assert all(s["bundled"] and s["licence"] and s["rows"] for s in found)


async def test_a_taxonomy_that_was_not_imported_says_how_to_import_it(market):
    answer = await market.post("match_skills", "/skill-matches", {"text": "x", "scheme": "esco"})
    assert answer.status_code == 409
    assert "import esco" in answer.json()["detail"]


async def test_fields_have_bounds_and_refusals_do_not_echo(market):
    for body in ({"text": "x" * 200_001}, {"titles": ["Jeanne" * 100]}, {"limit": 1000}):
        answer = await market.post("match_occupations", "/occupation-matches", body)
        assert answer.status_code == 422
        assert "Jeanne" not in answer.text


async def test_nothing_of_a_text_is_stored_or_logged(market, capfd):
    marked = "Secrétaire Zyxwabc : courrier, Excel, accueil téléphonique"
    await market.post(
        "match_occupations", "/occupation-matches", {"titles": [marked], "text": marked}
    )
    await market.post("match_skills", "/skill-matches", {"text": marked})
    logged = capfd.readouterr()
    assert "Zyxwabc" not in logged.out + logged.err
    async with market.app.state.database.begin() as session:
        connection = await session.connection()
        there = MetaData()
        await connection.run_sync(there.reflect)
        assert len(there.tables) > 10
        for table in there.sorted_tables:
            rows = await session.execute(select(table))
            assert not [row for row in rows if "Zyxwabc" in str(row)]


async def test_it_is_ready_once_migrated(market):
    answer: httpx.Response = await market.http.get("/readyz")
    assert answer.status_code == 200
