"""The gateway's tables, by subject. Every tenant-owned row is keyed by its tenant first."""

from gateway.tables.base import Base
from gateway.tables.bilans import (
    Assignment,
    Bilan,
    BilanAgreement,
    ClosedPhase,
    Convention,
    Interview,
)
from gateway.tables.configuration import RecordedVersion
from gateway.tables.consents import Consent
from gateway.tables.content import Document, Report, Run
from gateway.tables.contestations import Contestation
from gateway.tables.destructions import (
    Destruction,
    DestructionStep,
    DueDestruction,
    DueRun,
)
from gateway.tables.edge import IdempotentAnswer, Quota, Usage
from gateway.tables.events import Delivery, DueDelivery, Event, WebhookEndpoint
from gateway.tables.gate import RefusalCount
from gateway.tables.governance import Disclosure, Incident
from gateway.tables.holds import LegalHold
from gateway.tables.keys import ContentKey, RecordKey
from gateway.tables.log import LogAudit, LogEntry, LogOutbox, LogState, LogTile
from gateway.tables.pages import PageSession, PersonalCode, PersonalLink
from gateway.tables.people import (
    Beneficiary,
    Counsellor,
    Qualification,
    Restriction,
    SecrecyAcceptance,
)
from gateway.tables.records import Record, RetentionRun
from gateway.tables.sharing import RetentionAgreement, Share
from gateway.tables.tenants import ApiKey, Client, Door, RevokedToken, Tenant, UsedAssertion
from gateway.tables.witnesses import LogCosignature

__all__ = [
    "ApiKey",
    "Assignment",
    "Base",
    "Beneficiary",
    "Bilan",
    "BilanAgreement",
    "Client",
    "ClosedPhase",
    "Consent",
    "ContentKey",
    "Contestation",
    "Convention",
    "Counsellor",
    "Delivery",
    "Destruction",
    "DestructionStep",
    "Disclosure",
    "Document",
    "Door",
    "DueDelivery",
    "DueDestruction",
    "DueRun",
    "Event",
    "IdempotentAnswer",
    "Incident",
    "Interview",
    "LegalHold",
    "LogAudit",
    "LogCosignature",
    "LogEntry",
    "LogOutbox",
    "LogState",
    "LogTile",
    "PageSession",
    "PersonalCode",
    "PersonalLink",
    "Qualification",
    "Quota",
    "Record",
    "RecordKey",
    "RecordedVersion",
    "RefusalCount",
    "Report",
    "Restriction",
    "RetentionAgreement",
    "RetentionRun",
    "RevokedToken",
    "Run",
    "SecrecyAcceptance",
    "Share",
    "Tenant",
    "Usage",
    "UsedAssertion",
    "WebhookEndpoint",
]
