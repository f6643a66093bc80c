"""Which model the demo uses, decided before anything starts.

Nothing set: the scripted model. `LLM_BASE_URL` and `LLM_MODEL` (`LLM_API_KEY` where needed): that
endpoint. A loopback or private address counts as the centre's own (`route.local`); any other needs
`LLM_DEPLOYMENT`, a file with the processor's data, because the beneficiary must be told who
receives, where, how long they keep it and that nothing is trained on it.
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from demo.scripted_model.deployment import deployments_content
from demo.stops import Stop

_NAMES = ("LLM_BASE_URL", "LLM_MODEL", "LLM_API_KEY", "LLM_DEPLOYMENT")
_KEY = "LLM_API_KEY"
_TIMEOUT_S = 5.0
_REFUSED = frozenset({401, 403})
_SERVER_ERROR = 500
_CONTEXT_TOKENS = 32_768
_MAX_FILE_BYTES = 100_000
_PRIVATE_NETWORKS = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".svc")
_EXAMPLE = """{
  "recipient": {"id": "rcp_example-eu", "legal_name": "Example SAS", "role": "processor",
                "jurisdictions": ["FR"], "operator_home": "FR"},
  "retention": "30d", "training_use": "none", "contract_reference": "DPA 2026-11"
}"""
_ALLOWED = frozenset(
    {
        "recipient",
        "retention",
        "training_use",
        "transfer_mechanism",
        "sub_processors",
        "contract_reference",
        "context_tokens",
        "capabilities",
        "timeouts",
    }
)


class ModelRefused(Stop):
    """The model that the environment names cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint, and what is known of who runs it."""

    base_url: str
    model: str
    processor: Mapping[str, Any]
    api_key: str | None = field(default=None, repr=False)

    @property
    def told(self) -> str:
        """Say in one line where requests go."""
        who = self.processor["recipient"]["legal_name"]
        return f"{self.model} at {self.base_url} ({who})"

    def deployments(self) -> dict[str, Any]:
        """Return the content of the router's deployments file; the key itself is not in it."""
        deployment = {
            "context_tokens": _CONTEXT_TOKENS,
            "capabilities": ["stream"],
            **self.processor,
            "id": "configured",
            "base_url": self.base_url,
            "model": self.model,
        }
        if self.api_key:
            deployment["api_key_env"] = _KEY
        return {"deployments": [deployment]}

    def check(self) -> None:
        """Make sure that somebody answers; no data travel.

        Raises:
            ModelRefused: nobody answers, or the key is not accepted.
        """
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        try:
            answer = httpx.get(f"{self.base_url}/models", headers=headers, timeout=_TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelRefused(
                f"No model answers at LLM_BASE_URL={self.base_url} ({type(error).__name__}). "
                "Start it, correct the address (it usually ends in /v1), or unset LLM_BASE_URL "
                "to use the scripted model."
            ) from None
        if answer.status_code in _REFUSED:
            raise ModelRefused(
                f"The model at {self.base_url} answers {answer.status_code}: "
                f"{'the LLM_API_KEY is not accepted' if self.api_key else 'set LLM_API_KEY'}."
            )
        if answer.status_code >= _SERVER_ERROR:
            raise ModelRefused(
                f"The model at {self.base_url} answers {answer.status_code}: it is not ready. "
                "Try again later, or unset LLM_BASE_URL to use the scripted model."
            )


def scripted_deployments(base_url: str) -> dict[str, Any]:
    """Return the deployments file's content for the scripted model."""
    return deployments_content(base_url)


def chosen(environment: Mapping[str, str]) -> Endpoint | None:
    """Return the endpoint that the environment names; None means the scripted model.

    Raises:
        ModelRefused: something is missing, or the address needs the processor's data.
    """
    given = {name: environment.get(name, "").strip() for name in _NAMES}
    if not given["LLM_BASE_URL"]:
        if alone := [name for name in _NAMES if given[name]]:
            raise ModelRefused(
                f"{', '.join(alone)} is set without LLM_BASE_URL. Set LLM_BASE_URL "
                "(for example http://127.0.0.1:11434/v1) as well, or unset it."
            )
        return None
    base_url = _address(given["LLM_BASE_URL"])
    if not given["LLM_MODEL"]:
        raise ModelRefused("LLM_BASE_URL is set: name the model as well, LLM_MODEL=….")
    return Endpoint(
        base_url=base_url,
        model=given["LLM_MODEL"],
        processor=_processor(base_url, given["LLM_DEPLOYMENT"]),
        api_key=given[_KEY] or None,
    )


def _address(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ModelRefused(
            "LLM_BASE_URL is not an address: it begins with http:// or https:// and usually "
            "ends in /v1."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ModelRefused(
            "LLM_BASE_URL holds a user, a password, a query or a fragment. Give the plain "
            "address, and the key in LLM_API_KEY."
        )
    if parts.scheme == "http" and not is_private(base_url):
        raise ModelRefused(
            "LLM_BASE_URL goes over the open network without encryption: use https://."
        )
    return base_url.rstrip("/")


def is_private(base_url: str) -> bool:
    """Whether the host is loopback, a private address, or a name that public DNS never answers."""
    host = (urlsplit(base_url).hostname or "").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_PRIVATE_SUFFIXES))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or any(address in network for network in _PRIVATE_NETWORKS)


def _processor(base_url: str, file: str) -> Mapping[str, Any]:
    own = is_private(base_url)
    if file:
        return {"hosting": "self" if own else "cloud", **_declared(Path(file))}
    if own:
        return _OWN
    host = urlsplit(base_url).hostname
    raise ModelRefused(
        f"{host} is not on this machine or its private network: what is sent there leaves the "
        "building. Say who runs it, where, how long they keep it and that nothing is trained on "
        f"it: LLM_DEPLOYMENT=file, with a JSON file such as\n{_EXAMPLE}"
    )


_OWN: Mapping[str, Any] = {
    "recipient": {
        "id": "rcp_own-machine",
        "legal_name": "Le centre lui-même (modèle hébergé sur place)",
        "role": "processor",
        "jurisdictions": ["FR"],
        "operator_home": "FR",
    },
    "hosting": "self",
    "retention": "none",
    "training_use": "none",
    "contract_reference": "sur place",
}
"""A model that the centre runs itself: nobody else receives anything."""


def _declared(file: Path) -> Mapping[str, Any]:
    try:
        declared = json.loads(file.read_bytes()[:_MAX_FILE_BYTES])
    except OSError as error:
        raise ModelRefused(
            f"LLM_DEPLOYMENT={file}: {error.strerror or 'cannot be read'}."
        ) from None
    except (ValueError, RecursionError):
        raise ModelRefused(f"LLM_DEPLOYMENT={file} is not JSON, such as\n{_EXAMPLE}") from None
    if not isinstance(declared, dict) or not isinstance(declared.get("recipient"), dict):
        raise ModelRefused(f"LLM_DEPLOYMENT={file} does not have the shape of\n{_EXAMPLE}")
    if missing := [name for name, value in _needed(declared).items() if not value]:
        raise ModelRefused(
            f"LLM_DEPLOYMENT={file} does not say {', '.join(missing)}. Nothing is sent to somebody "
            "of whom that is unknown."
        )
    if unknown := sorted(set(declared) - _ALLOWED):
        raise ModelRefused(f"LLM_DEPLOYMENT={file}: unknown members {', '.join(unknown)}.")
    if declared["training_use"] != "none":
        raise ModelRefused(
            f"LLM_DEPLOYMENT={file}: training_use is not “none”. Passerelle sends nothing to "
            "somebody who trains on it."
        )
    return declared


def _needed(declared: Mapping[str, Any]) -> dict[str, object]:
    recipient = declared["recipient"]
    return {
        "who receives (recipient.id)": recipient.get("id"),
        "their legal name (recipient.legal_name)": recipient.get("legal_name"),
        "their role (recipient.role)": recipient.get("role"),
        "where they process (recipient.jurisdictions)": recipient.get("jurisdictions"),
        "where the operator is at home (recipient.operator_home)": recipient.get("operator_home"),
        "how long they keep it (retention)": declared.get("retention"),
        "that nothing is trained on it (training_use)": declared.get("training_use"),
        "under which contract (contract_reference)": declared.get("contract_reference"),
    }
