"""Who plays, on which platform, and what they know so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from demo import wire
from demo.beneficiary import Beneficiary
from demo.centre import Centre, Run
from demo.cv import Cv
from demo.log_verifier import Checkpoint, VerifierKey
from demo.models import Endpoint
from demo.platform_process import Started
from demo.summary import Story

ORGANISATION = "Centre Horizon"
COUNSELLOR = "Camille Aubertin"
SOMEBODY = "Bénéficiaire de la démonstration"


@dataclass(frozen=True, slots=True)
class Dates:
    """A bilan that ends today, as seen from the day on which the demo plays."""

    today: date = field(default_factory=date.today)

    def ago(self, days: int) -> str:
        """Return a day in the past, as ISO 8601."""
        return (self.today - timedelta(days=days)).isoformat()

    def ahead(self, days: int) -> str:
        """Return a day to come, as ISO 8601."""
        return (self.today + timedelta(days=days)).isoformat()


@dataclass(slots=True)
class Stage:
    """Everything that the steps share; each step adds what it learned."""

    story: Story
    platform: Started
    cv: Cv
    endpoint: Endpoint | None
    """The configured model; None when the scripted one plays."""
    scripted_url: str | None
    wire_copy: Path
    dates: Dates = field(default_factory=Dates)
    person: Beneficiary | None = None
    _centre: Centre | None = None
    ids: dict[str, str] = field(default_factory=dict)
    """Ids by what they name: beneficiary, bilan, counsellor, consent, document, report."""
    consent_token: str = ""
    personal_link: str = ""
    restored: Mapping[str, str] = field(default_factory=dict)
    """Each surrogate of the CV with what it stands for."""
    runs: dict[str, Run] = field(default_factory=dict)
    """Runs by `use-case/mode`."""
    occupation: str = ""
    territory: str = "FR"
    log_key: VerifierKey | None = None
    first_checkpoint: Checkpoint | None = None

    @property
    def centre(self) -> Centre:
        """Return the centre's software, which exists from the first step on."""
        if self._centre is None:
            raise RuntimeError("The centre's software has no credentials yet.")
        return self._centre

    def open_centre(self, centre: Centre) -> None:
        """Let the centre's software enter."""
        self._centre = centre

    def close(self) -> None:
        """Close every connection."""
        if self._centre is not None:
            self._centre.close()
        if self.person is not None:
            self.person.close()

    def sent(self) -> list[wire.Sent]:
        """Return every request that left towards a model, byte for byte."""
        return wire.sent(self.wire_copy)

    def identifiers(self) -> list[str]:
        """Return what identifies the person directly: as restored, and as we wrote the CV."""
        known = [*wire.direct_identifiers(self.restored), *self.cv.identifiers]
        return list(dict.fromkeys(known))

    def name(self) -> str:
        """Return the person's name as the centre's own software knows it."""
        persons = [v for k, v in self.restored.items() if k.startswith(wire.PERSONS)]
        whole = [person for person in persons if " " in person]
        told = self.cv.about.get("name") or next(iter([*whole, *persons]), SOMEBODY)
        return " ".join(str(told).split())
