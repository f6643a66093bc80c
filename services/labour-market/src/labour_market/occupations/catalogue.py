"""One release of a taxonomy in memory: what matching, gaps and lists all read.

Built once for a release and never changed; a new release gives a new catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from labour_market.matching.mentions import Skill, SkillIndex
from labour_market.matching.titles import Title, TitleIndex


@dataclass(frozen=True, slots=True)
class Occupation:
    """An occupation; `family` is the code whose skills it has: the v3 parent, or itself in ESCO."""

    code: str
    scheme: str
    label: str
    parent: str | None
    parent_label: str | None
    definition: str | None
    riasec: str | None

    @property
    def family(self) -> str:
        """The code under which requirements and mobilities are kept."""
        return self.parent if self.scheme == "rome4" and self.parent else self.code


@dataclass(frozen=True, slots=True)
class Requirement:
    """A skill that an occupation asks for, and how much it belongs to it."""

    skill: str
    importance: str


@dataclass(frozen=True, slots=True)
class Move:
    """A move between families that the taxonomy names."""

    target: str
    kind: str


@dataclass(frozen=True, slots=True)
class Cited:
    """The release and publication that a catalogue cites."""

    source: str
    release: str
    version: str
    bundled: bool
    key: str
    name: str
    producer: str
    licence: str
    url: str | None
    published_on: str | None
    retrieved_on: str


@dataclass(frozen=True)
class Catalogue:
    """Occupations, names, skills and their links in one release. Indexes are built on first use."""

    cited: Cited
    occupations: Mapping[str, Occupation]
    titles: Sequence[Title]
    skills: Sequence[Skill]
    requirements: Mapping[str, Sequence[Requirement]]
    moves: Mapping[str, Sequence[Move]]

    @cached_property
    def title_index(self) -> TitleIndex:
        """The names, ready to be compared with a title."""
        return TitleIndex(self.titles, {o.code: o.label for o in self.occupations.values()})

    @cached_property
    def skill_index(self) -> SkillIndex:
        """The skill labels, ready to be found in a text."""
        return SkillIndex(self.skills)

    @cached_property
    def by_family(self) -> Mapping[str, Occupation]:
        """The occupation that stands for a family: the one with its code, else the first."""
        found: dict[str, Occupation] = {}
        for occupation in self.occupations.values():
            if occupation.code == occupation.family:
                found[occupation.family] = occupation
            else:
                found.setdefault(occupation.family, occupation)
        return found

    @cached_property
    def demand(self) -> Mapping[str, int]:
        """How many families ask for each skill: what many ask for tells families apart less."""
        counts: dict[str, int] = {}
        for asked in self.requirements.values():
            for requirement in asked:
                counts[requirement.skill] = counts.get(requirement.skill, 0) + 1
        return counts

    def required(self, occupation: Occupation) -> Sequence[Requirement]:
        """Return what the occupation asks for, core first."""
        return self.requirements.get(occupation.family, ())

    def warm(self) -> "Catalogue":
        """Build the indexes now; slow for a full release, so call it in a thread."""
        _ = self.title_index, self.skill_index
        return self
