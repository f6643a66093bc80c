"""Policy before route: nobody is offered who may not serve (deny by default)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.catalogue.rules import DataCategory, Sensitivity
from llm_router.catalogue.service import UseCases
from llm_router.deployments.rules import (
    MEMBERS_OF_THE_EEA,
    Capability,
    Deployment,
    Hosting,
    Recipient,
    Route,
    SubProcessor,
    Timeouts,
    Transfer,
    closure,
)
from llm_router.planning.rules import Rejection, Request, plan, rejection

READING = UseCases.packaged().named("cv-analysis")
TRENDS = UseCases.packaged().named("market-trends")
SECOND = timedelta(seconds=1)
LOCAL = Deployment(
    id="local",
    recipient=Recipient("rcp_local", "Le centre", "processor", ("FR",), "FR"),
    hosting=Hosting.SELF,
    base_url="http://127.0.0.1/v1",
    model="m",
    context_tokens=100_000,
    timeouts=Timeouts(SECOND, SECOND, SECOND, SECOND),
    capabilities=frozenset({Capability.STREAM}),
    retention="none",
    training_use="none",
)
UE = replace(
    LOCAL,
    id="ue",
    recipient=Recipient("rcp_ue", "Nuage", "processor", ("FR",), "FR"),
    hosting=Hosting.CLOUD,
    base_url="https://ue.example.org/v1",
    contract_reference="C",
)
TIERS = replace(
    UE,
    id="tiers",
    recipient=Recipient("rcp_tiers", "Far", "processor", ("US",), "US"),
    transfer_mechanism=Transfer.SCC,
)
EVERYBODY = frozenset({"rcp_local", "rcp_ue", "rcp_tiers"})
ASKED = Request(READING, frozenset({DataCategory.CV}), 3000, EVERYBODY)


def test_the_nearest_route_comes_first_whatever_the_order_of_the_file():
    assert [d.id for d in plan(ASKED, [TIERS, UE, LOCAL]).candidates] == ["local", "ue", "tiers"]


def test_a_deployment_that_rests_comes_last_and_stays_permitted():
    assert [d.id for d in plan(ASKED, [LOCAL, UE], resting={"local"}).candidates] == ["ue", "local"]


REJECTIONS = {
    "nothing said, so only local": (
        replace(ASKED, allowed_recipients=None),
        UE,
        Rejection.NOT_ALLOWED_RECIPIENT,
    ),
    "nobody allowed": (
        replace(ASKED, allowed_recipients=frozenset()),
        LOCAL,
        Rejection.NOT_ALLOWED_RECIPIENT,
    ),
    "another recipient": (
        replace(ASKED, allowed_recipients=frozenset({"rcp_ue"})),
        LOCAL,
        Rejection.NOT_ALLOWED_RECIPIENT,
    ),
    "another jurisdiction": (
        replace(ASKED, allowed_jurisdictions=frozenset({"EEA"})),
        TIERS,
        Rejection.JURISDICTION,
    ),
    "health leaves the building": (
        replace(ASKED, data_categories=frozenset({DataCategory.SPECIAL_HEALTH})),
        UE,
        Rejection.LOCAL_ONLY,
    ),
    "a use case that stays in": (
        replace(ASKED, use_case=replace(READING, local_only=True)),
        UE,
        Rejection.LOCAL_ONLY,
    ),
    "special categories possible, third country": (
        replace(ASKED, use_case=replace(READING, sensitivity=Sensitivity.S3)),
        TIERS,
        Rejection.THIRD_COUNTRY,
    ),
    "no stream": (ASKED, replace(LOCAL, capabilities=frozenset()), Rejection.CAPABILITY),
    "too long": (replace(ASKED, input_characters=400_000), LOCAL, Rejection.CONTEXT_LENGTH),
    "closed": (ASKED, replace(LOCAL, retention=None), Rejection.CLOSED_ROUTE),
    "no model's part": (replace(ASKED, use_case=TRENDS), LOCAL, Rejection.NOT_ASSISTED),
}


@pytest.mark.parametrize(
    ("request_", "deployment", "reason"), REJECTIONS.values(), ids=REJECTIONS.keys()
)
def test_who_may_not_serve_is_told_why(request_, deployment, reason):
    found = plan(request_, [deployment])
    assert (found.candidates, found.rejected[0].reason) == ((), reason)


def test_the_eea_covers_its_members():
    assert rejection(replace(ASKED, allowed_jurisdictions=frozenset({"EEA"})), UE) is None


countries = st.sampled_from(["FR", "DE", "IS", "EEA", "US", "CH", "GB"])
recipients = st.builds(
    Recipient,
    id=st.sampled_from(["rcp_a", "rcp_b", "rcp_c"]),
    legal_name=st.sampled_from([None, "X"]),
    role=st.sampled_from([None, "processor"]),
    jurisdictions=st.lists(countries, max_size=3).map(tuple),
    operator_home=st.one_of(st.none(), countries),
)
deployments = st.builds(
    Deployment,
    id=st.uuids().map(str),
    recipient=recipients,
    hosting=st.sampled_from(Hosting),
    base_url=st.sampled_from(
        ["http://127.0.0.1/v1", "https://x.example.org/v1", "https://10.0.0.1/v1", "http://vllm/v1"]
    ),
    model=st.just("m"),
    context_tokens=st.integers(512, 200_000),
    timeouts=st.just(LOCAL.timeouts),
    capabilities=st.frozensets(st.sampled_from(Capability)),
    retention=st.sampled_from([None, "none", "30d"]),
    training_use=st.sampled_from([None, "none", "improvement"]),
    transfer_mechanism=st.sampled_from(Transfer),
    sub_processors=st.lists(
        st.builds(
            SubProcessor, st.just("S"), st.lists(countries, min_size=1, max_size=2).map(tuple)
        ),
        max_size=1,
    ).map(tuple),
    contract_reference=st.sampled_from([None, "C"]),
)
requests = st.builds(
    Request,
    use_case=st.builds(
        lambda local, sensitivity: replace(READING, local_only=local, sensitivity=sensitivity),
        st.booleans(),
        st.sampled_from(Sensitivity),
    ),
    data_categories=st.frozensets(st.sampled_from(DataCategory)),
    input_characters=st.integers(0, 500_000),
    allowed_recipients=st.one_of(
        st.none(), st.frozensets(st.sampled_from(["rcp_a", "rcp_b", "rcp_c"]))
    ),
    allowed_jurisdictions=st.one_of(st.none(), st.frozensets(countries)),
    dpf_accepted=st.booleans(),
)


@given(requests, st.lists(deployments, max_size=8))
def test_no_forbidden_deployment_is_ever_a_candidate(request_, found):
    planned = plan(request_, found)
    assert sorted(d.id for d in found) == sorted(
        [d.id for d in planned.candidates] + [r.deployment.id for r in planned.rejected]
    )
    for d in planned.candidates:
        # Written out again, in other words than the rules themselves.
        assert d.training_use == "none"
        assert d.retention
        assert d.recipient.legal_name
        assert d.recipient.jurisdictions
        assert d.recipient.operator_home
        if request_.allowed_recipients is None:
            assert d.route is Route.LOCAL
        else:
            assert d.recipient.id in request_.allowed_recipients
        if request_.use_case.local_only or any("special" in c for c in request_.data_categories):
            assert d.hosting is Hosting.SELF
            assert d.route is Route.LOCAL
        if d.route is not Route.LOCAL:
            assert d.hosting is Hosting.CLOUD or "example" in d.base_url
        if d.route is Route.UE:
            assert {*d.recipient.jurisdictions, d.recipient.operator_home} <= MEMBERS_OF_THE_EEA | {
                "EEA"
            }
        if d.route is Route.TIERS:
            assert d.transfer_mechanism is not Transfer.NONE
            assert request_.use_case.sensitivity is not Sensitivity.S3
        if not request_.dpf_accepted and d.route is Route.TIERS:
            assert d.transfer_mechanism is not Transfer.ADEQUACY_DPF
        assert Capability.STREAM in d.capabilities
        assert closure(d, dpf_accepted=request_.dpf_accepted) is None


@given(requests, deployments)
def test_allowing_fewer_never_permits_more(request_, deployment):
    if rejection(replace(request_, allowed_recipients=frozenset()), deployment) is None:
        pytest.fail("an empty permission permitted something")
    if request_.allowed_recipients is not None and rejection(request_, deployment) is None:
        only = replace(request_, allowed_recipients=frozenset({deployment.recipient.id}))
        assert rejection(only, deployment) is None


async def test_a_plan_says_who_may_serve_and_who_may_not(routing, declared):
    near = declared("http://127.0.0.1/v1")
    closed = declared("http://127.0.0.1/v1", id="closed", training_use="improvement")
    async with routing(near, closed) as router:
        body = {
            "use_case": "cv-analysis",
            "data_categories": ["cv"],
            "input_characters": 3000,
            "allowed_recipients": ["rcp_here"],
        }
        answer = await router.client.post("/plans", json=body, headers=router.headers("plan"))
    found = answer.json()
    assert (
        found["candidates"][0]
        | {"deployment": "here", "route": "route.local", "model": "petit-modele"}
        == found["candidates"][0]
    )
    assert found["rejected"] == [
        {
            "deployment": "closed",
            "recipient": "rcp_here",
            "reason": "closed_route",
            "closure": "training_use",
        }
    ]


async def test_a_plan_for_an_unknown_category_is_refused(router):
    body = {"use_case": "cv-analysis", "data_categories": ["criminal"], "input_characters": 1}
    answer = await router.client.post("/plans", json=body, headers=router.headers("plan"))
    assert answer.status_code == 422
    assert "criminal" not in answer.text
