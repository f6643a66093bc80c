"""A deployment is described before it is used, and its route is derived, never claimed."""

import json
import re

import pytest

from llm_router.deployments.declarations import DeploymentsRefused, read_deployments
from llm_router.deployments.rules import (
    Closure,
    Route,
    closure,
    is_private,
    is_private_address,
    missing_processor_data,
)
from llm_router.deployments.service import Deployments

CLOUD = {"hosting": "cloud", "base_url": "https://api.example.org/v1", "contract_reference": "C-1"}


def read(tmp_path, *deployments, environment=None):
    file = tmp_path / "deployments.json"
    file.write_text(json.dumps({"deployments": deployments}))
    return read_deployments(file, environment or {})


@pytest.fixture
def one(tmp_path, declared):
    return lambda **changed: read(tmp_path, declared("http://127.0.0.1:8000/v1") | changed)[0]


def recipient(**changed):
    whole = {
        "id": "rcp_here",
        "legal_name": "Le centre",
        "role": "processor",
        "jurisdictions": ["FR"],
        "operator_home": "FR",
    }
    return whole | changed


ROUTES = {
    "our own machine": ({}, Route.LOCAL),
    "a private network": ({"base_url": "http://10.1.2.3:8000/v1"}, Route.LOCAL),
    "a name in the cluster": ({"base_url": "http://vllm.models.svc.cluster.local/v1"}, Route.LOCAL),
    "a cloud in France": (CLOUD, Route.UE),
    "our own, at a public address": ({"base_url": "https://ia.example.org/v1"}, Route.UE),
    "a cloud at a private address": (CLOUD | {"base_url": "https://10.0.0.1/v1"}, Route.UE),
    "processed in the EEA by an operator from elsewhere": (
        CLOUD | {"recipient": recipient(operator_home="US")},
        Route.TIERS,
    ),
    "processed elsewhere": (
        CLOUD | {"recipient": recipient(jurisdictions=["FR", "US"])},
        Route.TIERS,
    ),
    "a sub-processor elsewhere": (
        CLOUD | {"sub_processors": [{"legal_name": "X", "jurisdictions": ["US"]}]},
        Route.TIERS,
    ),
    "an operator nobody named": (CLOUD | {"recipient": recipient(operator_home=None)}, Route.TIERS),
}


@pytest.mark.parametrize(("changed", "route"), ROUTES.values(), ids=ROUTES.keys())
def test_the_route_is_derived(one, changed, route):
    assert one(**changed).route is route


TIERS = CLOUD | {"recipient": recipient(jurisdictions=["US"], operator_home="US")}
CLOSURES = {
    "whole": ({}, None),
    "no legal name": ({"recipient": {"id": "rcp_here"}}, Closure.PROCESSOR_DATA_MISSING),
    "nothing said of retention": ({"retention": None}, Closure.PROCESSOR_DATA_MISSING),
    "nothing said of training": ({"training_use": None}, Closure.PROCESSOR_DATA_MISSING),
    "a cloud without a contract": (
        CLOUD | {"contract_reference": None},
        Closure.PROCESSOR_DATA_MISSING,
    ),
    "trains on what it gets": ({"training_use": "improvement"}, Closure.TRAINING_USE),
    "outside the EEA with no mechanism": (TIERS, Closure.TRANSFER_WITHOUT_MECHANISM),
    "outside with standard clauses": (TIERS | {"transfer_mechanism": "scc_2021_914"}, None),
    "outside under the DPF": (TIERS | {"transfer_mechanism": "adequacy_dpf"}, None),
}


@pytest.mark.parametrize(("changed", "why"), CLOSURES.values(), ids=CLOSURES.keys())
def test_a_route_with_something_missing_is_closed(one, changed, why):
    assert closure(one(**changed), dpf_accepted=True) is why


def test_the_data_privacy_framework_can_be_switched_off(one):
    deployment = one(**TIERS, transfer_mechanism="adequacy_dpf")
    assert closure(deployment, dpf_accepted=False) is Closure.DPF_SWITCHED_OFF


def test_what_is_missing_is_named(one):
    found = missing_processor_data(one(recipient={"id": "rcp_here"}, retention=None))
    assert found == [
        "recipient.legal_name",
        "recipient.role",
        "recipient.jurisdictions",
        "recipient.operator_home",
        "retention",
    ]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "10.0.0.1",
        "172.31.0.1",
        "192.168.1.1",
        "[fd00::1]",
        "localhost",
        "vllm",
        "ollama.local",
        "a.svc",
        "[::ffff:10.0.0.1]",
    ],
)
def test_an_own_address_is_private(host):
    assert is_private(f"http://{host}:80/v1")


@pytest.mark.parametrize(
    "host",
    [
        "8.8.8.8",
        "169.254.169.254",
        "0.0.0.0",
        "172.32.0.1",
        "100.64.0.1",
        "[fe80::1]",
        "[2001:db8::1]",
        "api.mistral.ai",
        "10.0.0.1.example.org",
        "[::ffff:8.8.8.8]",
        "localhost.example.org",
    ],
)
def test_any_other_address_is_not(host):
    assert not is_private(f"https://{host}:80/v1")


def test_an_address_that_is_none_is_told():
    with pytest.raises(ValueError, match="example"):
        is_private_address("example.org")


WRONG = {
    "no JSON": ("{", "JSON"),
    "an unknown member": ({"modell": "x"}, "modell"),
    "no model": ({"model": ""}, "model"),
    "a recipient without prefix": ({"recipient": {"id": "mistral"}}, "recipient.id"),
    "no address": ({"base_url": "ftp://x/v1"}, "base_url"),
    "clear text to a public address": ({"base_url": "http://api.example.org/v1"}, "https"),
    "a password in the address": ({"base_url": "https://u:p@x.local/v1"}, "password"),
    "a port that is none": ({"base_url": "http://localhost:99999/v1"}, "base_url"),
    "a country that is none": (
        {"recipient": {"id": "rcp_a", "jurisdictions": ["France"]}},
        "jurisdictions",
    ),
    "an unknown capability": ({"capabilities": ["dance"]}, "capabilities"),
    "two keys": ({"api_key_env": "A", "api_key_file": "/k"}, "not both"),
    "a key that is not there": ({"api_key_env": "NOT_SET"}, "NOT_SET"),
    "an absurd time-out": ({"timeouts": {"whole_s": 0}}, "whole_s"),
}


@pytest.mark.parametrize(("changed", "where"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_stops_the_start_and_says_where(tmp_path, declared, changed, where):
    file = tmp_path / "deployments.json"
    if isinstance(changed, str):
        file.write_text(changed)
    else:
        file.write_text(json.dumps({"deployments": [declared("http://127.0.0.1/v1") | changed]}))
    with pytest.raises(DeploymentsRefused, match=where):
        read_deployments(file, {})


def test_a_message_about_a_wrong_file_does_not_repeat_its_values(tmp_path, declared):
    file = tmp_path / "deployments.json"
    file.write_text(
        json.dumps({"deployments": [declared("http://127.0.0.1/v1") | {"api_key": "sk-secret"}]})
    )
    with pytest.raises(DeploymentsRefused) as refused:
        read_deployments(file, {})
    assert "sk-secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DeploymentsRefused, match="No such file"):
        read_deployments(tmp_path / "absent.json")


def test_two_deployments_of_one_name_are_refused(tmp_path, declared):
    with pytest.raises(DeploymentsRefused, match="here"):
        read(tmp_path, declared("http://127.0.0.1/v1"), declared("http://127.0.0.1/v1"))


def test_one_recipient_is_described_in_one_way(tmp_path, declared):
    other = declared("http://127.0.0.1/v1", id="there", recipient=recipient(legal_name="Autre"))
    with pytest.raises(DeploymentsRefused, match="rcp_here"):
        read(tmp_path, declared("http://127.0.0.1/v1"), other)


def test_a_key_comes_from_the_environment_or_a_file_and_shows_nowhere(tmp_path, declared):
    (tmp_path / "key").write_text("sk-file\n")
    named = declared("http://127.0.0.1/v1", id="one", api_key_env="KEY")
    kept = declared("http://127.0.0.1/v1", id="two", api_key_file=str(tmp_path / "key"))
    found = read(tmp_path, named, kept, environment={"KEY": "sk-env"})
    assert [d.api_key for d in found] == ["sk-env", "sk-file"]
    assert "sk-" not in repr(found)


def test_without_a_file_there_is_no_model():
    assert Deployments.declared_in(None).every() == []


async def test_recipients_are_listed_with_what_is_known_of_them(routing, declared):
    near, far = (
        declared("http://127.0.0.1/v1"),
        declared("https://x.example.org/v1", id="far", hosting="cloud", retention=None),
    )
    async with routing(near, far) as router:
        answer = await router.client.get("/recipients", headers=router.headers("list_recipients"))
    (item,) = answer.json()["items"]
    # A digest of all that is declared of it: the gateway tells from it that something changed.
    assert re.fullmatch("[0-9a-f]{64}", item.pop("configuration"))
    assert [item] == [
        {
            "id": "rcp_here",
            "legal_name": "Le centre",
            "role": "processor",
            "jurisdictions": ["FR"],
            "operator_home": "FR",
            "route": "route.ue",
            "retention": None,
            "training_use": "none",
            "deployments": ["here", "far"],
        }
    ]
