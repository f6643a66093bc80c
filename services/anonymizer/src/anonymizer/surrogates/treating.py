"""What stands in the place of each finding, once a policy has spoken. No clock, no vault."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from anonymizer.detection.examiner import Examination
from anonymizer.detection.rules import Finding
from anonymizer.special.rules import removed
from anonymizer.surrogates.ages import band_of_age, band_of_birth
from anonymizer.surrogates.departements import departement_of_address, departement_of_place
from anonymizer.surrogates.policy import Label, Policy, Treatment
from anonymizer.surrogates.rules import Masked, Plan, plan
from anonymizer.surrogates.sectors import sector

DROPPED = "[donnée retirée]"
"""What stands where a value was dropped: neither its kind nor its number can be told."""


@dataclass(frozen=True, slots=True)
class Treated:
    """A finding and what became of it."""

    finding: Finding
    treatment: Treatment
    """What was done: what cannot be made wider gets a surrogate all the same."""
    shown: str | None = None
    """What stands there in the clear; None for a surrogate, and for what is kept.

    In brackets, as a surrogate is: the words around a value are not written for a wider one
    ("née le entre 40 et 49 ans"), and in brackets a reader takes it for the mark that it is.
    """

    @property
    def mask(self) -> Masked | None:
        """What is replaced in the text, and by what; None for what is kept."""
        if self.treatment is Treatment.KEEP:
            return None
        return Masked(self.finding.start, self.finding.end, self.finding.label, self.shown)


_Wider = Callable[[str, Finding, date], str | None]
_WIDER: Mapping[Label, _Wider] = {
    Label.AGE: lambda text, f, _: band_of_age(text[f.start : f.end]),
    Label.DATE_OF_BIRTH: lambda text, f, today: band_of_birth(text[f.start : f.end], today),
    Label.LOCATION: lambda text, f, _: departement_of_place(text, f.start, f.end),
    Label.ADDRESS: lambda text, f, _: departement_of_address(text[f.start : f.end]),
    Label.ORGANISATION: lambda text, f, _: sector(text[f.start : f.end]),
}


def treated(
    text: str, findings: Iterable[Finding], policy: Policy, today: date
) -> tuple[Treated, ...]:
    """Return what becomes of each finding in `text`; ages are as of `today`."""
    return tuple(_treated(text, finding, policy, today) for finding in findings)


def masks(found: Iterable[Treated]) -> list[Masked]:
    """Return what is replaced in the text."""
    return [mask for each in found if (mask := each.mask) is not None]


def counts(found: Iterable[Treated]) -> dict[str, int]:
    """Return how many values of each label are gone from the text."""
    return dict(Counter(mask.label for mask in masks(found)))


def _treated(text: str, finding: Finding, policy: Policy, today: date) -> Treated:
    label = Label(finding.label)
    treatment = policy.of(label)
    if treatment is Treatment.GENERALISE:
        wider = _WIDER[label](text, finding, today)
        if wider is None:
            return Treated(finding, Treatment.SURROGATE)
        return Treated(finding, treatment, f"[{wider}]")
    return Treated(finding, treatment, DROPPED if treatment is Treatment.DROP else None)


@dataclass(frozen=True, slots=True)
class Cut:
    """An examined text, what becomes of each finding, and how the text is cut for it."""

    examination: Examination
    treated: tuple[Treated, ...]
    plan: Plan

    @classmethod
    def of(cls, examination: Examination, policy: Policy, today: date) -> "Cut":
        """Apply a policy to what was found; ages are as of `today`."""
        becomes = treated(examination.text, examination.masked, policy, today)
        gone = [(s.start, s.end) for s in removed(examination.statements)]
        return cls(examination, becomes, plan(examination.text, masks(becomes), gone))
