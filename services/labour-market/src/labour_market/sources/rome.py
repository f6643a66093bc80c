"""ROME: occupations and appellations of version 4.60, skills of version 3 through the parents.

Producer: France Travail, Licence Ouverte 2.0. The v4 skill links were not in the files that this
importer was written for; skills are therefore those of the v3 parent, and say so.
"""

from pathlib import Path

import polars as pl

from labour_market.sources.files import Folder
from labour_market.sources.harvest import FRANCE_TRAVAIL, OPEN_LICENCE, Harvest, Publication

_KINDS = {"1": "knowledge", "2": "know-how", "5": "environment"}
# Block 8 holds what every holder of the occupation does, block 9 what depends on the post. The
# column id_priorisation exists but is 1 on every row of v3.47: the block is the only weight.
_IMPORTANCE = {"8": "core", "9": "specific"}
_MOVES = {"Proche": "near", "Evolution": "evolution"}


def parse(root: Path, *, retrieved_on: str) -> Harvest:
    """Read the bulk files in `root`.

    Raises:
        SourceRefused: a file or a column is missing.
    """
    folder = Folder(root)
    occupations, appellations = _version_4(folder)
    parents = _version_3(folder)
    skills, requirements, warnings = _skills(folder)
    folder.read("rome_v347_env_travail.csv", "code_ogr")
    return Harvest(
        source="rome",
        version="4.60",
        digest=folder.digest,
        publications=_publications(retrieved_on),
        rows={
            "occupations": occupations.to_dicts() + parents.to_dicts(),
            "appellations": appellations.to_dicts(),
            "skills": skills.to_dicts(),
            "requirements": requirements.to_dicts(),
            "mobilities": _mobilities(folder).to_dicts(),
        },
        counts=folder.counts,
        warnings=warnings,
    )


def _publications(retrieved_on: str) -> list[Publication]:
    url = "https://www.francetravail.org/opendata/repertoire-operationnel-des-meti.html"
    versions = (("rome4", "ROME v4.60", "2025-06"), ("rome3", "ROME v3.47", None))
    return [
        Publication(
            key=key,
            name=name,
            producer=FRANCE_TRAVAIL,
            licence=OPEN_LICENCE,
            published_on=day,
            retrieved_on=retrieved_on,
            url=url,
        )
        for key, name, day in versions
    ]


def _version_4(folder: Folder) -> tuple[pl.DataFrame, pl.DataFrame]:
    metiers = folder.read("rome_v460_metiers.csv", "code_rome", "libelle_rome", "code_rome_parent")
    names = folder.read(
        "rome_v460_appellations.csv", "code_ogr", "libelle_appellation_long", "code_rome"
    )
    occupations = metiers.select(
        scheme=pl.lit("rome4"),
        code="code_rome",
        label="libelle_rome",
        parent="code_rome_parent",
        definition=pl.lit(None, pl.String),
        riasec=pl.lit(None, pl.String),
    )
    principal = pl.col("classification") == "PRINCIPALE"
    appellations = names.unique("code_ogr", keep="first", maintain_order=True).select(
        scheme=pl.lit("rome4"),
        code="code_ogr",
        occupation="code_rome",
        label="libelle_appellation_long",
        kind=pl.when(principal).then(pl.lit("principal")).otherwise(pl.lit("synonym")),
    )
    return occupations, appellations


def _version_3(folder: Folder) -> pl.DataFrame:
    metiers = folder.read("rome_v3_metiers.csv", "code_rome", "libelle_rome")
    riasec = folder.read("rome_v347_riasec.csv", "code_rome", "riasec_majeur", "riasec_mineur")
    texts = folder.read("rome_v3_textes.csv", "code_rome", "libelle_texte", "libelle_type_texte")
    definitions = (
        texts.filter(pl.col("libelle_type_texte") == "definition")
        .sort("code_rome", pl.col("position_libelle_txt").cast(pl.Int64), maintain_order=True)
        .group_by("code_rome", maintain_order=True)
        .agg(pl.col("libelle_texte").str.join(" ").alias("definition"))
    )
    return (
        metiers.join(definitions, on="code_rome", how="left")
        .join(riasec, on="code_rome", how="left")
        .select(
            scheme=pl.lit("rome3"),
            code="code_rome",
            label="libelle_rome",
            parent=pl.lit(None, pl.String),
            definition="definition",
            riasec=pl.col("riasec_majeur") + pl.col("riasec_mineur").fill_null(""),
        )
    )


def _skills(folder: Folder) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    items = folder.read("rome_v3_items.csv", "code_ogr", "libelle", "code_type_referentiel")
    links = folder.read(
        "rome_v347_liens_referentiels.csv", "code_rome", "code_ogr", "code_compo_bloc"
    )
    plain = folder.read("rome_v3_metier_item.csv", "code_rome", "code_ogr")
    once = items.unique("code_ogr", keep="first", maintain_order=True)
    skills = once.select(
        scheme=pl.lit("rome3"),
        code="code_ogr",
        label="libelle",
        kind=pl.col("code_type_referentiel").replace_strict(_KINDS),
        alternatives=pl.lit(None, pl.String),
    )
    usable = skills.filter(pl.col("kind") != "environment").select("code")
    placed = links.filter(pl.col("code_compo_bloc").is_in(list(_IMPORTANCE)))
    known = placed.join(usable, left_on="code_ogr", right_on="code", how="semi")
    extra = plain.join(usable, left_on="code_ogr", right_on="code", how="semi")
    requirements = pl.concat(
        [
            known.sort("code_rome", "code_compo_bloc", pl.col("position_bloc").cast(pl.Int64))
            .unique(["code_rome", "code_ogr"], keep="first", maintain_order=True)
            .select("code_rome", "code_ogr", "code_compo_bloc"),
            extra.with_columns(code_compo_bloc=pl.lit("9")),
        ]
    ).unique(["code_rome", "code_ogr"], keep="first", maintain_order=True)
    requirements = requirements.select(
        scheme=pl.lit("rome3"),
        occupation="code_rome",
        skill="code_ogr",
        importance=pl.col("code_compo_bloc").replace_strict(_IMPORTANCE),
        position=pl.int_range(pl.len()).over("code_rome"),
    )
    warnings = [
        f"{items.height - once.height} rows of rome_v3_items repeat a code_ogr: the first is kept",
        f"{placed.height - known.height} skill links name an item that the file of items lacks",
    ]
    return skills, requirements, warnings


def _mobilities(folder: Folder) -> pl.DataFrame:
    moves = folder.read(
        "rome_v347_mobilites.csv", "code_rome", "code_rome_cible", "libelle_type_mobilite"
    )
    return moves.select(
        source="code_rome",
        target="code_rome_cible",
        kind=pl.col("libelle_type_mobilite").replace_strict(_MOVES),
    ).unique(["source", "target", "kind"], keep="first", maintain_order=True)
