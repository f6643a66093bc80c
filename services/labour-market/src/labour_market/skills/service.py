"""The verb of skills: list them."""

from itertools import islice

from labour_market.matching.mentions import Skill
from labour_market.matching.morphology import fold
from labour_market.occupations.catalogue import Catalogue


def page(
    catalogue: Catalogue, query: str, after: str, limit: int
) -> tuple[list[Skill], str | None]:
    """Return up to `limit` skills after a code, and the code to go on from."""
    wanted = fold(query)
    every = (
        s
        for s in catalogue.skills
        if s.code > after
        and (not wanted or any(wanted in fold(w) for w in (s.label, *s.alternatives)))
    )
    found = list(islice(every, limit + 1))
    return found[:limit], found[limit - 1].code if len(found) > limit else None
