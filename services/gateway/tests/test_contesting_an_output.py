"""A person says what they contest; the words go to their counsellor and to nobody else (LR-E07)."""

import pytest
from sqlalchemy import select

from gateway.records.rules import Fact, Kind
from gateway.tables import Contestation, Event

# Pages are the same on both databases; what differs is played there too, in `make verify`.
pytestmark = pytest.mark.parametrize(
    "migrated",
    [
        "sqlite",
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full]),
    ],
    indirect=True,
)

WORDS = "Ce métier n’a rien à voir avec mon parcours. <b>Marianne</b>"


@pytest.fixture
async def use(app, centre, bilan, given):
    """The record of one use of AI on the person of the bilan."""
    body = {
        "use_case_id": "cv-analysis", "purpose_code": "analysis",
        "input_categories": ["cv"], "provider_name": "rcp_local-llm", "model_requested": "essai",
    }  # fmt: skip
    fact = Fact(
        Kind.AI_DISPATCH, centre.tenant, body, beneficiary=bilan.beneficiary, bilan=bilan.id,
        consent=given["id"], consent_epoch=1,
    )  # fmt: skip
    async with app.state.database.begin(centre.tenant) as session:
        return await app.state.records.write(session, fact)


@pytest.fixture
async def mine(use, given, beneficiary):
    """The person, in their own space."""
    await beneficiary.open("http://gateway" + beneficiary.personal_secret)
    return beneficiary


async def listed(centre, bilan):
    answer = await centre.call("GET", f"/v1/contestations?bilan={bilan.id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_the_words_reach_the_counsellor_whole(centre, bilan, use, mine):
    space = await mine.get("/me/")
    assert f'href="/me/uses/{use}/contestation"' in space.text
    asked = await mine.get(f"/me/uses/{use}/contestation")
    assert "Lecture d’un parcours" in asked.text
    assert await listed(centre, bilan) == []
    sent = await mine.post(f"/me/uses/{use}/contestation", {"text": WORDS})
    assert sent.headers["location"] == "/me/contested"
    assert "est transmise" in (await mine.get("/me/contested")).text
    (read,) = await listed(centre, bilan)
    assert (read["text"], read["contested"], read["beneficiary"]) == (WORDS, use, bilan.beneficiary)
    assert "Vous l’avez contesté" in (await mine.get("/me/")).text


async def test_the_record_and_the_event_say_that_it_was_contested_and_not_what(
    app, centre, bilan, given, use, mine
):
    await mine.post(f"/me/uses/{use}/contestation", {"text": WORDS})
    page = await centre.call("GET", f"/v1/records?consent={given['id']}&kind=output.contested")
    (record,) = page.json()["items"]
    said = {"contested_record": use, "contested_by": "beneficiary", "method": "hosted_page"}
    assert said.items() <= record["body"].items()
    assert (record["body"]["actor_type"], record["body"]["right_exercised"]) == (
        "beneficiaire",
        "22_3",
    )
    assert not {"client", "act"} & set(record)
    assert "Marianne" not in page.text
    async with app.state.database.begin(centre.tenant) as session:
        (event,) = (
            await session.scalars(select(Event).where(Event.kind == "output.contested"))
        ).all()
        assert set(event.ids) == {"contestation", "record", "beneficiary", "bilan"}
        assert event.sealed is None
        (row,) = (await session.scalars(select(Contestation))).all()
        assert b"Marianne" not in row.sealed
        assert row.record == record["id"]


async def test_only_a_counsellor_of_the_bilan_reads_it(centre, bilan, use, mine, new_centre):
    await mine.post(f"/me/uses/{use}/contestation", {"text": WORDS})
    await centre.log_in()
    nobody = await centre.call("GET", f"/v1/contestations?bilan={bilan.id}")
    assert (nobody.status_code, nobody.json()["code"]) == (403, "counsellor_needed")
    await centre.log_in(counsellor=await centre.new_counsellor())
    another = await centre.call("GET", f"/v1/contestations?bilan={bilan.id}")
    assert another.status_code == 403
    other = await new_centre()
    assert (await other.call("GET", f"/v1/contestations?bilan={bilan.id}")).status_code == 404


@pytest.mark.parametrize("text", ["", "   \n ", "x" * 4001])
async def test_words_that_cannot_be_kept_are_shown_again(centre, bilan, use, mine, text):
    answer = await mine.post(f"/me/uses/{use}/contestation", {"text": text})
    assert answer.status_code == 422
    assert text.strip() in answer.text
    assert await listed(centre, bilan) == []


async def test_a_person_contests_their_own_uses_alone(centre, bilan, use, mine, given):
    page = await centre.call("GET", f"/v1/records?consent={given['id']}&kind=consent.authorised")
    mine_too = page.json()["items"][0]["id"]  # a record of the person that is no use of AI
    assert (await mine.get(f"/me/uses/{mine_too}/contestation")).status_code == 404
    other = await centre.made("/v1/beneficiaries", {})
    link = await centre.made(f"/v1/beneficiaries/{other['id']}/personal-link", {})
    await mine.open(link["personal_link"])
    for record in (use, mine_too, "rec_unknown", "é"):
        assert (await mine.get(f"/me/uses/{record}/contestation")).status_code == 404
        assert (
            await mine.post(f"/me/uses/{record}/contestation", {"text": "x"})
        ).status_code == 404
    assert await listed(centre, bilan) == []
