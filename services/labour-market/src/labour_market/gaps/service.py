"""The verb of gaps: compare what is held with what an occupation asks for."""

from collections.abc import Sequence

from labour_market.gaps.rules import Gap, gaps
from labour_market.occupations.catalogue import Catalogue, Occupation


def compare(catalogue: Catalogue, held: Sequence[str], target: Occupation) -> list[Gap]:
    """Return the gaps between held skills (codes) and a target occupation."""
    index = catalogue.skill_index
    asked = [
        (r.skill, r.importance) for r in catalogue.required(target) if r.skill in index.by_code
    ]
    return gaps(asked, {code for code in held if code in index.by_code}, index.likeness)
