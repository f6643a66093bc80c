"""A one-time code guards the personal space wherever a centre's channel can deliver it."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.events.service import EventKind
from gateway.tables import Event, PageSession, PersonalCode
from gateway.webhooks import store
from gateway.webhooks.service import disable
from keel.clock import utc_now
from keel.sealing import unseal

# Pages are the same on both databases; what differs is played there too, in `make verify`.
pytestmark = pytest.mark.parametrize(
    "migrated",
    [
        "sqlite",
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full]),
    ],
    indirect=True,
)


@pytest.fixture
async def channel(centre):
    """The centre listens: its software will deliver codes."""
    body = {"url": "https://hooks.centre.fr/codes", "kinds": ["beneficiary.code_requested"]}
    return await centre.made("/v1/webhook-endpoints", body)


@pytest.fixture
async def link(centre, bilan):
    made = await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/personal-link", {})
    return made["personal_link"]


@pytest.fixture
def codes(app, centre):
    """What the centre's channel was told, oldest first; unsealed as the deliverer does."""

    async def told():
        async with app.state.database.begin(centre.tenant) as session:
            query = select(Event).where(Event.kind == EventKind.BENEFICIARY_CODE_REQUESTED)
            events = (await session.scalars(query.order_by(Event.id))).all()
            key = await app.state.records.key_of(session, centre.tenant, None)
            return [
                (e.ids, json.loads(unseal(key, e.sealed, f"{centre.tenant}|{e.id}")))
                for e in events
            ]

    return told


@pytest.fixture
def clock(app):
    def stand(later):
        app.state.codes = replace(app.state.codes, now=lambda: utc_now() + later)

    return stand


GRANT = {
    "purpose": "drafting",
    "data_categories": ["project"],
    "recipients": ["rcp_local-llm"],
    "jurisdictions": ["FR"],
}


def other_than(code):
    return f"{(int(code) + 1) % 10**6:06}"


async def test_without_a_channel_the_link_alone_opens(link, beneficiary, app, centre):
    page = await beneficiary.open(link)
    assert "Ce que j’ai accepté" in page.text
    async with app.state.database.begin(centre.tenant) as session:
        (opened,) = (await session.scalars(select(PageSession))).all()
        assert (opened.kind, opened.method) == ("personal", "hosted_page")


async def test_with_a_channel_the_link_and_a_code_open(
    channel, link, bilan, beneficiary, codes, app, centre
):
    page = await beneficiary.open(link)
    assert "Recevoir mon code" in page.text
    assert await codes() == []  # opening sends nothing: a scanner would use the codes up
    assert "Ce que j’ai accepté" not in (await beneficiary.get("/me/")).text
    assert (await beneficiary.get("/me/documents")).status_code == 403
    await beneficiary.post("/me/code", {})
    ((ids, secret),) = await codes()
    assert ids == {"beneficiary": bilan.beneficiary}
    assert re.fullmatch(r"[0-9]{6}", secret["code"])
    spaced = f" {secret['code'][:3]} {secret['code'][3:]} "
    entered = await beneficiary._keep(await beneficiary.post("/me/code/check", {"code": spaced}))
    assert entered.headers["location"] == "/me/"
    assert "Ce que j’ai accepté" in (await beneficiary.get("/me/")).text
    async with app.state.database.begin(centre.tenant) as session:
        methods = {
            s.method
            for s in await session.scalars(
                select(PageSession).where(PageSession.kind == "personal")
            )
        }
        assert methods == {"hosted_page+code"}
        (row,) = (await session.scalars(select(PersonalCode))).all()
        assert secret["code"].encode() not in row.code_hmac


@pytest.mark.parametrize("used", [False, True], ids=["never used", "used before"])
async def test_a_channel_that_falls_away_opens_no_space(
    channel, link, beneficiary, app, centre, codes, used
):
    if used:
        await beneficiary.open(link)
        await beneficiary.post("/me/code", {})
        ((_, secret),) = await codes()
        await beneficiary.post("/me/code/check", {"code": secret["code"]})
    async with app.state.database.begin(centre.tenant) as session:  # as after a 410
        endpoint = await store.find(session, centre.tenant, channel["id"], locked=True)
        await disable(session, endpoint, because="gone", at=utc_now())
        if used:
            await store.remove(session, endpoint)
    page = await beneficiary.open(link)
    assert page.status_code == 503
    assert "Votre code ne peut pas être envoyé" in page.text
    assert "lien de retrait" in page.text
    assert (await beneficiary.post("/me/code", {})).status_code == 503
    assert (await beneficiary.get("/me/documents")).status_code == 403
    assert len(await codes()) == used  # none was made that nobody would deliver


async def test_a_code_opens_once_and_only_where_its_link_was_opened(
    channel, link, beneficiary, codes, gateway
):
    await beneficiary.open(link)
    await beneficiary.post("/me/code", {})
    ((_, secret),) = await codes()
    assert (await gateway.post("/me/code/check", data=secret)).status_code == 403
    await beneficiary.post("/me/code/check", {"code": secret["code"]})
    await beneficiary.open(link)
    again = await beneficiary.post("/me/code/check", {"code": secret["code"]})
    assert again.status_code == 422
    assert "ne peut plus servir" in again.text


async def test_five_wrong_tries_use_a_code_up(channel, link, beneficiary, codes):
    await beneficiary.open(link)
    await beneficiary.post("/me/code", {})
    ((_, secret),) = await codes()
    for attempt in range(5):
        answer = await beneficiary.post("/me/code/check", {"code": other_than(secret["code"])})
        assert answer.status_code == 422
        assert ("Ce n’est pas le bon code" in answer.text) == (attempt < 4)
    right = await beneficiary.post("/me/code/check", {"code": secret["code"]})
    assert right.status_code == 422
    assert "Recevoir mon code" in right.text


async def test_a_code_lives_ten_minutes_and_the_newest_alone_counts(
    channel, link, beneficiary, codes, clock
):
    await beneficiary.open(link)
    await beneficiary.post("/me/code", {})
    await beneficiary.post("/me/code", {})
    first, second = [secret["code"] for _, secret in await codes()]
    if first != second:
        assert (await beneficiary.post("/me/code/check", {"code": first})).status_code == 422
    clock(timedelta(minutes=10, seconds=1))
    late = await beneficiary.post("/me/code/check", {"code": second})
    assert "ne peut plus servir" in late.text


async def test_three_codes_in_a_quarter_of_an_hour_and_ten_in_a_day(
    channel, link, beneficiary, codes, clock
):
    await beneficiary.open(link)
    answers = [await beneficiary.post("/me/code", {}) for _ in range(4)]
    assert [a.status_code for a in answers] == [303, 303, 303, 429]
    assert "attendez un quart" in answers[3].text
    assert answers[3].headers["retry-after"] == "900"
    assert len(await codes()) == 3
    sent = 3
    for quarter in range(1, 5):
        clock(timedelta(minutes=16 * quarter))
        await beneficiary.open(link)
        for _ in range(3):
            sent += (await beneficiary.post("/me/code", {})).status_code == 303
    assert sent == len(await codes()) == 10


async def test_the_person_changes_their_link_with_a_code_and_not_without(
    channel, centre, link, beneficiary, codes, gateway
):
    await beneficiary.open(link)
    await beneficiary.post("/me/code", {})
    ((_, secret),) = await codes()
    await beneficiary._keep(await beneficiary.post("/me/code/check", {"code": secret["code"]}))
    changed = await beneficiary._keep(await beneficiary.post("/me/link", {}))
    new = re.search(r"<code>(http://gateway/me/#[^<]+)</code>", changed.text)[1]
    assert (await gateway.post("/me/session", data={"secret": link})).status_code == 404
    assert (await gateway.post("/me/session", data={"secret": new})).is_redirect
    assert "Ce que j’ai accepté" in (await beneficiary.get("/me/")).text


async def test_a_link_alone_cannot_lock_its_person_out(link, beneficiary, gateway):
    await beneficiary.open(link)
    refused = await beneficiary.post("/me/link", {})
    assert refused.status_code == 403
    assert "Demandez-le à votre centre" in refused.text
    assert (await gateway.post("/me/session", data={"secret": link})).is_redirect


async def test_the_record_says_how_the_person_came_in_when_they_take_something_back(
    channel, bilan, asked, beneficiary, centre, codes, recorded
):
    page = await beneficiary.open(asked["ceremony_url"])
    await beneficiary.decide(page.text, analysis="granted", exploration="granted")
    await beneficiary.open("http://gateway" + beneficiary.personal_secret)
    await beneficiary.post("/me/code", {})
    ((_, secret),) = await codes()
    await beneficiary._keep(await beneficiary.post("/me/code/check", {"code": secret["code"]}))
    path = f"/me/consents/{asked['id']}/withdrawal"
    await beneficiary.post(path, {"purpose": "analysis"})
    (narrowed,) = await recorded(asked, "consent.narrowed")
    assert narrowed["body"]["method"] == "hosted_page+code"
    await beneficiary.post("/me/withdrawal", {})
    (revoked,) = await recorded(asked, "consent.revoked")
    assert revoked["body"]["method"] == "hosted_page+code"

    other = await centre.made("/v1/consents", {"bilan": bilan.id, "grants": [GRANT]})
    page = await beneficiary.open(other["ceremony_url"])
    thanks = await beneficiary.decide(page.text, drafting="granted")
    link = re.search(r'href="([^"]+)" data-withdrawal-link', thanks.text)[1]
    await beneficiary.open("http://gateway" + link)
    await beneficiary.post("/consent/withdrawal", {})
    (revoked,) = await recorded(other, "consent.revoked")
    assert revoked["body"]["method"] == "hosted_page"


async def test_withdrawing_never_asks_for_a_code(channel, asked, beneficiary, centre):
    page = await beneficiary.open(asked["ceremony_url"])
    thanks = await beneficiary.decide(page.text, analysis="granted", exploration="granted")
    link = re.search(r'href="([^"]+)" data-withdrawal-link', thanks.text)[1]
    confirm = await beneficiary.open("http://gateway" + link)
    assert "Oui, retirer mon accord" in confirm.text
    done = await beneficiary.post("/consent/withdrawal", {})
    assert "Votre accord est retiré" in done.text
