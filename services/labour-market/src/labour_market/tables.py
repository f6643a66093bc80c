"""The rows of the labour market: reference data only, versions side by side by release id.

No table has a tenant, a bilan or a person: what is here is public and the same for everybody.
"""

from datetime import datetime

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from keel.database import Instant, metadata


class Base(DeclarativeBase):
    """This service's own metadata."""

    metadata = metadata()


class ReleaseRow(Base):
    """One version of one source; `state` says whether readers see it."""

    __tablename__ = "releases"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    source: Mapped[str] = mapped_column(String(20), index=True)
    version: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(12))
    bundled: Mapped[bool] = mapped_column(Boolean)
    rows: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    imported_at: Mapped[datetime] = mapped_column(Instant)


def _release() -> Mapped[str]:
    return mapped_column(ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True)


def _key(length: int) -> Mapped[str]:
    return mapped_column(String(length), primary_key=True)


class PublicationRow(Base):
    """What a producer published, under which licence and when: the source line of a figure."""

    __tablename__ = "publications"

    release: Mapped[str] = _release()
    key: Mapped[str] = _key(40)
    name: Mapped[str] = mapped_column(String(200))
    producer: Mapped[str] = mapped_column(String(120))
    licence: Mapped[str] = mapped_column(String(120))
    url: Mapped[str | None] = mapped_column(String(300))
    published_on: Mapped[str | None] = mapped_column(String(10))
    retrieved_on: Mapped[str] = mapped_column(String(10))


class OccupationRow(Base):
    """A ROME 4.0 occupation, its ROME v3 parent, or an ESCO occupation."""

    __tablename__ = "occupations"

    release: Mapped[str] = _release()
    scheme: Mapped[str] = _key(8)
    code: Mapped[str] = _key(120)
    label: Mapped[str] = mapped_column(String(300))
    parent: Mapped[str | None] = mapped_column(String(120))
    definition: Mapped[str | None] = mapped_column(Text)
    riasec: Mapped[str | None] = mapped_column(String(2))


class AppellationRow(Base):
    """A name by which an occupation goes."""

    __tablename__ = "appellations"

    release: Mapped[str] = _release()
    scheme: Mapped[str] = _key(8)
    code: Mapped[str] = _key(140)
    occupation: Mapped[str] = mapped_column(String(120))
    label: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(12))

    __table_args__ = (Index(None, "release", "scheme", "occupation"),)


class SkillRow(Base):
    """A skill of ROME v3 (`code_ogr`) or ESCO (concept URI); alternatives separated by `|`."""

    __tablename__ = "skills"

    release: Mapped[str] = _release()
    scheme: Mapped[str] = _key(8)
    code: Mapped[str] = _key(120)
    label: Mapped[str] = mapped_column(String(500))
    kind: Mapped[str] = mapped_column(String(20))
    alternatives: Mapped[str | None] = mapped_column(Text)


class RequirementRow(Base):
    """An occupation asks for a skill; ROME says core or specific, ESCO essential or optional."""

    __tablename__ = "requirements"

    release: Mapped[str] = _release()
    scheme: Mapped[str] = _key(8)
    occupation: Mapped[str] = _key(120)
    skill: Mapped[str] = _key(120)
    importance: Mapped[str] = mapped_column(String(12))
    position: Mapped[int] = mapped_column(Integer)


class MobilityRow(Base):
    """A move that ROME v3 names between two of its occupations: `near` or `evolution`."""

    __tablename__ = "mobilities"

    release: Mapped[str] = _release()
    source: Mapped[str] = _key(5)
    target: Mapped[str] = _key(5)
    kind: Mapped[str] = mapped_column(String(12))


class LinkRow(Base):
    """A crosswalk between two nomenclatures, and who drew it."""

    __tablename__ = "links"

    release: Mapped[str] = _release()
    from_scheme: Mapped[str] = _key(10)
    from_code: Mapped[str] = _key(120)
    to_scheme: Mapped[str] = _key(10)
    to_code: Mapped[str] = _key(120)
    relation: Mapped[str] = mapped_column(String(20))
    weight: Mapped[int] = mapped_column(Integer)
    made_by: Mapped[str] = mapped_column(String(80))


class FamilyRow(Base):
    """The label of a professional family (FAP 2009 or FAP 2021, at any level)."""

    __tablename__ = "families"

    release: Mapped[str] = _release()
    scheme: Mapped[str] = _key(10)
    code: Mapped[str] = _key(10)
    label: Mapped[str] = mapped_column(String(300))


class TerritoryRow(Base):
    """France, a region, a département or a bassin d'emploi (BMO cut)."""

    __tablename__ = "territories"

    release: Mapped[str] = _release()
    code: Mapped[str] = _key(8)
    parent: Mapped[str] = _key(8)
    level: Mapped[str] = mapped_column(String(12))
    label: Mapped[str] = mapped_column(String(120))


class FigureRow(Base):
    """One published or computed figure; `value` is null where the producer withheld it.

    `n` is the count on which the figure rests, where known.
    """

    __tablename__ = "figures"

    release: Mapped[str] = _release()
    occupation_level: Mapped[str] = _key(12)
    occupation: Mapped[str] = _key(10)
    territory: Mapped[str] = _key(8)
    indicator: Mapped[str] = _key(40)
    period: Mapped[str] = _key(10)
    value: Mapped[float | None] = mapped_column(Float)
    n: Mapped[int | None] = mapped_column(Integer)
    flag: Mapped[str] = mapped_column(String(12))
    publication: Mapped[str] = mapped_column(String(40))

    # Half a million rows are only ever reached through this key: keep them in it on SQLite too.
    __table_args__ = ({"sqlite_with_rowid": False},)


class CertificationRow(Base):
    """A certification of the national register (RNCP)."""

    __tablename__ = "certifications"

    release: Mapped[str] = _release()
    rncp: Mapped[str] = _key(12)
    title: Mapped[str] = mapped_column(String(400))
    kind: Mapped[str | None] = mapped_column(String(40))
    level: Mapped[str | None] = mapped_column(String(12))
    status: Mapped[str] = mapped_column(String(12))
    valid_until: Mapped[str | None] = mapped_column(String(10))
