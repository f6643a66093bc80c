"""A centre's software: a small client of the public API, and nothing that only we could know."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from demo.stops import Stop

_TIMEOUT = httpx.Timeout(200.0, connect=10.0)
_CREATED = 201
_ACCEPTED = 202
_FIRST_REFUSAL = 400
_RENEW_BEFORE_S = 30.0
_PROOF_TRIES = 50
_MOST_PAGES = 100
_PAGE = 200


class Refused(Stop):
    """The platform said no, in a problem document (RFC 9457)."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        """Keep the document as it came."""
        self.status = status
        self.document = dict(document)
        super().__init__(f"The platform refused ({status} {self.code}): {self.told}")

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Read the problem that a response carries."""
        try:
            document = response.json()
        except ValueError:
            document = {}
        return cls(response.status_code, document if isinstance(document, dict) else {})

    @property
    def code(self) -> str:
        """Return the code that programs branch on."""
        return str(self.document.get("code", "unknown"))

    @property
    def told(self) -> str:
        """Return what a person needs to read: what happened, and what to do."""
        title = str(self.document.get("title", "The platform refused"))
        detail = str(self.document.get("detail") or "").strip()
        missing = ", ".join(map(str, self.document.get("missing") or ()))
        wrong = "; ".join(map(_fault, self.document.get("errors") or ()))
        told = [f"{title}.", detail, missing and f"Missing: {missing}.", wrong and f"{wrong}."]
        return " ".join(part for part in told if part)


def _fault(error: object) -> str:
    if not isinstance(error, dict):
        return str(error)
    return f"{error.get('at', '')}: {error.get('why', '')}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the operator hands to a centre's software, once."""

    tenant: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """A use case that was run: its envelope, restored for the caller."""

    id: str
    use_case: str
    mode: str
    record: str
    envelope: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def result(self) -> Mapping[str, Any]:
        """Return what the use case is about."""
        found: Mapping[str, Any] = self.envelope["result"]
        return found

    @classmethod
    def of(cls, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Self:
        """Read the body of a run that succeeded."""
        return cls(
            id=body["id"],
            use_case=body["use_case"],
            mode=body["mode"],
            record=body["record"],
            envelope=body["envelope"],
            headers=headers or {},
        )


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came while a run was under way."""

    run: Run
    pieces: tuple[str, ...]
    first_piece_ms: int | None


@dataclass(slots=True)
class Centre:
    """The centre's software. Each creating call has an idempotency key of its own."""

    http: httpx.Client
    credentials: Credentials
    counsellor: str | None = None
    _token: str = field(default="", repr=False)
    _renew_at: float = 0.0

    @classmethod
    def at(cls, url: str, credentials: Credentials) -> Self:
        """Return the software of a centre, pointed at a platform."""
        return cls(httpx.Client(base_url=url, timeout=_TIMEOUT, trust_env=False), credentials)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    # ------------------------------------------------------------------ who calls

    def draw_access_token(self) -> Mapping[str, Any]:
        """Draw an access token; from then on it is renewed before it ends."""
        form = {"grant_type": "client_credentials"}
        if self.counsellor:
            form["counsellor"] = self.counsellor
        basic = (self.credentials.client_id, self.credentials.client_secret)
        response = self.http.post("/oauth2/token", data=form, auth=basic)
        if response.status_code >= _FIRST_REFUSAL:
            raise Refused.of(response)
        drawn: Mapping[str, Any] = response.json()
        self._token = drawn["access_token"]
        self._renew_at = time.monotonic() + drawn["expires_in"] - _RENEW_BEFORE_S
        return drawn

    def act_for(self, counsellor: str | None) -> None:
        """Make the next calls on behalf of a counsellor; None: of the centre alone."""
        self.counsellor = counsellor
        self._renew_at = 0.0

    # ------------------------------------------------------------------ people and bilans

    def create_counsellor(self) -> str:
        """Create a counsellor, who accepts the secrecy notice, and return its id."""
        counsellor = str(self._create("/v1/counsellors", {})["id"])
        shown = self._get("/v1/secrecy-notice")
        accepted = {"notice_version": shown["version"]}
        self._create(f"/v1/counsellors/{counsellor}/secrecy-acceptances", accepted)
        return counsellor

    def create_beneficiary(self) -> str:
        """Create a beneficiary, who has no name here, and return its id."""
        return str(self._create("/v1/beneficiaries", {})["id"])

    def create_bilan(self, plan: Mapping[str, Any]) -> str:
        """Create a bilan and return its id."""
        return str(self._create("/v1/bilans", plan)["id"])

    def bilan(self, bilan: str) -> Mapping[str, Any]:
        """Return a bilan as it stands."""
        return self._get(f"/v1/bilans/{bilan}")

    def record_agreement(self, bilan: str, *, agreed_on: str) -> Mapping[str, Any]:
        """Record the worker's agreement to the bilan itself, which opens it."""
        body = {"agreed_on": agreed_on, "method": "signed_document"}
        return self._create(f"/v1/bilans/{bilan}/agreement", body)

    # ------------------------------------------------------------------ consent

    def recipients(self) -> Sequence[Mapping[str, Any]]:
        """Return who may receive pseudonymised text."""
        return _items(self._get("/v1/recipients"))

    def request_consent(self, bilan: str, grants: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Ask the beneficiary; the answer holds the one-time link."""
        return self._create("/v1/consents", {"bilan": bilan, "grants": list(grants)})

    def consent(self, consent: str) -> Mapping[str, Any]:
        """Return a consent as it stands."""
        return self._get(f"/v1/consents/{consent}")

    def consent_receipt(self, consent: str) -> Mapping[str, Any]:
        """Return the person's signed proof."""
        return self._get(f"/v1/consents/{consent}/receipt")

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """Return the keys that verify receipts; anybody may read them."""
        response = self.http.get("/.well-known/jwks.json")
        if response.status_code >= _FIRST_REFUSAL:
            raise Refused.of(response)
        keys: Sequence[Mapping[str, str]] = response.json()["keys"]
        return keys

    def draw_consent_token(self, consent: str) -> str:
        """Draw what shows that the person allowed a call."""
        return str(self._create(f"/v1/consents/{consent}/token", None)["consent_token"])

    # ------------------------------------------------------------------ documents and text

    def upload(self, bilan: str, content: bytes) -> Mapping[str, Any]:
        """Hand in a CV; the file's own name stays here."""
        response = self._send(
            "POST",
            "/v1/documents",
            data={"bilan": bilan},
            files={"file": ("cv", content, "application/octet-stream")},
        )
        found: Mapping[str, Any] = response.json()
        return found

    def pseudonymised(self, document: str) -> str:
        """Return the text as a model would see it."""
        return str(self._get(f"/v1/documents/{document}/pseudonymised")["text"])

    def findings(self, document: str) -> Mapping[str, Any]:
        """Return what was masked, removed or found hidden."""
        return self._get(f"/v1/documents/{document}/findings")

    def restore(self, bilan: str, value: object) -> Any:  # noqa: ANN401 - any JSON value
        """Return a JSON value with the person's own words instead of surrogates."""
        return self._create("/v1/restorations", {"bilan": bilan, "value": value})["value"]

    # ------------------------------------------------------------------ runs

    def run(
        self, use_case: str, asked: Mapping[str, Any], *, consent_token: str | None = None
    ) -> Run:
        """Run a use case to its end."""
        headers = {"Consent-Token": consent_token} if consent_token else {}
        path = f"/v1/use-cases/{use_case}/runs"
        response = self._send("POST", path, json=dict(asked), headers=headers)
        return Run.of(response.json(), response.headers)

    def refusal(
        self, use_case: str, asked: Mapping[str, Any], *, consent_token: str
    ) -> Refused | None:
        """Run a use case that should be refused; return the refusal, None when it went through."""
        try:
            self.run(use_case, asked, consent_token=consent_token)
        except Refused as refusal:
            return refusal
        return None

    def run_streaming(
        self, use_case: str, asked: Mapping[str, Any], *, consent_token: str
    ) -> Streamed:
        """Run a use case and listen while it works.

        Raises:
            Refused: the platform said no, before or within the stream.
        """
        began, first, pieces = time.perf_counter(), None, []
        headers = {"Accept": "text/event-stream", "Consent-Token": consent_token}
        request = self.http.build_request(
            "POST",
            f"/v1/use-cases/{use_case}/runs",
            json=dict(asked),
            headers=self._headers({**headers, **_fresh_key()}),
        )
        response = self.http.send(request, stream=True)
        try:
            if response.status_code >= _FIRST_REFUSAL:
                response.read()
                raise Refused.of(response)
            for name, data in _events(response.iter_lines()):
                if name == "delta":
                    first = first or round((time.perf_counter() - began) * 1000)
                    pieces.append(str(data["text"]))
                elif name == "restart":
                    pieces.clear()
                elif name == "result":
                    return Streamed(Run.of(data, response.headers), tuple(pieces), first)
                elif name == "problem":
                    raise Refused(int(data.get("status", 0)), data)
        finally:
            response.close()
        raise Refused(0, {"code": "broken_stream", "title": "The stream ended without a result"})

    def review_run(self, run: str, *, decision: str = "accepted", reason: str = "verified") -> None:
        """Tell that the counsellor looked at a result and what they decided."""
        self._create(f"/v1/runs/{run}/review", {"decision": decision, "reason": reason})

    def find_occupation(self, words: str) -> Mapping[str, Any] | None:
        """Return the first occupation that some words lead to."""
        found = _items(self._get("/v1/occupations", query=words, limit=1))
        return found[0] if found else None

    # ------------------------------------------------------------------ reports

    def create_report(self, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Draft a report from runs that were accepted."""
        return self._create("/v1/reports", content)

    def report(self, report: str) -> Mapping[str, Any]:
        """Return a report with the person's own words."""
        return self._get(f"/v1/reports/{report}")

    def review_block(self, report: str, block: str, review: Mapping[str, Any]) -> None:
        """Tell what the counsellor decided about one passage."""
        self._create(f"/v1/reports/{report}/blocks/{block}/review", review)

    def sign_off(self, report: str, identity: Mapping[str, str]) -> Mapping[str, Any]:
        """Sign a report: its files are sealed."""
        return self._create(f"/v1/reports/{report}/sign-off", {"identity": dict(identity)})

    def report_file(self, report: str, version: int, kind: str) -> bytes:
        """Return a rendering: pdf, docx, html or json."""
        return self._send("GET", f"/v1/reports/{report}/versions/{version}.{kind}").content

    # ------------------------------------------------------------------ transparency

    def records(self, beneficiary: str) -> list[Mapping[str, Any]]:
        """Return every record about a person, oldest first."""
        found: list[Mapping[str, Any]] = []
        after: str | None = None
        for _ in range(_MOST_PAGES):
            asked = {"beneficiary": beneficiary, "limit": _PAGE}
            page = self._get("/v1/records", **asked, **({"after": after} if after else {}))
            found += _items(page)
            after = page.get("next")
            if not after:
                break
        return found

    def record_receipt(self, record: str) -> Mapping[str, Any]:
        """Return the proof of a record, once it is in a checkpoint."""
        for _ in range(_PROOF_TRIES):
            response = self._send("GET", f"/v1/records/{record}/receipt")
            if response.status_code != _ACCEPTED:
                found: Mapping[str, Any] = response.json()
                return found
            time.sleep(0.2)
        raise Refused(_ACCEPTED, {"code": "not_in_log", "title": "The record has no checkpoint"})

    def log_text(self, name: str) -> str:
        """Return `checkpoint` or `vkey` of the public log; nobody is asked who they are."""
        response = self.http.get(f"/log/{name}")
        if response.status_code >= _FIRST_REFUSAL:
            raise Refused.of(response)
        return response.text

    def log_proof(self, kind: str, **asked: int) -> Mapping[str, Any]:
        """Return an `inclusion` or a `consistency` proof of the public log."""
        response = self.http.get(f"/log/proof/{kind}", params=asked)
        if response.status_code >= _FIRST_REFUSAL:
            raise Refused.of(response)
        found: Mapping[str, Any] = response.json()
        return found

    # ------------------------------------------------------------------ the wire

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        if time.monotonic() >= self._renew_at:
            self.draw_access_token()
        return {"Authorization": f"Bearer {self._token}", **more}

    def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        **content: Any,  # noqa: ANN401 - what httpx takes
    ) -> httpx.Response:
        more = {**(headers or {}), **(_fresh_key() if method == "POST" else {})}
        response = self.http.request(method, path, headers=self._headers(more), **content)
        if response.status_code >= _FIRST_REFUSAL:
            raise Refused.of(response)
        return response

    def _create(self, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        content: dict[str, Any] = {} if body is None else {"json": dict(body)}
        found: Mapping[str, Any] = self._send("POST", path, **content).json()
        return found

    def _get(self, path: str, **asked: object) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._send("GET", path, params=asked or None).json()
        return found


def _fresh_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def _items(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = answer["items"]
    return found


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read server-sent events as name and JSON data."""
    name, data = "message", []
    for line in lines:
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield name, json.loads("\n".join(data))
            name, data = "message", []
