"""Pseudonymising texts: examine outside any transaction, number inside a short one."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from anonymizer.detection.examiner import Examination, Examiner
from anonymizer.detection.rules import Hints
from anonymizer.documents import store as documents
from anonymizer.documents.rules import bound
from anonymizer.restoration.plausible import Plausible
from anonymizer.special.rules import Action, Category
from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.pages import Page
from anonymizer.surrogates.policy import Label, Policy, Treatment
from anonymizer.surrogates.rules import Plan, Secret, SurrogateText, disguised, without
from anonymizer.surrogates.treating import Cut, counts
from anonymizer.surrogates.values import Leaf
from anonymizer.vault.service import Vault
from keel.clock import utc_now
from keel.database import Database
from keel.problems import TooLarge
from keel.sealing import unseal

MAX_TEXT = 200_000
"""So many characters are read as one text."""


class Surrogates(StrEnum):
    """What stands in the place of values."""

    PLACEHOLDERS = "placeholders"
    """`[FEMME_1]`."""
    PLAUSIBLE = "plausible"
    """"Camille Berthier", where one can be invented; a bilan is needed to keep it."""


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
class Explained:
    """Why a stretch of a text was taken, and what became of it; never what it says."""

    text_id: str
    start: int
    end: int
    label: str
    rule: str
    score: float
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class Pseudonymised:
    """Texts without what identifies somebody."""

    texts: Sequence[Named]
    entity_counts: dict[str, int]
    special_categories: Sequence[FoundSpecial]
    persons_found: bool
    explanations: Sequence[Explained] | None
    """None where nobody asked why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom texts are pseudonymised, and how."""

    tenant: str
    bilan: str | None
    """None: about no person, as far as the caller knows; nothing is stored."""
    hints: Hints = field(default_factory=Hints)
    by_label: Mapping[Label, Treatment] = field(default_factory=dict)
    """Over the operator's policy."""
    data_categories: Sequence[str] = ()
    """Those of consent to which the person's explicit grant is live."""
    explain: bool = False
    """Whether to say why each stretch was taken."""
    surrogates: Surrogates = Surrogates.PLACEHOLDERS


@dataclass(frozen=True, slots=True)
class Pseudonymiser:
    """The verbs of this domain.

    Each refuses with `PolicyNotAllowed` (a label may not be treated as asked) or one of
    `TEXT_REFUSALS`; nothing is stored then. Without a bilan nothing is stored at all: whatever is
    found gets a surrogate that leads nowhere, and `persons_found` says that it was found.
    """

    database: Database
    vault: Vault
    examiner: Examiner
    policy: Policy = field(default_factory=Policy)
    """The operator's; a request may override it label by label."""
    now: Callable[[], datetime] = utc_now

    async def pseudonymise(self, asked: Asked, texts: Sequence[Named]) -> Pseudonymised:
        """Pseudonymise texts, each on its own; the surrogates join those of the bilan."""
        policy = self.policy.overridden(asked.by_label)
        found = [(text.id, await self._examine(asked, text.text)) for text in texts]
        return await self._pseudonymised(asked, policy, found)

    async def pseudonymise_strings(self, asked: Asked, leaves: Iterable[Leaf]) -> Pseudonymised:
        """Pseudonymise strings that belong together, read as one text; each is named by pointer.

        Raises:
            TooLarge: together they are longer than one text may be.
        """
        policy, page = self.policy.overridden(asked.by_label), Page.of(leaves)
        if len(page.text) > MAX_TEXT:
            raise TooLarge(f"At most {MAX_TEXT} characters are read together. Send less at once.")
        found = page.examined(await self._examine(asked, page.text), policy.shown)
        return await self._pseudonymised(asked, policy, [(leaf.pointer, e) for leaf, e in found])

    async def _examine(self, asked: Asked, text: str) -> Examination:
        return await self.examiner.examine(text, asked.hints, asked.data_categories)

    async def _pseudonymised(
        self, asked: Asked, policy: Policy, examined: Sequence[tuple[str, Examination]]
    ) -> Pseudonymised:
        today = self.now().date()
        cuts = [(name, Cut.of(found, policy, today)) for name, found in examined]
        texts = await self._rendered(asked, [cut for _, cut in cuts])
        gone: Counter[str] = Counter()
        for _, cut in cuts:
            gone.update(counts(cut.treated))
        return Pseudonymised(
            texts=[Named(name, text) for (name, _), text in zip(cuts, texts, strict=True)],
            entity_counts=dict(gone),
            special_categories=[
                FoundSpecial(name, statement.category, statement.action)
                for name, cut in cuts
                for statement in cut.examination.statements
            ],
            persons_found=any(cut.examination.is_of_somebody for _, cut in cuts),
            explanations=_explained(cuts) if asked.explain else None,
        )

    async def _rendered(self, asked: Asked, cuts: Sequence[Cut]) -> Sequence[SurrogateText]:
        if asked.bilan is None:
            issued = Numbering({}).issue(_secrets(cut.plan for cut in cuts))
            return [cut.plan.render(issued.__getitem__) for cut in cuts]
        whose = asked.tenant, asked.bilan
        async with self.database.begin(asked.tenant) as session:
            known = await self.vault.plausibles_for_issue(session, *whose)
            plans = [without(cut.plan, known) for cut in cuts]
            secrets = _secrets(plans)
            surrogates = await self.vault.issue(session, *whose, secrets)
            values: Mapping[Secret, Plausible] = {}
            if asked.surrogates is Surrogates.PLAUSIBLE:
                texts = [cut.examination.text for cut in cuts]
                texts += await self._documents(session, *whose)
                values = await self.vault.disguise(session, *whose, secrets, texts)
                known = await self.vault.plausibles(session, *whose)
        return [disguised(plan, surrogates, values, known) for plan in plans]

    async def _documents(self, session: AsyncSession, tenant: str, bilan: str) -> Sequence[str]:
        """Return the pseudonymised texts of the bilan's documents."""
        key = await self.vault.keys.obtain(session, tenant, bilan)
        sealed = await documents.pseudonymised(session, tenant, bilan)
        return [
            unseal(key, text, bound(tenant, bilan, document, "pseudonymised")).decode()
            for document, text in sealed.items()
        ]


def _secrets(plans: Iterable[Plan]) -> list[Secret]:
    return list(dict.fromkeys(secret for plan in plans for secret in plan.secrets))


def _explained(cuts: Iterable[tuple[str, Cut]]) -> list[Explained]:
    return [
        Explained(text_id=name, treatment=each.treatment, **asdict(each.finding))
        for name, cut in cuts
        for each in cut.treated
    ]


__all__ = [
    "Asked",
    "Explained",
    "FoundSpecial",
    "Named",
    "Pseudonymised",
    "Pseudonymiser",
    "SurrogateText",
    "Surrogates",
]
