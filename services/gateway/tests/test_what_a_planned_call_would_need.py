"""`POST /v1/consent-simulations`: allowed or not, everything that is missing, and no trace."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.tables import Base

PLANNED = {"purpose": "analysis", "data_categories": ["cv"], "recipient": "rcp_local-llm"}
EVERYTHING = [
    {"code": "purpose_not_covered", "items": ["analysis"]},
    {"code": "category_not_covered", "items": ["cv"]},
    {"code": "recipient_not_covered", "items": ["rcp_local-llm"]},
    {"code": "jurisdiction_not_covered", "items": ["FR"]},
]


@pytest.fixture
def simulate(centre, bilan):
    async def simulating(**planned):
        return await centre.call(
            "POST", "/v1/consent-simulations", json={"bilan": bilan.id, **PLANNED, **planned}
        )

    return simulating


async def missing(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["missing"]


async def every_row(app, tenant):
    rows = {}
    async with app.state.database.begin(tenant) as session:
        connection = await session.connection()
        for table in Base.metadata.sorted_tables:
            found = (await connection.execute(select(table))).all()
            rows[table.name] = sorted(map(repr, found))
    return rows


async def test_what_is_covered_is_allowed_on_the_consent_that_covers_it(simulate, given):
    answer = (await simulate()).json()
    assert (answer["allowed"], answer["missing"]) == (True, [])
    assert (answer["consent"], answer["epoch"]) == (given["id"], 1)


async def test_without_any_consent_everything_is_missing(simulate):
    answer = await simulate()
    assert await missing(answer) == [{"code": "consent_not_authorised", "items": []}, *EVERYTHING]
    assert answer.json()["consent"] is None


@pytest.mark.usefixtures("given")
async def test_everything_that_is_missing_is_named_not_only_the_first(simulate):
    answer = await simulate(data_categories=["cv", "notes", "tests"])
    assert await missing(answer) == [{"code": "category_not_covered", "items": ["notes", "tests"]}]
    answer = await simulate(purpose="exploration", data_categories=["cv", "notes"])
    assert [m["code"] for m in await missing(answer)] == [m["code"] for m in EVERYTHING]


async def test_a_withdrawn_consent_is_said_to_be_one(centre, simulate, given):
    await centre.call("DELETE", f"/v1/consents/{given['id']}")
    answer = await simulate()
    assert await missing(answer) == [{"code": "consent_revoked", "items": []}, *EVERYTHING]
    assert answer.json()["consent"] is None
    assert (await simulate(consent=given["id"])).json()["consent"] == given["id"]


async def test_of_several_consents_the_one_that_lacks_least_is_named(ask, decide, simulate, given):
    other = await decide((await ask("drafting")).json(), drafting="granted")
    assert (await simulate()).json()["consent"] == given["id"]
    assert (await simulate(purpose="drafting")).json()["consent"] == other["id"]


async def test_a_restriction_is_missing_too(centre, bilan, simulate, given):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/restrictions"
    await centre.made(path, {"kind": "objection", "ground": "particular_situation"})
    assert {"code": "processing_restricted", "items": ["objection"]} in await missing(
        await simulate()
    )


async def test_a_bilan_that_is_not_agreed_to_is_missing_first(centre, bilan, simulate):
    plan = {
        "beneficiary": bilan.beneficiary,
        "counsellor": bilan.counsellor,
        "funding": "CPF",
        "planned_minutes": 1440,
        "support_minutes": 840,
        "starts_on": "2026-11-02",
        "ends_on": "2027-01-29",
        "employer_siren": None,
    }
    draft = await centre.made("/v1/bilans", plan)
    codes = [m["code"] for m in await missing(await simulate(bilan=draft["id"]))]
    assert codes[:2] == ["bilan_not_open", "consent_not_authorised"]


async def test_words_that_nobody_published_are_refused(simulate):
    for unknown in (
        {"purpose": "nothing"},
        {"data_categories": ["criminal"]},
        {"recipient": "rcp_nobody"},
    ):
        answer = await simulate(**unknown)
        assert (answer.status_code, answer.json()["code"]) == (422, "vocabulary_unknown")
    answer = await simulate(bilan=None)
    assert (answer.status_code, answer.json()["code"]) == (422, "input_needed")


async def test_it_leaves_no_trace_not_even_of_an_expiry_that_nobody_saw_yet(
    app, centre, simulate, given, at
):
    at(timedelta(days=400))
    before = await every_row(app, centre.tenant)
    answer = await simulate()
    assert (await missing(answer))[0]["code"] == "consent_expired"
    await simulate(consent=given["id"], purpose="dialogue")
    assert await every_row(app, centre.tenant) == before
