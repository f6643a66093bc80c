"""What counts as an incident, and how long there is to tell of it (GDPR 33; AI Act 73)."""

from datetime import datetime, timedelta
from enum import StrEnum


class IncidentClass(StrEnum):
    """What went wrong (`transparency-record.md`, section 4.10)."""

    BREACH_33 = "breach_33"
    SERIOUS_INCIDENT_73 = "serious_incident_73"
    FORBIDDEN_USE_5 = "forbidden_use_5"
    LEAK_SPECIAL_CATEGORY = "leak_special_category"
    DISCLOSURE_LATE = "disclosure_late"
    CHAIN_BROKEN = "chain_broken"


class Origin(StrEnum):
    """Who noticed: somebody who declares it, or the platform itself."""

    DECLARED = "declared"
    OBSERVED = "observed"


class Outcome(StrEnum):
    """How an incident ended; the words beside it are the centre's own."""

    RESOLVED = "resolved"
    NOTIFIED = "notified"
    NO_RISK = "no_risk"
    DUPLICATE = "duplicate"
    FALSE_ALARM = "false_alarm"


_TIMES = {
    # A leak of special categories is a personal data breach, too.
    IncidentClass.BREACH_33: timedelta(hours=72),
    IncidentClass.LEAK_SPECIAL_CATEGORY: timedelta(hours=72),
    IncidentClass.SERIOUS_INCIDENT_73: timedelta(days=15),
}


def deadline(incident_class: IncidentClass, aware_at: datetime) -> datetime | None:
    """Return by when an authority is told, counted from awareness; None where none has to be.

    72 hours for a breach (GDPR 33(1)); 15 days at most for a serious incident (AI Act 73(2)).
    """
    time = _TIMES.get(incident_class)
    return None if time is None else aware_at + time
