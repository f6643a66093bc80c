"""What an endpoint may ask for: the verbs, as the application made them."""

from typing import Annotated

from fastapi import Depends, Request

from gateway.bilans.service import Bilans
from gateway.consents.service import Consents
from gateway.gate.service import Gate
from gateway.pages.service import PageSessions
from gateway.people.service import People
from gateway.records.service import Records
from gateway.runs.service import Runs
from gateway.services import Services
from gateway.tenants.service import Tenants
from keel.database import Database


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _tenants(request: Request) -> Tenants:
    tenants: Tenants = request.app.state.tenants
    return tenants


def _people(request: Request) -> People:
    people: People = request.app.state.people
    return people


def _bilans(request: Request) -> Bilans:
    bilans: Bilans = request.app.state.bilans
    return bilans


def _consents(request: Request) -> Consents:
    consents: Consents = request.app.state.consents
    return consents


def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


def _records(request: Request) -> Records:
    records: Records = request.app.state.records
    return records


def _runs(request: Request) -> Runs:
    runs: Runs = request.app.state.runs
    return runs


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _page_sessions(request: Request) -> PageSessions:
    sessions: PageSessions = request.app.state.page_sessions
    return sessions


DatabaseDep = Annotated[Database, Depends(_database)]
TenantsDep = Annotated[Tenants, Depends(_tenants)]
PeopleDep = Annotated[People, Depends(_people)]
BilansDep = Annotated[Bilans, Depends(_bilans)]
ConsentsDep = Annotated[Consents, Depends(_consents)]
GateDep = Annotated[Gate, Depends(_gate)]
RecordsDep = Annotated[Records, Depends(_records)]
RunsDep = Annotated[Runs, Depends(_runs)]
ServicesDep = Annotated[Services, Depends(_services)]
PageSessionsDep = Annotated[PageSessions, Depends(_page_sessions)]
