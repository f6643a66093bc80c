"""The verbs of matching. Texts stay in memory for the call: nothing of them is stored or logged."""

from collections.abc import Sequence
from dataclasses import dataclass

from labour_market.matching.mentions import Mention
from labour_market.matching.suggestions import Lead, leads
from labour_market.occupations.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Leads, and the titles that we could not read."""

    leads: tuple[Lead, ...]
    abstained: tuple[str, ...]


def occupations(
    catalogue: Catalogue,
    titles: Sequence[str],
    text: str,
    skills: Sequence[str],
    limit: int,
) -> Suggestions:
    """Suggest occupations from titles, a text and known skills."""
    readings = [catalogue.title_index.read(title) for title in titles]
    mentions = catalogue.skill_index.find(text) if text else []
    found = leads(catalogue, readings, mentions, skills, limit)
    return Suggestions(tuple(found), tuple(r.query for r in readings if r.abstained))


def skills(catalogue: Catalogue, text: str) -> list[Mention]:
    """Find the skills that a text shows."""
    return catalogue.skill_index.find(text)
