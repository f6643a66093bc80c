"""Every knob of the gateway."""

from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from gateway.records.rules import Retention
from gateway.witnesses.rules import Witness
from keel.settings import ServiceSettings, SettingsConfigDict

_SECOND = timedelta(seconds=1)
_POSITIVE = Field(gt=timedelta())
_ACCESS_TOKEN = Field(ge=_SECOND, le=timedelta(seconds=900))
_CONSENT_TOKEN = Field(ge=_SECOND, le=timedelta(seconds=600))
_CONSENT = Field(ge=_SECOND, le=timedelta(days=366))
_CEREMONY = Field(ge=_SECOND, le=timedelta(days=7))
_SUPPORT = Field(ge=timedelta(hours=13), le=timedelta(hours=24))
_PARTY = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,59}$")
_REFERENCE = Field(pattern=r"^[a-z][a-z0-9+.-]*:[!-~]{1,199}$")
_ORIGIN = Field(pattern=r"^[^\s+]{1,180}$")
_PAGE_SESSION = Field(ge=_SECOND, le=timedelta(minutes=15))
"""Bounds of the consent profile, sections 2 and 3: shorter is a choice, longer is not."""


def _is_a_time(kept: Retention) -> Retention:
    if kept is Retention.LEGAL_HOLD:
        raise ValueError("a legal hold is placed on a tenant (`tenant hold`)")
    return kept


class Worker(StrEnum):
    """Whether a gateway works in its own process or leaves that to `python -m gateway work`."""

    INSIDE = "inside"
    APART = "apart"


class RetentionReason(StrEnum):
    """Why records are kept for longer than a year (CNIL, délibération 2021-122)."""

    LEGAL_OBLIGATION = "legal_obligation"
    INTERNAL_CONTROL = "internal_control"
    RISK_FOR_PERSONS = "risk_for_persons"


class NamedWitness(BaseModel):
    """A witness of the log: where it is asked, and its verifier key line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(max_length=2000)]
    vkey: Annotated[str, Field(max_length=400)]

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        self.read()
        return self

    def read(self) -> Witness:
        """Return it as the log knows it."""
        return Witness.read(self.url, self.vkey)


class Settings(ServiceSettings):
    """Set by environment variables that begin with GATEWAY_."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="forbid")

    database_url: str
    keys_dir: Path
    """Folder of the signing keys and the key-encryption key (`python -m gateway keys create`)."""
    pass_jwks_file: Path = Path()
    """Where a rotation writes the public pass keys that the other services read; unset, it is
    `pass-jwks.json` in the key folder."""
    rotate_keys: bool = True
    """Whether the worker does each day what is due to the signing keys, where it can write them.
    Off where each replica writes a folder of its own: there the source is rotated."""
    public_url: str = "http://127.0.0.1:8000"
    """The origin under which beneficiaries and integrators reach the gateway."""
    provider_party: Annotated[str, _PARTY] | None = None
    """Who puts the system into service under their own name (AI Act art. 3(3)): a SIREN, or another
    identifier of a legal person; records name it. Unset, they name none."""
    classification_record: Annotated[str, _REFERENCE] | None = None
    """Where the assessment of the risk class is kept (AI Act art. 6(4)): an address, with its
    version; here and below, records refer to it, and to nothing where it is unset."""
    dpia: Annotated[str, _REFERENCE] | None = None
    """Where the data protection impact assessment is kept (GDPR art. 35)."""
    ropa: Annotated[str, _REFERENCE] | None = None
    """Where the record of processing activities is kept (GDPR art. 30)."""
    log_origin: Annotated[str, _ORIGIN] = "localhost/passerelle/log"
    """The name of the first log, that of its key too: neither space nor plus (C2SP signed-note)."""
    checkpoint_copies: Path = Path()
    """A folder outside the database, on another disk where there is one: what says at a start that
    the database was restored. Unset, nothing does."""
    checkpoint_put_url: str = ""
    """Where each checkpoint is also PUT: one object of a store that keeps its versions (https)."""
    checkpoint_put_token_file: Path = Path()
    """The bearer token that the store asks for."""
    log_opaque_kinds: bool = True
    """Whether every leaf shows the kind `r`. In a small centre, a kind and a minute tell who did
    what; a deployment whose numbers hide its people may show the kinds."""
    log_witnesses: tuple[NamedWitness, ...] = ()
    """Who cosigns the log (C2SP tlog-witness): a JSON list of `{"url", "vkey"}`."""
    log_witness_quorum: PositiveInt = 1
    """How many of them must have cosigned the checkpoint at `/log/witnessed`."""
    log_witness_interval: Annotated[timedelta, _POSITIVE] = timedelta(seconds=10)
    log_witness_loopback: bool = False
    """Development only: a witness may also be at `http://127.0.0.1:PORT`."""
    anonymizer_url: str = "http://127.0.0.1:8001"
    llm_router_url: str = "http://127.0.0.1:8002"
    labour_market_url: str = "http://127.0.0.1:8003"
    reports_url: str = "http://127.0.0.1:8004"
    operator_socket: Path | None = None
    """Where a running gateway hears the operator's verbs; only its owner can open it."""
    access_token_lifetime: Annotated[timedelta, _ACCESS_TOKEN] = timedelta(seconds=300)
    consent_token_lifetime: Annotated[timedelta, _CONSENT_TOKEN] = timedelta(seconds=600)
    consent_validity: Annotated[timedelta, _CONSENT] = timedelta(days=182)
    counsellor_attestation: bool = False
    """Whether a counsellor may attest a consent given on paper or by word of mouth."""
    ceremony_validity: Annotated[timedelta, _CEREMONY] = timedelta(days=7)
    page_session: Annotated[timedelta, _PAGE_SESSION] = timedelta(minutes=15)
    attempt_deadline: Annotated[timedelta, _POSITIVE] = timedelta(seconds=120)
    sequencer_interval: Annotated[timedelta, _POSITIVE] = timedelta(milliseconds=200)
    min_support: Annotated[timedelta, _SUPPORT] = timedelta(hours=13)
    """What effective support lasts at least: the law's floor, or a centre's higher one."""
    body_timeout: Annotated[timedelta, _POSITIVE] = timedelta(seconds=30)
    min_body_rate: NonNegativeInt = 500
    max_connections_per_peer: NonNegativeInt = 256
    """0 behind a proxy, where every connection comes from one address."""
    worker: Worker = Worker.INSIDE
    """Where sequencing, webhooks and recovery are done."""
    worker_port: int = 8009
    """Where `work` answers the probes of whoever runs it, on `host`."""
    worker_metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where `work` answers `/metrics`, beside the port of `serve`; unset, nowhere."""
    chores_interval: Annotated[timedelta, _POSITIVE] = timedelta(minutes=1)
    webhook_interval: Annotated[timedelta, _POSITIVE] = timedelta(milliseconds=500)
    destruction_delay: Annotated[timedelta, Field(ge=timedelta(), le=timedelta(days=7))] = (
        timedelta(hours=24)
    )
    """Within which a bilan's documents are destroyed once its last day is over (R6313-7)."""
    destruction_interval: Annotated[timedelta, _POSITIVE] = timedelta(seconds=1)
    """How often the worker looks for destructions to carry on with."""
    destruction_lease: Annotated[
        timedelta, Field(ge=timedelta(seconds=1), le=timedelta(minutes=10))
    ] = timedelta(seconds=60)
    """After how long another worker takes over from one that died; one that lives renews it."""
    events_kept: Annotated[timedelta, Field(ge=timedelta(days=2))] = timedelta(days=30)
    """Longer than the last retry of a delivery takes."""
    webhook_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = (443,)
    """Ports of the public Internet that events may be sent to."""
    webhook_loopback: bool = False
    """Development only: events may also be sent to `http://127.0.0.1:PORT`."""
    webhook_closed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Public networks that no event is sent to, beside those that are never public."""
    records_kept: Annotated[Retention, AfterValidator(_is_a_time)] = Retention.TWELVE_MONTHS
    """How long a record says what it says: `min_6m`, `std_12m` or `control_36m`."""
    records_kept_reason: RetentionReason | None = None
    """Why it is longer than twelve months; without it, it cannot be."""
    listen_for_withdrawals: bool = True
    """Off where the way to PostgreSQL cannot LISTEN, such as a pooler of transactions: a call in
    flight then learns of a withdrawal on another replica by asking, every quarter of a second."""
    client_requests_per_minute: NonNegativeInt = 6000
    """Of one client in one process; 0: no limit, here and below."""
    peer_requests_per_minute: NonNegativeInt = 3000
    """From one address, where no token is needed or none was valid."""
    wrong_secrets_per_client_minute: NonNegativeInt = 30
    wrong_secrets_per_peer_minute: NonNegativeInt = 120
    max_document_bytes: PositiveInt = 20 * 1024 * 1024
    max_body_bytes: PositiveInt = 1024 * 1024

    @model_validator(mode="after")
    def _longer_needs_a_reason(self) -> Self:
        if self.records_kept is Retention.THIRTY_SIX_MONTHS and self.records_kept_reason is None:
            raise ValueError("records kept for longer than 12 months need RECORDS_KEPT_REASON")
        return self

    @model_validator(mode="after")
    def _witnesses_can_be_asked(self) -> Self:
        named = [witness.read() for witness in self.log_witnesses]
        if len({witness.name for witness in named}) != len(named):
            raise ValueError("two witnesses have one name")
        if not self.log_witness_loopback and any(w.is_on_loopback() for w in named):
            raise ValueError("a witness is asked over https://, also on this machine")
        if named and self.log_witness_quorum > len(named):
            raise ValueError("more witnesses are asked for than there are")
        return self

    @field_validator("checkpoint_put_url")
    @classmethod
    def _https(cls, url: str) -> str:
        if url and not url.startswith("https://"):
            msg = "an address that begins with https://"
            raise ValueError(msg)
        return url

    def pass_jwks_or_none(self) -> Path | None:
        """Return where the public pass keys are written, unless it is the key folder."""
        return None if self.pass_jwks_file == Path() else self.pass_jwks_file
