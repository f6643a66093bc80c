"""What leaves the building is decided before anything starts, and said when it is refused."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from demo.models import ModelRefused, chosen, is_private, scripted_deployments

LOCAL = {"LLM_BASE_URL": "http://127.0.0.1:11434/v1", "LLM_MODEL": "mistral"}
CLOUD = {"LLM_BASE_URL": "https://api.example.org/v1", "LLM_MODEL": "large"}
PROCESSOR = {
    "recipient": {
        "id": "rcp_example-eu",
        "legal_name": "Example SAS",
        "role": "processor",
        "jurisdictions": ["FR"],
        "operator_home": "FR",
    },
    "retention": "30d",
    "training_use": "none",
    "contract_reference": "DPA 2026-11",
}


@pytest.fixture
def deployment_file(tmp_path):
    def write(content):
        file = tmp_path / "deployment.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return {**CLOUD, "LLM_DEPLOYMENT": str(file)}

    return write


def test_without_any_variable_the_scripted_model_plays():
    assert chosen({}) is None
    assert chosen({"LLM_BASE_URL": " "}) is None


def test_the_scripted_model_is_named_for_what_it_is():
    deployment = scripted_deployments("http://127.0.0.1:1/v1")["deployments"][0]
    assert deployment["recipient"]["id"] == "rcp_demo"
    assert "pas un modèle" in deployment["recipient"]["legal_name"]


@pytest.mark.parametrize("name", ["LLM_MODEL", "LLM_API_KEY", "LLM_DEPLOYMENT"])
def test_a_variable_without_an_address_is_refused_and_named(name):
    with pytest.raises(ModelRefused, match=name):
        chosen({name: "something"})


def test_an_address_without_a_model_is_refused():
    with pytest.raises(ModelRefused, match="LLM_MODEL"):
        chosen({"LLM_BASE_URL": LOCAL["LLM_BASE_URL"]})


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8000/v1",
        "http://localhost:11434/v1",
        "http://[::1]:8000/v1",
        "http://10.1.2.3/v1",
        "http://172.31.0.9/v1",
        "http://192.168.1.20:8000/v1",
        "http://[fd00::1]/v1",
        "http://gpu/v1",
        "http://gpu.internal/v1",
    ],
)
def test_loopback_and_private_addresses_count_as_the_centres_own(address):
    endpoint = chosen({**LOCAL, "LLM_BASE_URL": address})
    deployment = endpoint.deployments()["deployments"][0]
    assert deployment["hosting"] == "self"
    assert deployment["base_url"] == address


@pytest.mark.parametrize(
    "address",
    [
        "https://api.example.org/v1",
        "https://172.32.0.1/v1",
        "https://169.254.169.254/v1",
        "https://8.8.8.8/v1",
        "https://localhost.example.org/v1",
    ],
)
def test_any_other_address_needs_to_say_who_receives(address):
    assert not is_private(address)
    with pytest.raises(ModelRefused, match="LLM_DEPLOYMENT"):
        chosen({**CLOUD, "LLM_BASE_URL": address})


def test_a_declared_processor_opens_the_way(deployment_file):
    endpoint = chosen({**deployment_file(PROCESSOR), "LLM_API_KEY": "sk-1234"})
    deployment = endpoint.deployments()["deployments"][0]
    assert deployment["hosting"] == "cloud"
    assert deployment["recipient"]["legal_name"] == "Example SAS"
    assert deployment["api_key_env"] == "LLM_API_KEY"


def test_the_key_is_in_no_text_that_the_demo_writes(deployment_file):
    endpoint = chosen({**deployment_file(PROCESSOR), "LLM_API_KEY": "sk-1234"})
    assert "sk-1234" not in json.dumps(endpoint.deployments()) + repr(endpoint) + endpoint.told


@pytest.mark.parametrize("missing", ["retention", "training_use", "contract_reference"])
def test_a_processor_of_whom_something_is_unknown_is_refused(deployment_file, missing):
    declared = {k: v for k, v in PROCESSOR.items() if k != missing}
    with pytest.raises(ModelRefused, match=missing):
        chosen(deployment_file(declared))


@pytest.mark.parametrize("missing", ["id", "legal_name", "role", "jurisdictions", "operator_home"])
def test_a_recipient_of_whom_something_is_unknown_is_refused(deployment_file, missing):
    recipient = {k: v for k, v in PROCESSOR["recipient"].items() if k != missing}
    with pytest.raises(ModelRefused, match=missing):
        chosen(deployment_file({**PROCESSOR, "recipient": recipient}))


def test_a_processor_that_trains_on_data_is_refused(deployment_file):
    with pytest.raises(ModelRefused, match="training_use"):
        chosen(deployment_file({**PROCESSOR, "training_use": "opt_out"}))


@pytest.mark.parametrize(
    "content", ["no JSON", "[]", '{"recipient": "Example"}', '{"recipient": {}, "x": 1}']
)
def test_a_file_of_another_shape_is_refused(deployment_file, content):
    with pytest.raises(ModelRefused, match=r"deployment\.json"):
        chosen(deployment_file(content))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelRefused, match="No such file"):
        chosen({**CLOUD, "LLM_DEPLOYMENT": str(tmp_path / "none.json")})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8000",
        "ftp://127.0.0.1/v1",
        "http://",
        "http://127.0.0.1:port/v1",
        "https://me:secret@api.example.org/v1",
        "http://127.0.0.1/v1?key=1",
        "http://api.example.org/v1",
    ],
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ModelRefused, match="LLM_BASE_URL"):
        chosen({**LOCAL, "LLM_BASE_URL": address})


def test_a_secret_in_the_address_is_not_repeated():
    with pytest.raises(ModelRefused) as refusal:
        chosen({**LOCAL, "LLM_BASE_URL": "http://me:s3cret@127.0.0.1/v1"})
    assert "s3cret" not in str(refusal.value)


@pytest.fixture
def answering():
    servers = []

    def serve(status):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return chosen({**LOCAL, "LLM_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1"})

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [200, 404, 405])
def test_a_model_that_answers_is_used(answering, status):
    answering(status).check()


@pytest.mark.parametrize(
    ("status", "said"), [(401, "LLM_API_KEY"), (403, "LLM_API_KEY"), (503, "not ready")]
)
def test_a_model_that_refuses_is_told(answering, status, said):
    endpoint = answering(status)
    with pytest.raises(ModelRefused, match=said):
        endpoint.check()


def test_a_dead_address_is_told_before_anything_starts():
    endpoint = chosen({**LOCAL, "LLM_BASE_URL": "http://127.0.0.1:9/v1"})
    with pytest.raises(ModelRefused, match="No model answers"):
        endpoint.check()
