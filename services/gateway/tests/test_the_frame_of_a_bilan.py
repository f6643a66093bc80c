"""A bilan stands in its legal frame: who pays, who agrees, who may never conduct it (R6313-5, -8)."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select

from gateway.bilans.rules import bounds_refusal
from gateway.conventions.rules import ConventionStatus, Signatures, status_on
from gateway.tables import Bilan, Convention, Tenant
from keel.clock import utc_now

OWN, EMPLOYER = "732829320", "552100554"
RECEIVED = date(2026, 11, 2)
TERMS = {
    "title": "Bilan de compétences",
    "aim": "Construire un projet",
    "content": "Trois phases",
    "means": "Entretiens, tests",
    "minutes": 1440,
    "starts_on": "2026-11-12",
    "ends_on": "2027-01-29",
    "conduct": "Un entretien par semaine",
    "handover": "En main propre",
    "price_cents": 160000,
    "payment": "À réception",
}


def problem(answer):
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def sited(app, centre):
    """The centre, its own SIREN on record, with a counsellor and a person."""

    async with app.state.database.begin(centre.tenant) as session:
        (await session.get(Tenant, centre.tenant)).siren = OWN
    centre.counsellor = await centre.new_counsellor()
    centre.person = (await centre.made("/v1/beneficiaries", {}))["id"]
    return centre


@pytest.fixture
def plan(sited):
    def of(**changes):
        base = {
            "beneficiary": sited.person,
            "counsellor": sited.counsellor,
            "funding": "PDC",
            "employer_siren": EMPLOYER,
            "planned_minutes": 1440,
            "support_minutes": 840,
            "starts_on": "2026-11-02",
            "ends_on": "2027-01-29",
        }
        return {**base, **changes}

    return of


@pytest.fixture
async def funded(sited, plan):
    """A bilan under the employer's plan, not open yet."""
    return await sited.made("/v1/bilans", plan())


@pytest.fixture
def drafted(sited, funded):
    async def draft(received_on=RECEIVED):
        body = {"terms": TERMS, "received_on": received_on.isoformat()}
        return await sited.call("POST", f"/v1/bilans/{funded['id']}/convention", json=body)

    return draft


@pytest.fixture
def signed(sited, funded):
    async def sign(party, on=RECEIVED):
        body = {"party": party, "signed_on": on.isoformat()}
        path = f"/v1/bilans/{funded['id']}/convention/signatures"
        return await sited.call("POST", path, json=body)

    return sign


@pytest.fixture
def stand_on(app):
    """Let the gateway's clock stand on a day."""

    def stand(day):
        at = datetime(day.year, day.month, day.day, 12, tzinfo=utc_now().tzinfo)
        app.state.bilans = replace(app.state.bilans, now=lambda: at)
        app.state.conventions = replace(
            app.state.conventions, bilans=app.state.bilans, now=lambda: at
        )

    return stand


@pytest.fixture
def agree(sited):
    def to(bilan, **said):
        body = {"agreed_on": "2026-11-02", "method": "signed_document", **said}
        return sited.call("POST", f"/v1/bilans/{bilan['id']}/agreement", json=body)

    return to


# ---------------------------------------------------------------- the employer


async def test_the_employer_can_never_conduct_the_bilan(sited, plan):
    answer = await sited.call("POST", "/v1/bilans", json=plan(employer_siren=OWN))
    assert problem(answer) == (422, "employer_is_tenant")
    answer = await sited.call("POST", "/v1/bilans", json=plan(employer_siren=OWN, funding="CPF"))
    assert problem(answer) == (422, "employer_is_tenant")


async def test_a_wrong_number_and_a_missing_employer_are_refused(sited, plan):
    for number in ("732829321", None):
        answer = await sited.call("POST", "/v1/bilans", json=plan(employer_siren=number))
        assert problem(answer) == (422, "employer_unknown")
    assert (
        await sited.call("POST", "/v1/bilans", json=plan(employer_siren=None, funding="CPF"))
    ).status_code == 201


async def test_that_there_is_no_employer_must_be_said(sited, plan):
    unsaid = {k: v for k, v in plan(funding="CPF").items() if k != "employer_siren"}
    assert problem(await sited.call("POST", "/v1/bilans", json=unsaid)) == (422, "invalid_request")


async def test_without_the_centres_own_siren_nobody_can_tell(app, sited, plan):

    async with app.state.database.begin(sited.tenant) as session:
        (await session.get(Tenant, sited.tenant)).siren = None
    answer = await sited.call("POST", "/v1/bilans", json=plan())
    assert problem(answer) == (409, "tenant_siren_needed")


async def test_the_employers_number_itself_is_kept_nowhere(app, sited, funded):
    async with app.state.database.begin(sited.tenant) as session:
        row = (await session.scalars(select(Bilan))).one()
    assert len(row.employer_digest) == 32
    assert EMPLOYER not in str(vars(row))
    assert EMPLOYER not in str(funded)


async def test_a_centre_whose_number_comes_later_is_compared_when_the_bilan_opens(
    app, sited, plan, agree
):
    made = await sited.made("/v1/bilans", plan(funding="CPF"))

    async with app.state.database.begin(sited.tenant) as session:
        (await session.get(Tenant, sited.tenant)).siren = EMPLOYER
    assert problem(await agree(made)) == (422, "employer_is_tenant")


# ---------------------------------------------------------------- the convention


async def test_a_cpf_bilan_asks_for_no_convention_and_says_why(sited, plan):
    made = await sited.made("/v1/bilans", plan(funding="CPF"))
    body = {"terms": TERMS, "received_on": "2026-11-02"}
    answer = await sited.call("POST", f"/v1/bilans/{made['id']}/convention", json=body)
    assert problem(answer) == (409, "convention_not_asked")
    assert "Mon Compte Formation" in answer.json()["detail"]


async def test_every_item_of_the_law_is_asked_for(sited, funded):
    for left_out in TERMS:
        terms = {k: v for k, v in TERMS.items() if k != left_out}
        body = {"terms": terms, "received_on": "2026-11-02"}
        answer = await sited.call("POST", f"/v1/bilans/{funded['id']}/convention", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["at"] == f"body.terms.{left_out}"


async def test_it_opens_with_three_signatures_and_the_workers_own_agreement(
    sited, funded, drafted, signed, agree, stand_on
):
    stand_on(RECEIVED + timedelta(days=3))
    assert problem(await agree(funded)) == (409, "convention_needed")
    assert (await drafted()).json()["status"] == "awaiting"
    for party in ("worker", "employer"):
        assert (await signed(party)).status_code == 201
        assert problem(await agree(funded)) == (409, "convention_needed")
    assert (await signed("provider")).json()["status"] == "signed"
    assert (await agree(funded)).json()["status"] == "open"
    read = (await sited.call("GET", f"/v1/bilans/{funded['id']}/convention")).json()
    assert read["terms"] == TERMS


async def test_ten_days_of_silence_are_a_refusal_and_a_new_draft_begins_again(
    sited, funded, drafted, signed, stand_on
):
    stand_on(RECEIVED)
    await drafted()
    stand_on(RECEIVED + timedelta(days=10))
    read = partial(sited.call, "GET", f"/v1/bilans/{funded['id']}/convention")
    assert (await read()).json()["status"] == "awaiting"
    assert problem(await drafted()) == (409, "convention_state")
    stand_on(RECEIVED + timedelta(days=11))
    assert (await read()).json()["status"] == "refused"
    assert problem(await signed("worker")) == (409, "convention_state")
    again = await drafted(RECEIVED + timedelta(days=11))
    assert again.json()["status"] == "awaiting"
    assert (await signed("worker", RECEIVED + timedelta(days=11))).status_code == 201


@pytest.mark.parametrize(
    ("after", "worker_signs", "stands"),
    [
        (0, False, ConventionStatus.AWAITING),
        (10, False, ConventionStatus.AWAITING),
        (11, False, ConventionStatus.REFUSED),
        (400, True, ConventionStatus.AWAITING),
    ],
)
def test_where_a_convention_stands_needs_a_day_and_no_job(after, worker_signs, stands):
    held = Signatures(RECEIVED, worker=RECEIVED if worker_signs else None)
    assert status_on(held, RECEIVED + timedelta(days=after)) is stands


async def test_a_party_signs_once_and_not_tomorrow(drafted, signed, stand_on):
    stand_on(RECEIVED)
    assert problem(await drafted(RECEIVED + timedelta(days=1))) == (422, "signature_date")
    await drafted()
    early, late = RECEIVED - timedelta(days=1), RECEIVED + timedelta(days=1)
    assert problem(await signed("worker", early)) == (422, "signature_date")
    assert problem(await signed("worker", late)) == (422, "signature_date")
    await signed("worker")
    assert problem(await signed("worker")) == (409, "convention_state")


async def test_the_terms_rest_sealed(app, sited, drafted, stand_on):
    stand_on(RECEIVED)
    await drafted()
    async with app.state.database.begin(sited.tenant) as session:
        row = (await session.scalars(select(Convention))).one()
    assert b"projet" not in row.terms


# ---------------------------------------------------------------- the agreement, the hours


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [("1999-12-31", "2000-03-01"), ("2100-11-01", "2101-01-01"), ("2026-11-02", "2028-12-01")],
)
async def test_a_bilan_has_days_that_a_bilan_can_have(sited, plan, starts_on, ends_on):
    body = plan(funding="CPF", starts_on=starts_on, ends_on=ends_on)
    assert problem(await sited.call("POST", "/v1/bilans", json=body)) == (422, "bilan_bounds")


async def test_an_agreement_is_given_before_it_is_recorded_and_to_this_bilan(sited, plan):
    made = await sited.made("/v1/bilans", plan(funding="CPF"))
    for agreed_on in ("2999-01-01", "2020-01-01"):
        body = {"agreed_on": agreed_on, "method": "signed_document"}
        answer = await sited.call("POST", f"/v1/bilans/{made['id']}/agreement", json=body)
        assert problem(answer) == (422, "signature_date")


async def test_the_agreement_is_an_object_of_its_own(sited, plan, agree):
    made = await sited.made("/v1/bilans", plan(funding="CPF"))
    path = f"/v1/bilans/{made['id']}/agreement"
    assert (await sited.call("GET", path)).status_code == 404
    await sited.log_in(counsellor=sited.counsellor)
    await agree(made, document_sha256="a" * 64)
    held = (await sited.call("GET", path)).json()
    assert held["id"].startswith("bag_")
    assert (held["agreed_on"], held["document_sha256"]) == ("2026-11-02", "a" * 64)
    assert held["recorded_by"] == sited.counsellor
    assert problem(await agree(made)) == (409, "bilan_not_open")


async def test_the_flag_of_public_service_loosens_nothing(sited, plan):
    made = await sited.made("/v1/bilans", plan(public_service=True))
    assert made["public_service"] is True
    body = plan(public_service=True, planned_minutes=1441)
    assert problem(await sited.call("POST", "/v1/bilans", json=body)) == (422, "bilan_bounds")


@pytest.mark.parametrize(
    ("floor", "support", "kept"), [(900, 840, False), (900, 900, True), (60, 779, False)]
)
def test_a_centre_may_raise_the_floor_and_never_lower_it(floor, support, kept):
    refusal = bounds_refusal(
        planned_minutes=1440,
        support_minutes=support,
        starts_on=RECEIVED,
        ends_on=RECEIVED,
        min_support_minutes=floor,
    )
    assert (refusal is None) is kept


async def test_an_edit_names_what_it_was_made_on(sited, funded):
    path = f"/v1/bilans/{funded['id']}"
    tag = (await sited.call("GET", path)).headers["etag"]
    change = {"ends_on": "2027-03-01", "planned_minutes": 1200}
    assert (await sited.call("PATCH", path, json=change)).status_code == 428
    edited = await sited.call("PATCH", path, json=change, headers={"If-Match": tag})
    assert (edited.json()["ends_on"], edited.json()["planned_minutes"]) == ("2027-03-01", 1200)
    stale = await sited.call("PATCH", path, json=change, headers={"If-Match": tag})
    assert problem(stale) == (412, "precondition_failed")
    tag = edited.headers["etag"]
    short = await sited.call("PATCH", path, json={"support_minutes": 60}, headers={"If-Match": tag})
    assert problem(short) == (422, "bilan_bounds")


async def test_bilans_are_listed_by_person_and_state(sited, plan, agree):
    open_, draft = [await sited.made("/v1/bilans", plan(funding="CPF")) for _ in range(2)]
    await agree(open_)
    other = (await sited.made("/v1/beneficiaries", {}))["id"]
    theirs = await sited.made("/v1/bilans", plan(funding="CPF", beneficiary=other))

    async def listed(query):
        return [b["id"] for b in (await sited.call("GET", f"/v1/bilans{query}")).json()["items"]]

    assert await listed("?status=open") == [open_["id"]]
    assert await listed(f"?beneficiary={other}") == [theirs["id"]]
    assert await listed("") == [open_["id"], draft["id"], theirs["id"]]
    first = (await sited.call("GET", "/v1/bilans?limit=2")).json()
    assert first["next"] == draft["id"]
