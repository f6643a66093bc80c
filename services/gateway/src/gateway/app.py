"""The gateway's wiring, and nothing else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.datastructures import State

from gateway import figures
from gateway.api_keys import api as api_keys_api
from gateway.api_keys.service import ApiKeys
from gateway.background import Background, Part
from gateway.bilans import api as bilans_api
from gateway.bilans.service import Bilans
from gateway.configuration.service import Configuration
from gateway.consents import api as consents_api
from gateway.consents import using_api as using_consents_api
from gateway.consents import vocabulary_api
from gateway.consents.service import Consents
from gateway.contestations import api as contestations_api
from gateway.contestations.service import Contestations
from gateway.conventions import api as conventions_api
from gateway.conventions.service import Conventions
from gateway.counsellors import api as counsellors_api
from gateway.counsellors.service import Counsellors
from gateway.destruction import api as destruction_api
from gateway.destruction.carrying import Carrying
from gateway.destruction.due import JOB, DueDestructions
from gateway.destruction.keys import BilanKeys, PersonKeys
from gateway.destruction.service import Destructions
from gateway.destruction.steps import Steps
from gateway.disclosures import api as disclosures_api
from gateway.disclosures.service import Disclosures
from gateway.documents import api as documents_api
from gateway.edge import documentation
from gateway.edge.caps import BodyCap
from gateway.edge.media import DeclaredCharset
from gateway.edge.rates import RateLimits, Rates
from gateway.events import api as events_api
from gateway.events.service import Events
from gateway.explanations import api as explanations_api
from gateway.exports import api as exports_api
from gateway.exports.gathering import Gathering
from gateway.exports.register import Registers
from gateway.exports.service import Exports
from gateway.gate.admissions import Admissions
from gateway.gate.flight import InFlight
from gateway.gate.service import Gate
from gateway.gate.watch import Watch
from gateway.holds.service import Holds
from gateway.incidents import api as incidents_api
from gateway.incidents.service import Incidents
from gateway.keyring import Keyring
from gateway.links import api as links_api
from gateway.links.service import Links
from gateway.log import api as log_api
from gateway.log.opening import sequencer_of
from gateway.log.service import LogDamaged
from gateway.log.verdicts import Scope as AuditScope
from gateway.log.verdicts import Verdict, note
from gateway.market import api as market_api
from gateway.operators.api import operator_app
from gateway.operators.keys import SigningKeys
from gateway.operators.log import LogVerbs
from gateway.operators.socket import operator_socket
from gateway.pages import api as pages_api
from gateway.pages.answers import too_often
from gateway.pages.codes import Codes
from gateway.pages.service import PageSessions
from gateway.people import api as people_api
from gateway.people.service import People
from gateway.phases import api as phases_api
from gateway.phases.service import Phases
from gateway.quotas import api as quotas_api
from gateway.quotas.service import REPORTED_EVERY, Quotas
from gateway.records import api as records_api
from gateway.records import schema_api as record_schema_api
from gateway.records.ageing import Ageing
from gateway.records.appends import Appends
from gateway.records.rules import DEPLOYMENT
from gateway.records.service import Records
from gateway.reports import api as reports_api
from gateway.reports.service import Reports
from gateway.restrictions import api as restrictions_api
from gateway.restrictions.service import Restrictions
from gateway.retention import api as retention_api
from gateway.retention.service import Retentions
from gateway.runs import api as runs_api
from gateway.runs.assisted import Assisted
from gateway.runs.facts import Installation
from gateway.runs.recovery import Recovery
from gateway.runs.service import Runs
from gateway.services import ANONYMIZER, LABOUR_MARKET, LLM_ROUTER, REPORTS, Admit, Services
from gateway.settings import Settings, Worker
from gateway.shares import api as shares_api
from gateway.shares.service import Shares
from gateway.tables import Base, ContentKey, RecordKey
from gateway.tenants import api as tenants_api
from gateway.tenants.clients import Clients
from gateway.tenants.identity import Identity
from gateway.tenants.introspection import Introspection
from gateway.tenants.service import Tenants
from gateway.tenants.suspension import Suspension
from gateway.texts import api as texts_api
from gateway.webhooks import api as webhooks_api
from gateway.webhooks.addresses import Reach
from gateway.webhooks.deliveries import Deliveries
from gateway.webhooks.service import WebhookEndpoints
from gateway.witnesses import api as witnesses_api
from gateway.witnesses.service import Witnesses
from gateway.work import Pace, Work
from keel.application import Lifespan, create_service
from keel.clock import utc_now
from keel.database import Database
from keel.migrations import is_current
from keel.settings import SettingsRefused
from keel.shredding import Shredder

_TITLE = "Passerelle"
_DESCRIPTION = (
    "AI that helps a bilan de compétences without giving the beneficiary away: per-person consent, "
    "pseudonymised text, a human review of every passage, and a transparency log that anyone can "
    "check. It prepares; the counsellor interprets and signs; the beneficiary decides."
)
_OVERHEAD = 64 * 1024
"""What a multipart envelope may add to a document."""

_ROUTERS = (
    tenants_api.router,
    tenants_api.endpoints,
    api_keys_api.router,
    counsellors_api.router,
    people_api.router,
    people_api.lookups,
    restrictions_api.router,
    exports_api.router,
    links_api.router,
    bilans_api.router,
    conventions_api.router,
    shares_api.router,
    retention_api.router,
    destruction_api.router,
    phases_api.router,
    consents_api.router,
    using_consents_api.router,
    vocabulary_api.router,
    pages_api.router,
    documents_api.router,
    texts_api.router,
    runs_api.router,
    disclosures_api.router,
    market_api.router,
    reports_api.router,
    contestations_api.router,
    records_api.router,
    incidents_api.router,
    record_schema_api.router,
    quotas_api.router,
    events_api.router,
    webhooks_api.router,
    witnesses_api.router,
    log_api.router,
    documentation.router,
    explanations_api.router,
)


def build(lifespan: Lifespan) -> FastAPI:
    """Return the application with its routes; what they work with comes in the lifespan."""
    app = create_service(
        name="gateway",
        title=_TITLE,
        description=_DESCRIPTION,
        version=version("passerelle-gateway"),
        lifespan=lifespan,
    )
    for router in _ROUTERS:
        app.include_router(router)
    return app


@asynccontextmanager
async def _idle(_: FastAPI) -> AsyncIterator[None]:
    yield


def document() -> FastAPI:
    """Return the application for its document only."""
    return build(_idle)


def create_app(
    settings: Settings, transports: Mapping[str, httpx.AsyncBaseTransport] | None = None
) -> FastAPI:
    """Wire a gateway; `transports` join it to the services in one process."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _open(app, stack)
            if settings.worker is Worker.INSIDE:
                await stack.enter_async_context(app.state.work.under_way())
            elif app.state.database.is_sqlite:
                raise SettingsRefused(
                    "SQLite has one writing process: leave GATEWAY_WORKER at `inside`."
                )
            stack.push_async_callback(app.state.quotas.close)
            await stack.enter_async_context(
                app.state.background.beside(
                    Part.lasting("withdrawals", app.state.watch.run),
                    Part.every(REPORTED_EVERY, "usage", app.state.quotas.report),
                )
            )
            if settings.operator_socket is not None:
                listening = operator_socket(operator_app(app.state), settings.operator_socket)
                await stack.enter_async_context(listening)
            yield

    app = build(lifespan)
    app.add_middleware(DeclaredCharset)
    app.add_middleware(
        BodyCap,
        body_bytes=settings.max_body_bytes,
        upload_bytes=settings.max_document_bytes + _OVERHEAD,
    )
    keyring, database = Keyring.open(settings.keys_dir), Database(settings.database_url)
    _furnish(app, settings, keyring, database, transports or {})
    app.add_middleware(RateLimits, rates=app.state.rates, too_often=too_often)
    return app


def create_worker(settings: Settings) -> FastAPI:
    """Wire the work of a gateway apart from its answers; its port answers probes only."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _open(app, stack)
            await stack.enter_async_context(app.state.work.under_way())
            yield

    app = create_service(
        name="gateway",
        title=_TITLE,
        description=_DESCRIPTION,
        version=version("passerelle-gateway"),
        lifespan=lifespan,
    )
    keyring, database = Keyring.open(settings.keys_dir), Database(settings.database_url)
    _furnish(app, settings, keyring, database, {})
    return app


async def _open(app: FastAPI, stack: AsyncExitStack) -> None:
    """Open what every process of the gateway stands on, and see that it holds."""
    database: Database = app.state.database
    stack.push_async_callback(database.close)
    database.claim()
    await stack.enter_async_context(Shredder(database).at_work())
    await database.require_isolation(Base.metadata)
    await database.require_durability()
    stack.push_async_callback(app.state.services.close)
    try:
        await app.state.sequencer.start()
    except LogDamaged:
        await note(database, AuditScope.EDGE, Verdict.DAMAGED, size=0, at=utc_now())
        await app.state.incidents.tell_damage(database)
        raise
    async with database.begin(DEPLOYMENT) as session:
        await app.state.records.require_key(session, DEPLOYMENT)


def _services(
    settings: Settings, admit: Admit, transports: Mapping[str, httpx.AsyncBaseTransport]
) -> Services:
    urls = {
        ANONYMIZER: settings.anonymizer_url,
        LLM_ROUTER: settings.llm_router_url,
        LABOUR_MARKET: settings.labour_market_url,
        REPORTS: settings.reports_url,
    }
    return Services.connect(urls, admit, transports)


def _installation(settings: Settings) -> Installation:
    return Installation(
        settings.public_url.rstrip("/"),
        settings.provider_party,
        settings.classification_record,
        settings.dpia,
        settings.ropa,
    )


def _witnesses(settings: Settings, database: Database) -> Witnesses:
    return Witnesses(
        database,
        tuple(witness.read() for witness in settings.log_witnesses),
        settings.log_witness_quorum,
        settings.log_witness_interval,
    )


def _reach(settings: Settings) -> Reach:
    return Reach(
        ports=settings.webhook_ports,
        loopback=settings.webhook_loopback,
        closed=settings.webhook_closed_networks,
    )


def _furnish_ends(state: Any) -> None:  # noqa: ANN401 - the application's own
    """Make what ends bilans and erases people, of the verbs that are there."""
    people, bilans, events = state.people, state.bilans, state.events
    state.destructions = Destructions(people, bilans, state.phases, state.consents, events)
    steps = Steps(state.database, state.services, state.recovery, state.records, people)
    lease: timedelta = state.settings.destruction_lease
    state.carrying = Carrying(state.database, steps, events, lease)
    delay: timedelta = state.settings.destruction_delay
    state.due = DueDestructions(state.database, state.destructions, delay)


def _gathering(state: Any) -> Gathering:  # noqa: ANN401 - the application's own
    return Gathering(
        state.people,
        state.consents,
        state.contestations,
        state.conventions,
        state.phases,
        state.shares,
        state.retentions,
        state.records,
        state.content,
    )


def _furnish(
    app: FastAPI,
    settings: Settings,
    keyring: Keyring,
    database: Database,
    transports: Mapping[str, httpx.AsyncBaseTransport],
) -> None:
    """Make the verbs and leave them where endpoints find them."""
    state = app.state
    issuer = settings.public_url.rstrip("/")
    content = BilanKeys(keyring.kek, ContentKey)
    witnesses = _witnesses(settings, database)
    records = Records(
        PersonKeys(keyring.kek, RecordKey),
        kept=settings.records_kept,
        checkpoint=witnesses.covering,
    )
    in_flight, state.appends = InFlight(), Appends(database, records)
    events = Events(records)
    people = People(records)
    counsellors = Counsellors(records)
    bilans = Bilans(people, counsellors, events, settings.min_support)
    admissions = Admissions(database, bilans, records, keyring.passes)
    services = _services(settings, admissions.admit, transports)
    gate = Gate(database, records, keyring.passes, keyring.has_log_key)
    consents = Consents(
        records,
        events,
        keyring,
        in_flight,
        issuer,
        settings.consent_validity,
        settings.ceremony_validity,
        settings.consent_token_lifetime,
        settings.log_origin,
    )
    state.conventions, state.phases = Conventions(bilans, content), Phases(bilans, events)
    state.shares = Shares(database, services, bilans, records, Shares.questions(bilans, events))
    state.retentions = Retentions(bilans, Retentions.questions(bilans, events))
    state.restrictions = Restrictions(people, consents, events)
    deadline_ms = int(settings.attempt_deadline.total_seconds() * 1000)
    assisted = Assisted(
        database, services, gate, records, in_flight, deadline_ms, _installation(settings)
    )
    quotas = Quotas(database)
    runs = Runs(
        database, services, bilans, consents, gate, records, content, assisted, events, quotas
    )
    state.quotas, state.holds, state.incidents = quotas, Holds(records), Incidents(records, events)
    state.rates = Rates.a_minute(
        client=settings.client_requests_per_minute,
        peer=settings.peer_requests_per_minute,
        wrong_client=settings.wrong_secrets_per_client_minute,
        wrong_peer=settings.wrong_secrets_per_peer_minute,
    )
    state.settings, state.keyring, state.database = settings, keyring, database
    state.services, state.content, state.records = services, content, records
    state.tenants = Tenants(keyring.access, issuer, settings.access_token_lifetime)
    state.clients, state.suspension = Clients(), Suspension(database, consents, records)
    state.introspection = Introspection(state.tenants, consents)
    state.signing_keys = SigningKeys(database, records, keyring, settings.pass_jwks_or_none())
    state.events, state.counsellors, state.api_keys = events, counsellors, ApiKeys()
    state.webhook_endpoints = WebhookEndpoints(records, _reach(settings))
    state.people, state.bilans, state.consents, state.gate = people, bilans, consents, gate
    state.runs, state.recovery = runs, Recovery(database, records, events)
    _furnish_ends(state)
    state.reports = Reports(database, services, bilans, runs, records, events)
    state.watch = Watch(database, in_flight, listens=settings.listen_for_withdrawals)
    state.page_sessions, state.links = PageSessions(settings.page_session), Links()
    state.codes = Codes(records, events, state.webhook_endpoints)
    state.contestations = Contestations(records, events)
    state.exports, state.registers, state.identity = (
        Exports(database, services, state.appends, _gathering(state), bilans),
        Registers(database, services, records, people, bilans, issuer),
        Identity(database, bilans, records),
    )
    state.sequencer = sequencer_of(settings, database, keyring.log, records.write_genesis)
    state.log = LogVerbs(state.sequencer, records)
    state.witnesses = witnesses
    state.deliveries = Deliveries(database, state.webhook_endpoints)
    pace = Pace(
        sequencing=settings.sequencer_interval,
        webhooks=settings.webhook_interval,
        destructions=settings.destruction_interval,
        chores=settings.chores_interval,
        events_kept=settings.events_kept,
    )
    state.background, state.ageing, state.disclosures = (
        Background(),
        Ageing(database, records, state.retentions),
        Disclosures(bilans, state.incidents, records),
    )
    state.work = Work(
        database,
        state.sequencer,
        state.recovery,
        consents,
        state.deliveries,
        state.carrying,
        state.webhook_endpoints.reach,
        state.page_sessions,
        state.ageing,
        pace,
        state.background,
        state.signing_keys if settings.rotate_keys else None,
        {
            "refusals": gate.refusals.tell,
            "configuration": Configuration(database, services, records).keep_up,
            JOB: state.due.run,
        },
        may_sign=state.witnesses.require_we_are_not_behind,
        beside=(
            Part.lasting("witnesses", state.witnesses.run),
            Part("checkpoint_copies", state.sequencer.copies.send),
            Part.every(timedelta(days=1), "log_keys", state.log.forget_old_keys, at_once=True),
            Part.every(timedelta(hours=1), "log_edge", partial(_look_at_the_edge, state)),
        ),
    )
    _watch(state, settings, database)


async def _look_at_the_edge(state: Any) -> None:  # noqa: ANN401 - the application's own
    """See once an hour that what is appended to is what was signed; tell each centre if not."""
    if not await state.log.look_at_the_edge():
        await state.incidents.tell_damage(state.database)


def _watch(state: State, settings: Settings, database: Database) -> None:
    """Leave what probes and `/metrics` ask for."""

    async def migrated() -> bool:
        return await is_current("gateway", settings.database_url)

    state.readiness |= {"database": migrated, "work": state.background.is_up}
    state.measures |= {
        "log": figures.of_log(database),
        "audits": figures.of_audits(database),
        "copies": figures.of_copies(state.sequencer.copies),
        "witnesses": figures.of_witnesses(state.witnesses),
        "work": figures.of_work(state.background),
        "destructions": figures.of_destructions(database),
    }
