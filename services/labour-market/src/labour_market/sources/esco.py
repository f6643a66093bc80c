"""ESCO: occupations and skills with French labels, and which occupation asks for which skill.

"This service uses the ESCO classification of the European Commission." Reuse under Commission
Decision 2011/833/EU.
"""

from pathlib import Path

import polars as pl

from labour_market.sources.files import Folder
from labour_market.sources.harvest import Harvest, Publication

_KINDS = {"knowledge": "knowledge", "skill/competence": "know-how"}


def parse(root: Path, *, retrieved_on: str) -> Harvest:
    """Read the French labels and the relations in `root`.

    Raises:
        SourceRefused: a file or a column is missing.
    """
    folder = Folder(root)
    occupations, appellations = _occupations(folder)
    skills = _skills(folder)
    requirements, lost = _requirements(folder, occupations, skills)
    _count_the_rest(folder)
    return Harvest(
        source="esco",
        version="1.2-fr",
        digest=folder.digest,
        publications=[
            Publication(
                key="esco",
                name="ESCO, French labels (about v1.2.1), relations v1.1.1",
                producer="Commission européenne",
                licence="Décision 2011/833/UE (réutilisation avec attribution)",
                published_on="2022-09-13",
                retrieved_on=retrieved_on,
                url="https://esco.ec.europa.eu/",
            )
        ],
        rows={
            "occupations": occupations.to_dicts(),
            "appellations": appellations.to_dicts(),
            "skills": skills.to_dicts(),
            "requirements": requirements.to_dicts(),
        },
        counts=folder.counts,
        warnings=[f"{lost} relations have an end without a French label and are left out"],
    )


def _occupations(folder: Folder) -> tuple[pl.DataFrame, pl.DataFrame]:
    table = folder.read("occupations_fr.csv", "conceptUri", "iscoGroup", "preferredLabel")
    occupations = table.select(
        scheme=pl.lit("esco"),
        code="conceptUri",
        label="preferredLabel",
        parent="iscoGroup",
        definition=pl.lit(None, pl.String),
        riasec=pl.lit(None, pl.String),
    )
    named = table.select("conceptUri", "preferredLabel", pl.col("altLabels").fill_null(""))
    appellations = (
        named.with_columns(
            label=(pl.col("preferredLabel") + "|" + pl.col("altLabels")).str.split("|")
        )
        .explode("label")
        .filter(pl.col("label").str.len_chars() > 0)
        .with_columns(at=pl.int_range(pl.len()).over("conceptUri"))
        .select(
            scheme=pl.lit("esco"),
            code=pl.col("conceptUri") + "#" + pl.col("at").cast(pl.String),
            occupation="conceptUri",
            label="label",
            kind=pl.when(pl.col("at") == 0).then(pl.lit("principal")).otherwise(pl.lit("synonym")),
        )
    )
    return occupations, appellations


def _skills(folder: Folder) -> pl.DataFrame:
    labels = folder.read("skills_fr.csv", "conceptUri", "preferredLabel", "altLabels")
    kinds = folder.read("skills_meta_en.parquet", "conceptUri", "skillType")
    languages = folder.read("skill_collections.csv", "conceptUri", "collection").filter(
        pl.col("collection") == "languageSkillsCollection"
    )
    return labels.join(kinds.unique("conceptUri"), on="conceptUri", how="left").select(
        scheme=pl.lit("esco"),
        code="conceptUri",
        label="preferredLabel",
        kind=pl.when(pl.col("conceptUri").is_in(languages["conceptUri"].implode()))
        .then(pl.lit("language"))
        .otherwise(pl.col("skillType").replace_strict(_KINDS, default="know-how")),
        alternatives="altLabels",
    )


def _requirements(
    folder: Folder, occupations: pl.DataFrame, skills: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    relations = folder.read(
        "occupation_skill_relations.parquet", "occupationUri", "relationType", "skillUri"
    )
    both = relations.join(
        occupations.select("code"), left_on="occupationUri", right_on="code", how="semi"
    ).join(skills.select("code"), left_on="skillUri", right_on="code", how="semi")
    rows = (
        both.sort("occupationUri", "relationType", maintain_order=True)
        .unique(["occupationUri", "skillUri"], keep="first", maintain_order=True)
        .select(
            scheme=pl.lit("esco"),
            occupation="occupationUri",
            skill="skillUri",
            importance="relationType",
            position=pl.int_range(pl.len()).over("occupationUri"),
        )
    )
    return rows, relations.height - both.height


def _count_the_rest(folder: Folder) -> None:
    # Hierarchies are not loaded yet; reading them holds the folder to what the producer ships.
    folder.read("skill_skill_relations.parquet", "originalSkillUri", "relatedSkillUri")
    folder.read("broader_relations_skill_pillar.parquet", "conceptUri", "broaderUri")
