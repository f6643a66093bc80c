"""What the public document says is what the platform does, whatever is sent (schemathesis).

Requests that the document allows are played against the whole platform in one process; ids are often
those of things that exist. No answer is a failure of ours, and each is of a status, a type and a
shape that the document gives.
"""

import json
import os
import secrets
from collections.abc import Iterator
from importlib.resources import files

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from demo.centre import Centre

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
PUBLIC = json.loads(files("gateway").joinpath("openapi.json").read_text("utf-8"))
SCHEMA = schemathesis.openapi.from_dict(PUBLIC)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
PARTS = 8


@pytest.fixture
def existing(new_platform, open_bilan) -> Iterator[tuple[str, Centre, dict[str, str]]]:
    """A platform without rate limits: its URL, a centre's software, and ids that exist."""
    quotas = (
        "CLIENT_REQUESTS_PER",
        "PEER_REQUESTS_PER",
        "WRONG_SECRETS_PER_CLIENT",
        "WRONG_SECRETS_PER_PEER",
    )
    unlimited = {f"GATEWAY_{name}_MINUTE": "0" for name in quotas}
    os.environ.update(unlimited)
    try:
        platform = new_platform("schema").start()
    finally:
        for name in unlimited:
            del os.environ[name]
    bilan = open_bilan(platform)
    ids = {
        "bilan_id": bilan.id,
        "beneficiary_id": bilan.beneficiary,
        "counsellor_id": bilan.counsellor,
        "use_case_id": "cv-analysis",
    }
    yield platform.url, bilan.centre, ids
    assert '"unexpected_error"' not in platform.log()


def play(operation, existing, examples: int, number: int) -> None:
    url, centre, ids = existing
    headers = {"Authorization": f"Bearer {centre.draw_access_token()['access_token']}"}

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=st.booleans())
    def one(case, real: bool) -> None:  # noqa: FBT001 - drawn
        # The counsellor who calls stays in office: without one every other answer would be a 401.
        ends_the_story = "deactivat" in operation.label or operation.method == "delete"
        if real and not ends_the_story:
            known = {n: ids[n] for n in case.path_parameters or {} if n in ids}
            case.path_parameters = {**(case.path_parameters or {}), **known}
        given_headers = dict(headers)
        if operation.method == "post":
            given_headers["Idempotency-Key"] = secrets.token_hex(8)
        case.call_and_validate(base_url=url, headers=given_headers, checks=CHECKS)

    one()


def everything(existing, operations, examples: int, number: int) -> None:
    wrong = []
    for operation in operations:
        try:
            play(operation, existing, examples, number)
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt):
                raise
            wrong.append(f"{operation.label}: {fault}"[:1500])
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.journey
def test_the_document_holds_for_a_sample(existing):
    everything(existing, OPERATIONS, 2, 1)


@pytest.mark.full
@pytest.mark.journey
@pytest.mark.timeout(590)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_document_holds_for_ten_thousand_requests(existing, part):
    everything(existing, OPERATIONS[part::PARTS], 10_000 // len(OPERATIONS) + 1, 100 + part)
