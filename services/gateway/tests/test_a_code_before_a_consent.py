"""Where a tenant's policy says so, a one-time code comes before the decision on a consent.

(Profile section 2.2, point 3.) A withdrawal never asks for one.
"""

import json
import re
from collections import Counter

import httpx
import pytest
from sqlalchemy import select

import gateway.__main__ as command
from gateway.events.service import EventKind
from gateway.operators.api import operator_app
from gateway.problems import CeremonyCodeNeeded
from gateway.tables import Event
from keel.commands import main
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
HOOK = {"url": "https://hooks.centre.fr/codes", "kinds": ["ceremony.code_requested"]}


@pytest.fixture
async def operator(app):
    transport = httpx.ASGITransport(operator_app(app.state))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
        yield client


@pytest.fixture
async def policy(operator, centre):
    """The operator wrote the policy down."""
    answer = await operator.put(f"/tenants/{centre.tenant}/policy", json={"ceremony_code": True})
    assert (answer.status_code, answer.json()["ceremony_code"]) == (200, True)


@pytest.fixture
async def channel(centre):
    """The centre listens: its software delivers codes."""
    return await centre.made("/v1/webhook-endpoints", HOOK)


@pytest.fixture
def codes(app, centre):
    """What the centre's channel was told, oldest first; unsealed as the deliverer does."""

    async def told():
        async with app.state.database.begin(centre.tenant) as session:
            query = select(Event).where(Event.kind == EventKind.CEREMONY_CODE_REQUESTED)
            events = (await session.scalars(query.order_by(Event.id))).all()
            key = await app.state.records.key_of(session, centre.tenant, None)
            return [
                (e.ids, json.loads(unseal(key, e.sealed, f"{centre.tenant}|{e.id}"))["code"])
                for e in events
            ]

    return told


@pytest.fixture
async def coded(policy, channel, asked, beneficiary, codes):
    """The person opened their link and typed their code."""
    await beneficiary.open(asked["ceremony_url"])
    await beneficiary.post("/consent/code", {})
    ((_, code),) = await codes()
    answer = await beneficiary._keep(await beneficiary.post("/consent/code/check", {"code": code}))
    assert answer.headers["location"] == "/consent/decision"
    return asked


async def status_of(centre, consent):
    return (await centre.call("GET", f"/v1/consents/{consent['id']}")).json()["status"]


async def evidence_of(app, centre, consent):
    async with app.state.database.begin(centre.tenant) as session:
        row = await app.state.consents.find(session, centre.tenant, consent["id"])
        return await app.state.consents.evidence_of(session, row)


async def test_the_notice_is_shown_after_the_code_and_the_evidence_says_so(
    policy, channel, asked, bilan, beneficiary, codes, centre, app
):
    page = await beneficiary.open(asked["ceremony_url"])
    assert "Recevoir mon code" in page.text
    assert "nous vérifions que c’est bien vous" in page.text
    assert await codes() == []  # opening sends nothing: a scanner would use the codes up
    locked = await beneficiary.get("/consent/decision")
    assert locked.headers["location"] == "/consent/code"
    await beneficiary.post("/consent/code", {})
    ((ids, code),) = await codes()
    assert ids == {"beneficiary": bilan.beneficiary, "consent": asked["id"]}
    assert re.fullmatch(r"[0-9]{6}", code)
    await beneficiary._keep(await beneficiary.post("/consent/code/check", {"code": code}))
    page = await beneficiary.get("/consent/decision")
    done = await beneficiary.decide(page.text, analysis="granted", exploration="refused")
    assert done.status_code == 200
    assert await status_of(centre, asked) == "authorised"
    evidence = await evidence_of(app, centre, asked)
    assert (evidence["method"], evidence["second_factor"]) == ("hosted_page+code", "code")


async def test_without_the_code_nothing_is_decided_whoever_posts(
    policy, channel, asked, beneficiary, centre, decide
):
    await beneficiary.open(asked["ceremony_url"])
    form = {"notice_sha256": asked["notice"]["sha256"]}
    form |= {f"decision.{p}": "granted" for p in ("analysis", "exploration")}
    answer = await beneficiary.post("/consent/decision", form)
    assert answer.status_code == 403
    assert "Rien n’a été changé" in answer.text
    with pytest.raises(CeremonyCodeNeeded):  # nor by whoever goes around the page
        await decide(asked, analysis="granted", exploration="granted")
    assert await status_of(centre, asked) == "awaiting"


async def test_a_policy_that_changes_while_the_notice_is_read_counts(
    operator, channel, asked, beneficiary, centre
):
    page = await beneficiary.open(asked["ceremony_url"])
    await operator.put(f"/tenants/{centre.tenant}/policy", json={"ceremony_code": True})
    answer = await beneficiary.decide(page.text, analysis="granted", exploration="granted")
    assert answer.status_code == 403
    assert await status_of(centre, asked) == "awaiting"
    await operator.put(f"/tenants/{centre.tenant}/policy", json={"ceremony_code": False})
    answer = await beneficiary.decide(page.text, analysis="granted", exploration="granted")
    assert answer.status_code == 200


async def test_where_nobody_would_deliver_the_code_the_centre_is_asked_and_nothing_decided(
    policy, asked, beneficiary, centre
):
    page = await beneficiary.open(asked["ceremony_url"])
    assert page.status_code == 503
    assert "Prévenez votre centre" in page.text
    assert "form" not in page.text
    assert (await beneficiary.post("/consent/code", {})).status_code == 503
    assert (await beneficiary.get("/consent/decision")).headers["location"] == "/consent/code"
    await centre.made("/v1/webhook-endpoints", HOOK | {"kinds": ["beneficiary.code_requested"]})
    assert (await beneficiary.get("/consent/code")).status_code == 503
    assert await status_of(centre, asked) == "awaiting"
    await centre.made("/v1/webhook-endpoints", HOOK)
    assert "Recevoir mon code" in (await beneficiary.get("/consent/code")).text


async def test_five_wrong_tries_use_a_code_up(policy, channel, asked, beneficiary, codes, centre):
    await beneficiary.open(asked["ceremony_url"])
    await beneficiary.post("/consent/code", {})
    ((_, code),) = await codes()
    wrong = {"code": f"{(int(code) + 1) % 10**6:06}"}
    answers = [await beneficiary.post("/consent/code/check", wrong) for _ in range(5)]
    assert Counter(a.status_code for a in answers) == {422: 5}
    assert ["pas le bon code" in a.text for a in answers] == [True] * 4 + [False]
    late = await beneficiary.post("/consent/code/check", {"code": code})
    assert (late.status_code, "ne peut plus servir" in late.text) == (422, True)
    assert (await beneficiary.get("/consent/decision")).is_redirect


async def test_the_code_of_one_request_opens_no_other_and_no_personal_space(
    policy, channel, asked, centre, bilan, beneficiary, codes, ask
):
    other = (await ask("drafting")).json()
    await beneficiary.open(asked["ceremony_url"])
    await beneficiary.post("/consent/code", {})
    ((_, code),) = await codes()
    await beneficiary.open(other["ceremony_url"])
    foreign = await beneficiary.post("/consent/code/check", {"code": code})
    assert (foreign.status_code, "ne peut plus servir" in foreign.text) == (422, True)
    await centre.made("/v1/webhook-endpoints", HOOK | {"kinds": ["beneficiary.code_requested"]})
    link = await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/personal-link", {})
    await beneficiary.open(link["personal_link"])
    assert (await beneficiary.post("/me/code/check", {"code": code})).status_code == 422


async def test_codes_of_every_use_are_counted_together(policy, channel, asked, beneficiary, codes):
    await beneficiary.open(asked["ceremony_url"])
    answers = [await beneficiary.post("/consent/code", {}) for _ in range(4)]
    assert [a.status_code for a in answers] == [303, 303, 303, 429]
    assert answers[3].headers["retry-after"] == "900"
    assert len(await codes()) == 3


async def test_withdrawing_what_was_given_with_a_code_asks_for_none(
    coded, beneficiary, centre, codes
):
    page = await beneficiary.get("/consent/decision")
    thanks = await beneficiary.decide(page.text, analysis="granted", exploration="granted")
    link = re.search(r'href="([^"]+)" data-withdrawal-link', thanks.text)[1]
    asking = await beneficiary.open("http://gateway" + link)
    assert "Oui, retirer mon accord" in asking.text
    await beneficiary.post("/consent/withdrawal", {})
    assert await status_of(centre, coded) == "revoked"
    assert len(await codes()) == 1


async def test_whoever_answered_with_a_code_reads_their_answers_again(coded, beneficiary):
    page = await beneficiary.get("/consent/decision")
    await beneficiary.decide(page.text, analysis="granted", exploration="granted")
    for path in ("/consent/code", "/consent/decision"):
        again = await beneficiary.get(path)
        if again.is_redirect:
            again = await beneficiary.get(again.headers["location"])
        assert "Vos réponses sont enregistrées" in again.text


async def test_a_policy_is_written_for_a_tenant_that_exists(operator):
    answer = await operator.put("/tenants/tnt_none/policy", json={"ceremony_code": True})
    assert answer.status_code == 404


def test_an_operator_writes_the_policy_and_reads_it_in_the_list(
    gateway_url, keys_dir, monkeypatch, capsys
):
    monkeypatch.setenv("GATEWAY_DATABASE_URL", gateway_url)
    monkeypatch.setenv("GATEWAY_KEYS_DIR", str(keys_dir))

    def verb(*words):
        assert main(command.SERVICE, list(words)) == 0
        return json.loads(capsys.readouterr().out)

    made = verb("tenant", "create", "--name", "Centre")
    assert verb("tenant", "list")["ceremony_code"] is False
    written = verb("tenant", "policy", "--tenant", made["tenant"], "--ceremony-code", "on")
    assert written["ceremony_code"] is True
    assert verb("tenant", "list")["ceremony_code"] is True
    verb("tenant", "policy", "--tenant", made["tenant"], "--ceremony-code", "off")
    assert verb("tenant", "list")["ceremony_code"] is False
