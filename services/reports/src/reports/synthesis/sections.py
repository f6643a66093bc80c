"""The plan of the synthesis document: its sections, their titles, and what an empty one says.

The titles are those of the trade; the three blocks of the former article R6322-38 (circumstances;
skills in view of the prospects; project and steps) remain its frame.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SectionPlan:
    """One section: its key, its number as printed, its title, its words when nothing fills it."""

    key: str
    number: str
    title: str
    empty_note: str


PLAN: tuple[SectionPlan, ...] = (
    SectionPlan(
        "essentials",
        "1",
        "L’essentiel en une page",
        "Les éléments validés à ce stade ne permettent pas encore d’établir cette page.",
    ),
    SectionPlan(
        "circumstances", "2", "Circonstances du bilan", "Les circonstances restent à renseigner."
    ),
    SectionPlan(
        "path",
        "3",
        "Parcours et acquis",
        "Aucune analyse du parcours n’a été validée pour ce document.",
    ),
    SectionPlan(
        "interests",
        "4",
        "Intérêts, valeurs et conditions de travail",
        "Aucun questionnaire d’intérêts n’a été employé, et aucun critère n’a été consigné. "
        "Cette rubrique est laissée vide plutôt que déduite du parcours.",
    ),
    SectionPlan(
        "skills",
        "5",
        "Compétences et aptitudes au regard des perspectives",
        "Aucun inventaire de compétences n’a été validé pour ce document.",
    ),
    SectionPlan(
        "gaps",
        "6",
        "Écarts avec le métier visé",
        "Aucune comparaison avec un métier visé n’a été validée.",
    ),
    SectionPlan(
        "market",
        "7",
        "Marché du travail",
        "Aucune donnée de marché n’a été consultée pour le métier ou le territoire visés.",
    ),
    SectionPlan(
        "projects", "8", "Projet professionnel", "Aucun projet n’est arrêté à la date du document."
    ),
    SectionPlan(
        "training",
        "9",
        "Projet de formation",
        "Aucune formation n’a été retenue ; le bilan ne conclut pas qu’il en faut une.",
    ),
    SectionPlan("action_plan", "10", "Plan d’action", "Aucune étape n’est encore fixée."),
    SectionPlan("follow_up", "11", "Suivi", "Le suivi reste à convenir."),
    SectionPlan(
        "observations",
        "12",
        "Observations du bénéficiaire",
        "À la signature de cette version, aucune observation n’a été reçue. Vous pouvez en écrire "
        "à tout moment : elles seront jointes au document, datées et inchangées.",
    ),
    SectionPlan(
        "signatures",
        "13",
        "Accords et signatures",
        "Les accords et les signatures seront portés ici.",
    ),
    SectionPlan(
        "transparency",
        "A",
        "Annexe : transparence sur l’usage de l’IA",
        "Aucun traitement n’est à déclarer.",
    ),
)

MANDATORY: tuple[tuple[str, ...], ...] = (("circumstances",), ("path", "skills"))
"""Blocks 1 and 2 of the trade's frame: one section of each group must hold something."""

DRAFT_SECTIONS: dict[str, str] = {
    "essentials": "essentials",
    "circumstances": "circumstances",
    "path": "path",
    "skills": "skills",
    "project": "projects",
    "projects": "projects",
    "next_steps": "action_plan",
    "action_plan": "action_plan",
}
"""The keys of the synthesis-draft use case, and the sections that they belong to."""
