"""Pseudonymising texts: examine outside any transaction, number inside a short one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from anonymizer.detection.examiner import Examiner
from anonymizer.detection.rules import Hints
from anonymizer.special.rules import Action, Category
from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.policy import Label, Policy, Treatment
from anonymizer.surrogates.rules import Secret, Surrogate, SurrogateText
from anonymizer.surrogates.treating import Cut, counts
from anonymizer.vault.service import Vault
from keel.clock import utc_now
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


@dataclass(frozen=True, slots=True)
class Pseudonymiser:
    """The verb of this domain."""

    database: Database
    vault: Vault
    examiner: Examiner
    policy: Policy = field(default_factory=Policy)
    """The operator's; a request may override it label by label."""
    now: Callable[[], datetime] = utc_now

    async def pseudonymise(
        self,
        tenant: str,
        bilan: str | None,
        texts: Sequence[Named],
        hints: Hints,
        by_label: Mapping[Label, Treatment],
        data_categories: Sequence[str] = (),
    ) -> Pseudonymised:
        """Pseudonymise texts; the surrogates join those of the bilan.

        Without a bilan (a run about no person) nothing is stored: whatever is found gets a
        surrogate that leads nowhere, and `persons_found` says that it was found. `data_categories`
        are those of consent to which the person's explicit grant is live.

        Raises:
            PolicyNotAllowed: `by_label` treats a label as it may not be.
            CriminalDataBlocked, SpecialCategoryBlocked: one of the texts may not be processed.
            DetectionFailed: the detector broke down.
        """
        policy, today = self.policy.overridden(by_label), self.now().date()
        cuts = []
        for text in texts:
            examined = await self.examiner.examine(text.text, hints, data_categories)
            cuts.append((text.id, Cut.of(examined, policy, today)))
        secrets = list(dict.fromkeys(secret for _, cut in cuts for secret in cut.plan.secrets))
        surrogates = await self._issue(tenant, bilan, secrets)
        found: Counter[str] = Counter()
        for _, cut in cuts:
            found.update(counts(cut.treated))
        return Pseudonymised(
            texts=[Named(name, cut.plan.render(surrogates.__getitem__)) for name, cut in cuts],
            entity_counts=dict(found),
            special_categories=[
                FoundSpecial(name, statement.category, statement.action)
                for name, cut in cuts
                for statement in cut.examination.statements
            ],
            persons_found=any(cut.examination.is_of_somebody for _, cut in cuts),
        )

    async def _issue(
        self, tenant: str, bilan: str | None, secrets: Sequence[Secret]
    ) -> Mapping[Secret, Surrogate]:
        if bilan is None:
            return Numbering({}).issue(secrets)
        async with self.database.begin(tenant) as session:
            return await self.vault.issue(session, tenant, bilan, secrets)


__all__ = ["FoundSpecial", "Named", "Pseudonymised", "Pseudonymiser", "SurrogateText"]
