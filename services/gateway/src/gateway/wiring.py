"""What an endpoint may ask for: the verbs, as the application made them."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from gateway.api_keys.service import ApiKeys
from gateway.bilans.service import Bilans
from gateway.consents.service import Consents
from gateway.contestations.service import Contestations
from gateway.conventions.service import Conventions
from gateway.counsellors.service import Counsellors
from gateway.destruction.service import Destructions
from gateway.disclosures.service import Disclosures
from gateway.exports.register import Registers
from gateway.exports.service import Exports
from gateway.incidents.service import Incidents
from gateway.links.service import Links
from gateway.pages.codes import Codes
from gateway.pages.service import PageSessions
from gateway.people.service import People
from gateway.phases.service import Phases
from gateway.quotas.service import Quotas
from gateway.records.appends import Appends
from gateway.records.service import Records
from gateway.reports.service import Reports
from gateway.restrictions.service import Restrictions
from gateway.retention.service import Retentions
from gateway.runs.service import Runs
from gateway.services import Services
from gateway.shares.service import Shares
from gateway.tenants.introspection import Introspection
from gateway.tenants.service import Tenants
from gateway.webhooks.service import WebhookEndpoints
from gateway.witnesses.service import Witnesses
from keel.database import Database


def _made(name: str) -> Callable[[Request], Any]:
    """Return a dependency that finds what the application made under `name`."""

    def find(request: Request) -> Any:  # noqa: ANN401 - the annotation beside it gives the type
        return getattr(request.app.state, name)

    return find


DatabaseDep = Annotated[Database, Depends(_made("database"))]
TenantsDep = Annotated[Tenants, Depends(_made("tenants"))]
ApiKeysDep = Annotated[ApiKeys, Depends(_made("api_keys"))]
IntrospectionDep = Annotated[Introspection, Depends(_made("introspection"))]
ConventionsDep = Annotated[Conventions, Depends(_made("conventions"))]
DisclosuresDep = Annotated[Disclosures, Depends(_made("disclosures"))]
IncidentsDep = Annotated[Incidents, Depends(_made("incidents"))]
RegistersDep = Annotated[Registers, Depends(_made("registers"))]
ExportsDep = Annotated[Exports, Depends(_made("exports"))]
SharesDep = Annotated[Shares, Depends(_made("shares"))]
RetentionsDep = Annotated[Retentions, Depends(_made("retentions"))]
PhasesDep = Annotated[Phases, Depends(_made("phases"))]
DestructionsDep = Annotated[Destructions, Depends(_made("destructions"))]
CounsellorsDep = Annotated[Counsellors, Depends(_made("counsellors"))]
PeopleDep = Annotated[People, Depends(_made("people"))]
BilansDep = Annotated[Bilans, Depends(_made("bilans"))]
ConsentsDep = Annotated[Consents, Depends(_made("consents"))]
QuotasDep = Annotated[Quotas, Depends(_made("quotas"))]
AppendsDep = Annotated[Appends, Depends(_made("appends"))]
RecordsDep = Annotated[Records, Depends(_made("records"))]
RestrictionsDep = Annotated[Restrictions, Depends(_made("restrictions"))]
RunsDep = Annotated[Runs, Depends(_made("runs"))]
ReportsDep = Annotated[Reports, Depends(_made("reports"))]
ServicesDep = Annotated[Services, Depends(_made("services"))]
LinksDep = Annotated[Links, Depends(_made("links"))]
CodesDep = Annotated[Codes, Depends(_made("codes"))]
ContestationsDep = Annotated[Contestations, Depends(_made("contestations"))]
PageSessionsDep = Annotated[PageSessions, Depends(_made("page_sessions"))]
WebhookEndpointsDep = Annotated[WebhookEndpoints, Depends(_made("webhook_endpoints"))]
WitnessesDep = Annotated[Witnesses, Depends(_made("witnesses"))]
