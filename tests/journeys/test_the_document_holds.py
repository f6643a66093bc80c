"""What the public document says is what the platform does, whatever is sent (schemathesis).

Requests that the document allows are played against the whole platform in one process; about half
of them name things that exist. No answer is a failure of ours, and each is of a status, a type and
a shape that the document gives.
"""

import base64
import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

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
A_PART = 10_000 // PARTS
CV = Path(__file__).parents[2] / "demo" / "cv" / "gaelle-morvandeau.pdf"
IDENTIFIER = re.compile(r"([a-z]{3})_[0-7][0-9A-HJKMNP-TV-Z]{25}")
ENDS_A_STORY = re.compile(
    r"^(DELETE|PATCH /v1/consents)|(deactivation|restrictions|cancellation|sign-off|revoke)$"
)
"""Operations after which other calls about the same thing would all be refused."""
PURPOSES = ("analysis", "exploration", "drafting")


@dataclass
class Existing:
    """A platform, a centre's software, one of each thing, and what was counted."""

    url: str
    centre: Centre
    ids: dict[str, str]
    """An id that exists for each prefix."""
    spare: dict[str, str]
    """Others of the same kinds, for the operations that end a story."""
    parts: dict[str, str]
    """What else stands in a path."""
    basic: str
    counted: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def told(self) -> str:
        """Return the figures."""
        classes = ", ".join(f"{n} {of}" for of, n in sorted(self.counted.items()))
        return f"{self.counted.total()} cases: {classes}; {len(self.wrong)} operations in violation"


@pytest.fixture
def existing(new_platform, open_bilan, deployments, monkeypatch) -> Iterator[Existing]:
    """A platform without rate limits, on which one of each thing exists."""
    for quota in (
        "CLIENT_REQUESTS_PER",
        "PEER_REQUESTS_PER",
        "WRONG_SECRETS_PER_CLIENT",
        "WRONG_SECRETS_PER_PEER",
    ):
        monkeypatch.setenv(f"GATEWAY_{quota}_MINUTE", "0")
    platform = new_platform("schema", "--deployments", str(deployments)).start()
    bilan = open_bilan(platform)
    spare = _another_bilan(bilan)
    credentials = bilan.centre.credentials
    basic = f"{credentials.client_id}:{credentials.client_secret}".encode()
    found = Existing(
        platform.url,
        bilan.centre,
        *_one_of_each(bilan, spare),
        f"Basic {base64.b64encode(basic).decode()}",
    )
    yield found
    assert "unexpected_error" not in platform._log_file.read_text()


def _another_bilan(bilan):
    centre = bilan.centre
    centre.act_for(None)
    colleague, beneficiary = centre.create_counsellor(), centre.create_beneficiary()
    centre.act_for(bilan.counsellor)
    plan = {
        "beneficiary": beneficiary, "counsellor": bilan.counsellor, "funding": "CPF",
        "employer_siren": None, "planned_minutes": 1440, "support_minutes": 840,
        "starts_on": "2026-09-01", "ends_on": "2026-12-01",
    }  # fmt: skip
    made = centre.create_bilan(plan)
    centre.record_agreement(made, agreed_on="2026-09-01")
    return replace(bilan, id=made, beneficiary=beneficiary, counsellor=colleague)


def _one_of_each(bilan, spare) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    centre, soon = bilan.centre, (datetime.now(UTC) + timedelta(days=30)).date().isoformat()

    def made(path: str, **body) -> str:
        return str(centre._create(path, body)["id"])

    ids = {"bil": bilan.id, "ben": bilan.beneficiary, "usr": bilan.counsellor}
    others = {"bil": spare.id, "ben": spare.beneficiary, "usr": spare.counsellor}
    for of, about in ((ids, bilan), (others, spare)):
        of["cns"] = about.consent(*PURPOSES, asked=PURPOSES)[0]
        of["doc"] = centre.upload(about.id, CV.read_bytes())["id"]
        of["run"], of["rep"] = _drafted(centre, about.id, of["doc"])
        of["whk"] = made("/v1/webhook-endpoints", url="https://hooks.example.org/passerelle")
        of["key"] = made("/v1/api-keys", name="Essai", scopes=["bilans"])
        of["agr"] = made(
            "/v1/retention-agreements",
            bilan=about.id, scope="synthesis", reason="follow_up", until=soon,
        )  # fmt: skip
    today = datetime.now(UTC).date().isoformat()
    signed = _drafted(centre, bilan.id, ids["doc"])[1]
    names = {"beneficiary_name": "A", "organisation": "B", "counsellor_name": "C"}
    centre.sign_off(signed, names)
    share = {
        "report": signed, "version": 1, "recipient": {"kind": "cep"},
        "requested_on": today, "until": soon,
    }  # fmt: skip
    ids["shr"], others["shr"] = made("/v1/shares", **share), made("/v1/shares", **share)
    others["asg"] = made(f"/v1/bilans/{spare.id}/assignments", counsellor=spare.counsellor)
    ids["asg"] = made(f"/v1/bilans/{bilan.id}/assignments", counsellor=spare.counsellor)
    centre.act_for(None)
    third = centre.create_beneficiary()
    centre.act_for(bilan.counsellor)
    others["rst"] = made(
        f"/v1/beneficiaries/{third}/restrictions", kind="restriction", ground="accuracy_contested"
    )
    ids["rst"] = others["rst"]
    ids["rec"] = centre.records(bilan.beneficiary)[0]["id"]
    ids["evt"] = centre._get("/v1/events")["items"][0]["id"]
    blocks = [b for s in centre.report(ids["rep"])["sections"] for b in s["blocks"] if b["text"]]
    parts = {
        "block_id": blocks[0]["id"], "use_case_id": "cv-analysis",
        "code": "M1403", "level": "0", "path": "000", "purpose": "analysis",
    }  # fmt: skip
    return ids, {**ids, **others}, parts


def _drafted(centre: Centre, bilan: str, document: str) -> tuple[str, str]:
    asked = {"bilan": bilan, "mode": "computed", "document": document}
    runs = []
    for use_case in ("cv-analysis", "skills-inventory"):
        runs.append(centre.run(use_case, asked).id)
        centre.review_run(runs[-1])
    report = centre.create_report(
        {
            "bilan": bilan,
            "runs": runs,
            "circumstances": {
                "request": "Changer de métier.", "need": "Y voir clair.",
                "start": "2026-09-01", "end": "2026-12-01", "hours": 20,
            },
            "follow_up": {"offered": True},
        }
    )  # fmt: skip
    return runs[0], report["id"]


def _named(value, ids: dict[str, str]):
    """Put the ids of things that exist where a drawn value has ids of their kind."""
    if isinstance(value, dict):
        return {name: _named(member, ids) for name, member in value.items()}
    if isinstance(value, list):
        return [_named(member, ids) for member in value]
    shaped = IDENTIFIER.fullmatch(value) if isinstance(value, str) else None
    return ids.get(shaped[1], value) if shaped else value


def _about_what_exists(case, operation, existing: Existing, token: str) -> None:
    ids = existing.spare if ENDS_A_STORY.search(operation.label) else existing.ids
    path = _named(case.path_parameters or {}, ids)
    known = {n: v for n, v in existing.parts.items() if n in path}
    if "version_file" in path:  # the formats as they were drawn, of the one version there is
        known["version_file"] = f"1.{path['version_file'].rpartition('.')[2]}"
    case.path_parameters = {**path, **known}
    case.query = _named(case.query or {}, ids)
    case.body = _named(case.body, ids)
    if "if-match" in operation.headers:
        case.headers["if-match"] = "*"
    if token:
        case.headers["consent-token"] = token


def play(operation, existing: Existing, examples: int, number: int) -> int:
    """Play one operation; return how many cases it had."""
    centre, played = existing.centre, 0
    token = ""
    if "consent-token" in operation.headers:
        token = centre.draw_consent_token(existing.ids["cns"])

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
        nonlocal played
        if real:
            _about_what_exists(case, operation, existing, token)
        headers = centre._headers({})
        if real and operation.path.startswith("/oauth2/"):
            headers = {"Authorization": existing.basic}
        if operation.method == "post":
            headers["Idempotency-Key"] = secrets.token_hex(8)
        response = case.call(base_url=existing.url, headers=headers)
        played += 1
        existing.counted[f"{response.status_code // 100}xx"] += 1
        case.validate_response(response, checks=CHECKS)

    try:
        one()
    except BaseException as fault:
        if isinstance(fault, KeyboardInterrupt):
            raise
        existing.wrong.append(f"{operation.label}: {fault}"[:1500])
    return played


def everything(existing: Existing, operations, least: int, number: int) -> None:
    """Play at least so many cases; an operation with few possible ones is played less often."""
    share = -(-least // len(operations))
    fertile = [o for o in operations if play(o, existing, share, number) >= share]
    turn: Callable[[], int] = existing.counted.total
    while turn() < least and fertile and not existing.wrong:
        number += 1000
        more = -(-(least - turn()) // len(fertile))
        for operation in fertile:
            play(operation, existing, more, number)


@pytest.mark.journey
def test_the_document_holds_for_a_sample(existing):
    everything(existing, OPERATIONS, 2 * len(OPERATIONS), 1)
    assert not existing.wrong, "\n\n".join(existing.wrong)


@pytest.mark.full
@pytest.mark.journey
@pytest.mark.timeout(590)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_document_holds_for_ten_thousand_requests(existing, part):
    everything(existing, OPERATIONS[part::PARTS], A_PART, 100 + part)
    print(f"\npart {part}: {existing.told()}")  # noqa: T201 - the figures of this part
    assert not existing.wrong, "\n\n".join(existing.wrong)
    assert existing.counted.total() >= A_PART
