"""What becomes of what is found, by its label: the policy of an operator or of one request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from anonymizer.problems import PolicyNotAllowed


class Treatment(StrEnum):
    """What becomes of a value."""

    SURROGATE = "surrogate"
    """A surrogate stands for it, and the vault can give it back."""
    GENERALISE = "generalise"
    """Something wider stands there (an age band, a département, a sector); nobody gives it back."""
    KEEP = "keep"
    """It stays as it was written."""
    DROP = "drop"
    """A neutral mark stands there; the vault never hears of it."""


class Label(StrEnum):
    """What the detector tells apart (`detection.rules.LABELS`)."""

    PERSON = "PERSON"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"
    LOCATION = "LOCATION"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    AGE = "AGE"
    NIR = "NIR"
    IBAN = "IBAN"
    ID_DOC = "ID_DOC"
    DRIVING_LICENCE = "DRIVING_LICENCE"
    PLATE = "PLATE"
    URL = "URL"
    FRANCE_TRAVAIL_ID = "FRANCE_TRAVAIL_ID"
    ORGANISATION = "ORGANISATION"


_OF_A_QUASI_IDENTIFIER = tuple(Treatment)
_OF_A_DIRECT_IDENTIFIER = (Treatment.SURROGATE, Treatment.DROP)
_ALLOWED: Mapping[Label, tuple[Treatment, ...]] = {
    Label.DATE_OF_BIRTH: _OF_A_QUASI_IDENTIFIER,
    Label.AGE: _OF_A_QUASI_IDENTIFIER,
    Label.LOCATION: _OF_A_QUASI_IDENTIFIER,
    Label.ORGANISATION: _OF_A_QUASI_IDENTIFIER,
    Label.ADDRESS: (Treatment.SURROGATE, Treatment.GENERALISE, Treatment.DROP),
}


def allowed(label: Label) -> tuple[Treatment, ...]:
    """Return how a label may be treated: what names somebody by itself is never kept."""
    return _ALLOWED.get(label, _OF_A_DIRECT_IDENTIFIER)


@dataclass(frozen=True, slots=True)
class Policy:
    """A treatment for each label; a surrogate for those that it does not name.

    Raises:
        PolicyNotAllowed: a treatment that its label may not have.
    """

    by_label: Mapping[Label, Treatment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for label, treatment in self.by_label.items():
            if treatment not in allowed(label):
                *most, last = allowed(label)
                raise PolicyNotAllowed(
                    f"{label} cannot be treated as `{treatment}`: "
                    f"choose {', '.join(f'`{t}`' for t in most)} or `{last}`."
                )

    def of(self, label: Label) -> Treatment:
        """Return what becomes of a value."""
        return self.by_label.get(label, Treatment.SURROGATE)

    @property
    def shown(self) -> frozenset[Label]:
        """The labels of whose values something is still to be seen: kept, or made wider."""
        seen = (Treatment.KEEP, Treatment.GENERALISE)
        return frozenset(label for label in Label if self.of(label) in seen)

    def overridden(self, by_label: Mapping[Label, Treatment]) -> "Policy":
        """Return this policy with other treatments for some labels (raises `PolicyNotAllowed`)."""
        return Policy({**self.by_label, **by_label})
