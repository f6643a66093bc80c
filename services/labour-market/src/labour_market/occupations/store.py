"""Reads a taxonomy of the current release out of the database, whole."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from labour_market.matching.mentions import Skill
from labour_market.matching.titles import Title
from labour_market.occupations.catalogue import Catalogue, Cited, Move, Occupation, Requirement
from labour_market.tables import (
    AppellationRow,
    MobilityRow,
    OccupationRow,
    PublicationRow,
    ReleaseRow,
    RequirementRow,
    SkillRow,
)

# Which rows make a catalogue: scheme of its occupations, of what its skills hang on, of the skills.
SCHEMES = {"rome": ("rome4", "rome3", "rome3"), "esco": ("esco", "esco", "esco")}


async def load(session: AsyncSession, release: ReleaseRow) -> Catalogue:
    """Return the catalogue of a release of `rome` or `esco`."""
    own, above, skills = SCHEMES[release.source]
    rows = await _occupations(session, release.id)
    parents = {r.code: r for r in rows if r.scheme == above}
    return Catalogue(
        cited=await _cited(session, release),
        occupations={r.code: _occupation(r, parents) for r in rows if r.scheme == own},
        titles=await _titles(session, release.id, own),
        skills=await _skills(session, release.id, skills),
        requirements=await _requirements(session, release.id, above),
        moves=await _moves(session, release.id),
    )


async def _cited(session: AsyncSession, release: ReleaseRow) -> Cited:
    found = await session.scalars(
        select(PublicationRow)
        .where(PublicationRow.release == release.id)
        .order_by(PublicationRow.published_on.desc())
    )
    rows = found.all()
    row = next((r for r in rows if r.published_on), rows[0])
    return Cited(
        source=release.source,
        release=release.id,
        version=release.version if not release.bundled else row.name,
        bundled=release.bundled,
        key=row.key,
        name=row.name,
        producer=row.producer,
        licence=row.licence,
        url=row.url,
        published_on=row.published_on,
        retrieved_on=row.retrieved_on,
    )


async def _occupations(session: AsyncSession, release: str) -> Sequence[OccupationRow]:
    rows = await session.scalars(select(OccupationRow).where(OccupationRow.release == release))
    return sorted(rows, key=lambda row: (row.scheme, row.code))


def _occupation(row: OccupationRow, parents: dict[str, OccupationRow]) -> Occupation:
    above = parents.get(row.parent or "")
    return Occupation(
        code=row.code,
        scheme=row.scheme,
        label=row.label,
        parent=row.parent,
        parent_label=above.label if above else None,
        definition=row.definition or (above.definition if above else None),
        riasec=row.riasec or (above.riasec if above else None),
    )


async def _titles(session: AsyncSession, release: str, scheme: str) -> list[Title]:
    rows = await session.execute(
        select(AppellationRow.occupation, AppellationRow.label, AppellationRow.kind).where(
            AppellationRow.release == release, AppellationRow.scheme == scheme
        )
    )
    return sorted(
        (Title(code, label, kind == "principal") for code, label, kind in rows),
        key=lambda title: (title.code, title.label),
    )


async def _skills(session: AsyncSession, release: str, scheme: str) -> list[Skill]:
    rows = await session.execute(
        select(SkillRow.code, SkillRow.label, SkillRow.kind, SkillRow.alternatives)
        .where(SkillRow.release == release, SkillRow.scheme == scheme)
        .where(SkillRow.kind != "environment")
    )
    # Sorted here: the two databases do not collate alike, and cursors compare codes in Python.
    return sorted(
        Skill(code, scheme, label, kind, tuple(more.split("|")) if more else ())
        for code, label, kind, more in rows
    )


async def _requirements(
    session: AsyncSession, release: str, scheme: str
) -> dict[str, list[Requirement]]:
    rows = await session.execute(
        select(RequirementRow.occupation, RequirementRow.skill, RequirementRow.importance)
        .where(RequirementRow.release == release, RequirementRow.scheme == scheme)
        .order_by(RequirementRow.occupation, RequirementRow.importance, RequirementRow.position)
    )
    found: dict[str, list[Requirement]] = {}
    for occupation, skill, importance in rows:
        found.setdefault(occupation, []).append(Requirement(skill, importance))
    return found


async def _moves(session: AsyncSession, release: str) -> dict[str, list[Move]]:
    # `near` sorts after `evolution`; a counsellor looks at near moves first.
    rows = await session.execute(
        select(MobilityRow.source, MobilityRow.target, MobilityRow.kind)
        .where(MobilityRow.release == release)
        .order_by(MobilityRow.source, MobilityRow.kind.desc(), MobilityRow.target)
    )
    found: dict[str, list[Move]] = {}
    for source, target, kind in rows:
        found.setdefault(source, []).append(Move(target, kind))
    return found
