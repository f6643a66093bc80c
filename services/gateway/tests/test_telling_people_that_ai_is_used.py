"""A notice counts when it was shown word for word, and in time (AI Act 50(1), 50(5); LR-J10)."""

import hashlib

import pytest

from gateway.disclosures.rules import NOTICES, Declared, Moment, Profile, observed
from gateway.records.rules import Fact, Kind

BEFORE, WITH = Declared.BEFORE_FIRST_INTERACTION, Declared.AT_EXPOSURE


@pytest.mark.parametrize(
    ("declared", "used", "told", "moment"),
    [
        (BEFORE, False, False, Moment.BEFORE_FIRST_INTERACTION),
        (BEFORE, True, False, Moment.LATE),
        (BEFORE, True, True, Moment.BEFORE_FIRST_INTERACTION),
        (WITH, True, False, Moment.AT_EXPOSURE),
        (WITH, False, False, Moment.AT_EXPOSURE),
    ],
)
def test_late_is_observed_and_not_only_declared(declared, used, told, moment):
    assert observed(declared, was_used=used, was_told=told) is moment


@pytest.fixture
async def notice(gateway):
    """The notice for beneficiaries, as anybody reads it."""
    found = (await gateway.get("/v1/disclosures/notices")).json()["items"]
    return next(n for n in found if n["id"] == "ia-beneficiaire")


@pytest.fixture
def confirm(centre, bilan, notice):
    async def confirming(**other):
        body = {
            "bilan": bilan.id,
            "disclosure_id": notice["id"],
            "disclosure_version": notice["version"],
            "sha256": notice["sha256"],
            "channel": "ui_banner",
            "moment": "before_first_interaction",
            **other,
        }
        return await centre.call("POST", "/v1/disclosures", json=body)

    return confirming


@pytest.fixture
def use_ai(app, centre, bilan):
    async def call():
        fact = Fact(Kind.AI_DISPATCH, centre.tenant, beneficiary=bilan.beneficiary, bilan=bilan.id)
        async with app.state.database.begin(centre.tenant) as session:
            await app.state.records.write(session, fact)

    return call


async def found(centre, kind):
    return [
        r["body"] for r in (await centre.call("GET", f"/v1/records?kind={kind}")).json()["items"]
    ]


async def test_what_was_shown_is_recorded_field_by_field(centre, bilan, confirm, notice):
    made = await confirm(acknowledged=True)
    assert made.status_code == 201
    (body,) = await found(centre, "disclosure.shown")
    said = made.json()
    assert {k: v for k, v in body.items() if k.startswith(("disclosure", "lang", "access"))} == {
        "disclosure_id": "ia-beneficiaire",
        "disclosure_version": notice["version"],
        "language": "fr",
        "disclosure_audience": "beneficiaire",
        "disclosure_channel": "ui_banner",
        "disclosure_moment": "before_first_interaction",
        "accessibility_profile": "standard",
    }
    assert body["acknowledged_at"] == said["acknowledged_at"][:19] + "Z"
    page = (await centre.call("GET", f"/v1/disclosures?bilan={bilan.id}")).json()
    assert page["items"] == [said]


async def test_what_nobody_acknowledged_says_so_by_saying_nothing(centre, confirm):
    assert (await confirm()).json()["acknowledged_at"] is None
    (body,) = await found(centre, "disclosure.shown")
    assert "acknowledged_at" not in body


async def test_after_the_first_use_of_ai_it_is_late_and_an_incident(centre, confirm, use_ai):
    await use_ai()
    assert (await confirm()).json()["moment"] == "late"
    page = (await centre.call("GET", "/v1/incidents")).json()
    assert [(i["incident_class"], i["origin"]) for i in page["items"]] == [
        ("disclosure_late", "observed")
    ]
    (body,) = await found(centre, "incident.opened")
    assert body["incident_class"] == "disclosure_late"


async def test_who_was_told_in_time_is_told_again_without_an_incident(centre, confirm, use_ai):
    await confirm()
    await use_ai()
    assert (await confirm()).json()["moment"] == "before_first_interaction"
    assert (await centre.call("GET", "/v1/incidents")).json()["items"] == []


@pytest.mark.parametrize(
    "other",
    [
        {"sha256": "0" * 64},
        {"disclosure_version": "2020-01-01"},
        {"disclosure_id": "autre"},
        {"accessibility_profile": "falc"},
    ],
    ids=["other words", "another version", "another notice", "for nobody of this profile"],
)
async def test_another_text_than_a_published_one_is_no_notice(centre, confirm, other):
    refused = await confirm(**other)
    assert (refused.status_code, refused.json()["code"]) == (422, "disclosure_unknown")
    assert await found(centre, "disclosure.shown") == []


async def test_late_cannot_be_declared_nor_an_instant_given(confirm):
    assert (await confirm(moment="late")).status_code == 422
    assert (await confirm(acknowledged_at="2026-11-23T08:00:00Z")).status_code == 422


async def test_a_notice_is_retrieved_by_its_version_and_digest(notice):
    assert hashlib.sha256(notice["text"].encode()).hexdigest() == notice["sha256"]
    assert "intelligence artificielle" in notice["text"]


def test_every_profile_has_a_notice_for_the_person():
    profiles = {p for n in NOTICES.values() if n.audience == "beneficiaire" for p in n.profiles}
    assert profiles == set(Profile)


def test_no_word_of_a_published_notice_changes_under_its_version():
    """Raise the version when these differ: what was shown must stay retrievable (LR-C04)."""
    assert {(n.id, n.version): n.sha256[:12] for n in NOTICES.values()} == PUBLISHED


PUBLISHED = {
    (name, "2026-11-23"): digest
    for name, digest in (("ia-beneficiaire", "da8be706cf3d"), ("ia-beneficiaire-falc", "233618d60034"), ("ia-conseiller", "cdad1aa89283"))
}  # fmt: skip
