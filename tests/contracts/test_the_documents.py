"""The committed OpenAPI documents are those of the code, and a generated client can be made of them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMITTED = {
    "gateway": ROOT / "services/gateway/src/gateway/openapi.json",
    "anonymizer": ROOT / "services/anonymizer/openapi.json",
    "llm_router": ROOT / "services/llm-router/openapi.json",
    "labour_market": ROOT / "services/labour-market/openapi.json",
    "reports": ROOT / "services/reports/openapi.json",
}


@pytest.mark.parametrize("package", COMMITTED)
def test_the_committed_document_is_current(package):
    printed = subprocess.run(
        [sys.executable, "-m", package, "openapi"], capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout) == json.loads(COMMITTED[package].read_text()), (
        "run `make openapi` and review what changed"
    )


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_an_integrator_sees_one_document_without_seams():
    document = json.loads(COMMITTED["gateway"].read_text())
    text = json.dumps(document)
    assert "x-schema" not in text
    assert "HTTPValidationError" not in text
    for name, operation in operations(document):
        assert operation.get("summary"), name
        assert operation["responses"]["4XX"]["content"].keys() == {"application/problem+json"}, name
        if name == "POST /oauth2/revoke":  # nothing at all (RFC 7009, section 2.2)
            assert "content" not in operation["responses"]["200"]
        elif not (
            " /log/" in name and name.endswith(("/checkpoint", "/witnessed", "/vkey", "/{path}"))
        ):
            succeeded = [r for code, r in operation["responses"].items() if code in {"200", "201"}]
            assert all("content" in r for r in succeeded), f"{name} does not say what it answers"


INSIDE = ["anonymizer", "llm_router", "labour_market", "reports"]
NOT_ASKED_YET = {
    "livez", "readyz", "observe", "agree", "list_files",
    "render_transparency_report",
}  # fmt: skip
"""Probes, and what the closing of a bilan and the beneficiary's own pages will ask."""


def offered(package):
    document = json.loads(COMMITTED[package].read_text())
    return {operation["operationId"] for _, operation in operations(document)}


def gateway_source():
    source = (ROOT / "services/gateway/src/gateway").rglob("*.py")
    return "\n".join(path.read_text() for path in source)


def test_the_gateway_asks_only_for_operations_that_exist():
    asked = re.findall(r'"([a-z_]+)",\s*"(?:GET|POST|PATCH|DELETE)"', gateway_source())
    assert len(asked) > 15
    assert set(asked) <= set().union(*(offered(package) for package in INSIDE))


@pytest.mark.parametrize("package", INSIDE)
def test_each_operation_of_a_service_is_asked_for_or_on_the_written_list(package):
    source = gateway_source()
    assert {op for op in offered(package) if f'"{op}"' not in source} <= NOT_ASKED_YET


def test_a_client_is_generated_without_a_warning(tmp_path):
    done = subprocess.run(
        [
            Path(sys.executable).parent / "openapi-python-client",
            "generate",
            "--path",
            COMMITTED["gateway"],
            "--output-path",
            tmp_path / "client",
            "--meta",
            "none",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Unable" not in done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
