"""Pseudonymising texts: examine outside any transaction, number inside a short one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anonymizer.detection.examiner import Examination, Examiner
from anonymizer.detection.rules import Hints
from anonymizer.special.rules import Action, Category
from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.rules import Masked, Plan, Secret, Surrogate, SurrogateText, plan
from anonymizer.vault.service import Vault
from keel.database import Database


@dataclass(frozen=True, slots=True)
class Named:
    """A text and the name that its sender gave it."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class FoundSpecial:
    """That a text held a statement of a special category, and what became of it."""

    text_id: str
    category: Category
    action: Action


@dataclass(frozen=True, slots=True)
class Pseudonymised:
    """Texts without what identifies somebody."""

    texts: Sequence[Named]
    entity_counts: dict[str, int]
    special_categories: Sequence[FoundSpecial]
    persons_found: bool


def plan_of(examination: Examination) -> Plan:
    """Return how an examined text is to be cut."""
    masked = [Masked(f.start, f.end, f.label) for f in examination.masked]
    removed = [(s.start, s.end) for s in examination.statements]
    return plan(examination.text, masked, removed)


@dataclass(frozen=True, slots=True)
class Pseudonymiser:
    """The verb of this domain."""

    database: Database
    vault: Vault
    examiner: Examiner

    async def pseudonymise(
        self, tenant: str, bilan: str | None, texts: Sequence[Named], hints: Hints
    ) -> Pseudonymised:
        """Pseudonymise texts; the surrogates join those of the bilan.

        Without a bilan (a run about no person) nothing is stored: whatever is found gets a
        surrogate that leads nowhere, and `persons_found` says that it was found.

        Raises:
            CriminalDataBlocked: one of the texts speaks of offences.
            DetectionFailed: the detector broke down.
        """
        examined = [(text.id, await self.examiner.examine(text.text, hints)) for text in texts]
        plans = [(name, plan_of(examination)) for name, examination in examined]
        secrets = list(dict.fromkeys(secret for _, cut in plans for secret in cut.secrets))
        if bilan is None:
            surrogates: Mapping[Secret, Surrogate] = Numbering({}).issue(secrets)
        else:
            async with self.database.begin(tenant) as session:
                surrogates = await self.vault.issue(session, tenant, bilan, secrets)
        counts: Counter[str] = Counter()
        for _, examination in examined:
            counts.update(examination.counts)
        return Pseudonymised(
            texts=[Named(name, cut.render(surrogates.__getitem__)) for name, cut in plans],
            entity_counts=dict(counts),
            special_categories=[
                FoundSpecial(name, statement.category, statement.action)
                for name, examination in examined
                for statement in examination.statements
            ],
            persons_found=any(examination.is_of_somebody for _, examination in examined),
        )


__all__ = ["FoundSpecial", "Named", "Pseudonymised", "Pseudonymiser", "SurrogateText", "plan_of"]
