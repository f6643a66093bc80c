"""Identifiers: a prefix that says what it names, and a ULID (`consent-and-log` profile, section 1).

They are ordered by time, never sequential integers, and knowing one gives no access.
"""

import secrets
import time
from typing import Annotated

from pydantic import StringConstraints

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"


def new_id(prefix: str) -> str:
    """Return `prefix` + `_` + a fresh ULID (48 bits of milliseconds, 80 random bits)."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return prefix + "_" + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def _identifier(prefix: str) -> StringConstraints:
    return StringConstraints(pattern=f"^{prefix}_{_ULID}$", max_length=len(prefix) + 27)


TenantId = Annotated[str, _identifier("tnt")]
ClientId = Annotated[str, _identifier("cli")]
BeneficiaryId = Annotated[str, _identifier("ben")]
ApiKeyId = Annotated[str, _identifier("key")]
CounsellorId = Annotated[str, _identifier("usr")]
BilanId = Annotated[str, _identifier("bil")]
ConsentId = Annotated[str, _identifier("cns")]
DocumentId = Annotated[str, _identifier("doc")]
RunId = Annotated[str, _identifier("run")]
ReportId = Annotated[str, _identifier("rep")]
RecordId = Annotated[str, _identifier("rec")]
AcceptanceId = Annotated[str, _identifier("sec")]
QualificationId = Annotated[str, _identifier("qlf")]
RestrictionId = Annotated[str, _identifier("rst")]
ShareId = Annotated[str, _identifier("shr")]
RetentionAgreementId = Annotated[str, _identifier("agr")]
AgreementId = Annotated[str, _identifier("bag")]
ConventionId = Annotated[str, _identifier("cvn")]
InterviewId = Annotated[str, _identifier("itv")]
AssignmentId = Annotated[str, _identifier("asg")]
EventId = Annotated[str, _identifier("evt")]
WebhookEndpointId = Annotated[str, _identifier("whk")]
DeliveryId = Annotated[str, _identifier("dlv")]
DestructionId = Annotated[str, _identifier("dst")]
IncidentId = Annotated[str, _identifier("inc")]
DisclosureId = Annotated[str, _identifier("dsc")]
ContestationId = Annotated[str, _identifier("ctn")]
RecipientId = Annotated[str, StringConstraints(pattern=r"^rcp_[a-z0-9][a-z0-9-]{0,62}$")]
