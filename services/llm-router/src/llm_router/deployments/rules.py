"""Where a deployment processes, under whose hand, and whether that is enough to be used."""

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

_MEMBERS = (
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
)
MEMBERS_OF_THE_EEA = frozenset(_MEMBERS.split())
_WITHIN_THE_EEA = MEMBERS_OF_THE_EEA | {"EEA"}

# Names that public DNS never answers (RFC 6761, 6762, 8375, 9476 and Kubernetes' own).
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".svc")


class Hosting(StrEnum):
    """Who runs the model: the centre itself, or somebody whom it pays."""

    SELF = "self"
    CLOUD = "cloud"


class Route(StrEnum):
    """How far data travel; always derived, never declared."""

    LOCAL = "route.local"
    UE = "route.ue"
    TIERS = "route.tiers"


class Capability(StrEnum):
    """What the upstream can do beyond answering."""

    STREAM = "stream"
    STREAM_USAGE = "stream_usage"
    JSON_SCHEMA = "json_schema"


class Transfer(StrEnum):
    """What carries data out of the EEA (GDPR art. 44 to 49)."""

    NONE = "none"
    ADEQUACY = "adequacy"
    ADEQUACY_DPF = "adequacy_dpf"
    SCC = "scc_2021_914"


class Closure(StrEnum):
    """Why a route is closed to everybody, whatever was agreed to."""

    PROCESSOR_DATA_MISSING = "processor_data_missing"
    TRAINING_USE = "training_use"
    TRANSFER_WITHOUT_MECHANISM = "transfer_without_mechanism"
    DPF_SWITCHED_OFF = "dpf_switched_off"


@dataclass(frozen=True, slots=True)
class SubProcessor:
    """Somebody whom the processor makes use of."""

    legal_name: str
    jurisdictions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who receives the data. What nobody has told us is None, and closes the route."""

    id: str
    legal_name: str | None = None
    role: str | None = None
    jurisdictions: tuple[str, ...] = ()
    operator_home: str | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for an upstream, each from the moment before it."""

    connect: timedelta
    first_token: timedelta
    between_tokens: timedelta
    whole: timedelta


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model at one address, run by one recipient."""

    id: str
    recipient: Recipient
    hosting: Hosting
    base_url: str
    model: str
    context_tokens: int
    timeouts: Timeouts
    capabilities: frozenset[Capability] = frozenset()
    retention: str | None = None
    training_use: str | None = None
    transfer_mechanism: Transfer = Transfer.NONE
    sub_processors: tuple[SubProcessor, ...] = ()
    contract_reference: str | None = None
    model_provider: str | None = None
    """Who made the model (AI Act art. 3(63)), by a code of the operator's; None: not told."""
    api_key: str | None = field(default=None, repr=False)

    @property
    def route(self) -> Route:
        """Derive how far data travel: local needs our own host at an address of our own."""
        if self.hosting is Hosting.SELF and is_private(self.base_url):
            return Route.LOCAL
        places = {*self.recipient.jurisdictions, self.recipient.operator_home or "?"}
        for sub_processor in self.sub_processors:
            places |= set(sub_processor.jurisdictions)
        return Route.UE if places <= _WITHIN_THE_EEA else Route.TIERS


def closure(deployment: Deployment, *, dpf_accepted: bool) -> Closure | None:
    """Say why nobody may use `deployment`; None when it is open.

    Sources: LR-C13 and LR-F09 (processor), LR-G01 and LR-G02 (transfer).
    """
    if missing_processor_data(deployment):
        return Closure.PROCESSOR_DATA_MISSING
    if deployment.training_use != "none":
        return Closure.TRAINING_USE
    if deployment.route is not Route.TIERS:
        return None
    if deployment.transfer_mechanism is Transfer.NONE:
        return Closure.TRANSFER_WITHOUT_MECHANISM
    if deployment.transfer_mechanism is Transfer.ADEQUACY_DPF and not dpf_accepted:
        return Closure.DPF_SWITCHED_OFF
    return None


def missing_processor_data(deployment: Deployment) -> list[str]:
    """Return what nobody has told us about who runs `deployment`, by field name.

    Whoever runs a model in-house has no contract with themselves; everything else is asked of
    them too, because a centre's own machine can keep or train as well.
    """
    recipient = deployment.recipient
    told: Mapping[str, object] = {
        "recipient.legal_name": recipient.legal_name,
        "recipient.role": recipient.role,
        "recipient.jurisdictions": recipient.jurisdictions,
        "recipient.operator_home": recipient.operator_home,
        "retention": deployment.retention,
        "training_use": deployment.training_use,
        "contract_reference": deployment.contract_reference or deployment.hosting is Hosting.SELF,
    }
    return [name for name, value in told.items() if not value]


def is_private(base_url: str) -> bool:
    """Whether the host is loopback, a private address, or a name that public DNS does not know."""
    host = (urlsplit(base_url).hostname or "").rstrip(".").lower()
    try:
        return is_private_address(host)
    except ValueError:
        is_single_label = "." not in host and bool(host)
        return is_single_label or host.endswith((*_PRIVATE_SUFFIXES, ".cluster.local"))


def is_private_address(address: str) -> bool:
    """Whether an IP address is loopback or of a private network (RFC 1918, RFC 4193).

    Link-local is neither: cloud machines find their metadata service there.

    Raises:
        ValueError: `address` is no IP address.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_loopback or any(ip in network for network in _PRIVATE_NETWORKS)


_PRIVATE_NETWORKS = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)


def are_covered(jurisdictions: Iterable[str], allowed: Iterable[str]) -> bool:
    """Whether each jurisdiction is allowed; `EEA` covers its members, never the reverse."""
    permitted = set(allowed)
    if "EEA" in permitted:
        permitted |= MEMBERS_OF_THE_EEA
    return set(jurisdictions) <= permitted


def configuration_of(group: Iterable[Deployment]) -> str:
    """SHA-256, hex, over all that is configured of some deployments, their keys left out.

    It tells that something changed (another model, another address, other terms), and not what.
    """
    told = [
        {f.name: _told(getattr(d, f.name)) for f in fields(d) if f.name != "api_key"} for d in group
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _told(value: object) -> object:
    """Return a configured value as JSON can hold it, in one order."""
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, tuple):
        return [_told(part) for part in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _told(getattr(value, f.name)) for f in fields(value)}
    return value if isinstance(value, int | float | bool | None) else str(value)
