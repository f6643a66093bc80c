"""DARES and France Travail: recruitment tension 2019 and 2021, job-seekers by family since 1997.

Licence Ouverte 2.0, "Source: Dares – France Travail". Tension is a composite published by its
producers, from 1 (low) to 5 (high); we never compute one of our own under that name.
"""

from pathlib import Path

import polars as pl

from labour_market.sources.files import Folder
from labour_market.sources.harvest import OPEN_LICENCE, Harvest, Publication

_TENSION_2019 = {
    "Emploi moyen": "dares.employment",
    "Tension": "dares.tension_index",
    "Catégorie Tension": "dares.tension",
    "Intensité d'embauches": "dares.hiring_intensity",
    "Lien formation-emploi": "dares.training_link",
    "Manque de main-d'œuvre disponible": "dares.labour_shortage",
    "Non-durabilité de l'emploi": "dares.precarious",
    "Conditions de travail contraignantes": "dares.working_conditions",
    "Inadéquation géographique": "dares.geographic_mismatch",
}
_TENSION_2021 = {
    "oee": "ft.offers",
    "defm_abc": "ft.jobseekers",
    "ind_tension_d": "dares.tension",
    "ind_int_emb_d": "dares.hiring_intensity",
    "ind_main_oeuvre_d": "dares.labour_shortage",
    "ind_dur_empl_d": "dares.precarious",
    "ind_cond_travail_d": "dares.working_conditions",
    "ind_mismatch_geo_d": "dares.geographic_mismatch",
    "ind_specif_form_empl_d": "dares.training_link",
}
_CATEGORIES = {"Catégorie A": "dares.jobseekers_a", "Catégories A, B, C": "dares.jobseekers_abc"}
_LEVELS = {"fap 225": "fap2009", "fap 87": "fap2009_87"}
_KEY = ["occupation_level", "occupation", "territory", "indicator", "period"]


def parse(root: Path, *, retrieved_on: str) -> Harvest:
    """Read the three files in `root`.

    Raises:
        SourceRefused: a file or a column is missing.
    """
    folder = Folder(root)
    figures = pl.concat([_tension_2019(folder), _tension_2021(folder), _jobseekers(folder)])
    withheld = figures.filter(pl.col("flag") == "suppressed").height
    once = figures.unique(_KEY, keep="first", maintain_order=True).sort(_KEY)
    warnings = [f"{withheld} values are not published"]
    if once.height < figures.height:
        warnings.append(f"{figures.height - once.height} figures come twice: the first is kept")
    return Harvest(
        source="dares",
        version="2021",
        digest=folder.digest,
        publications=_publications(retrieved_on),
        rows={"figures": once.to_dicts()},
        counts=folder.counts,
        warnings=warnings,
    )


def _publications(retrieved_on: str) -> list[Publication]:
    names = {
        "tension2019": "Tensions sur le marché du travail en 2019, par famille professionnelle",
        "tension2021": "Tensions sur le marché du travail en 2021, par métier ROME et bassin",
        "jobseekers": "Demandeurs d'emploi inscrits par famille professionnelle, 1997-2017",
    }
    return [
        Publication(
            key=key,
            name=name,
            producer="Dares – France Travail",
            licence=OPEN_LICENCE,
            retrieved_on=retrieved_on,
            url="https://dares.travail-emploi.gouv.fr/",
        )
        for key, name in names.items()
    ]


def _long(
    frame: pl.DataFrame, measures: dict[str, str], *, publication: str, always: set[str]
) -> pl.DataFrame:
    """Turn measures in columns into figures in rows.

    A missing value is a suppressed figure for the measures in `always`; for the others (indicators
    that the producer gives at the finer level only) it is no figure at all.
    """
    kept = ["occupation_level", "occupation", "territory", "period"]
    long = frame.unpivot(list(measures), index=kept, variable_name="measure").with_columns(
        pl.col("value").cast(pl.Float64, strict=False)
    )
    flag = (
        pl.when(pl.col("value").is_null()).then(pl.lit("suppressed")).otherwise(pl.lit("published"))
    )
    given = pl.col("value").is_not_null() | pl.col("measure").is_in(sorted(always))
    return long.filter(given).select(
        *kept[:3],
        indicator=pl.col("measure").replace_strict(measures),
        period="period",
        value=pl.col("value").round(4),
        n=pl.lit(None, pl.Int64),
        flag=flag,
        publication=pl.lit(publication),
    )


def _tension_2019(folder: Folder) -> pl.DataFrame:
    table = folder.read(
        "tensions_2019_fap2009.csv",
        "fap", "Année", "niveau_geo", "niveau_fap", "reg", "dep", *_TENSION_2019,
    )  # fmt: skip
    level = pl.col("niveau_geo").str.strip_chars()
    region = "R-" + pl.col("reg").str.replace(r"\.0$", "").str.zfill(2)
    table = table.with_columns(
        occupation_level=pl.col("niveau_fap").replace_strict(_LEVELS),
        occupation="fap",
        territory=pl.when(level == "nat")
        .then(pl.lit("FR"))
        .when(level == "reg")
        .then(region)
        .otherwise("D-" + pl.col("dep").str.zfill(2)),
        period="Année",
    )
    return _long(
        table, _TENSION_2019, publication="tension2019", always={"Catégorie Tension", "Tension"}
    )


def _tension_2021(folder: Folder) -> pl.DataFrame:
    table = folder.read(
        "tensions_2021_rome_bassin.csv", "annee", "ROME", "cbassin", *_TENSION_2021
    ).with_columns(
        occupation_level=pl.lit("rome3"),
        occupation="ROME",
        territory="B-" + pl.col("cbassin").str.zfill(4),
        period="annee",
    )
    return _long(table, _TENSION_2021, publication="tension2021", always={"oee", "defm_abc"})


def _jobseekers(folder: Folder) -> pl.DataFrame:
    table = folder.read(
        "demandeurs_emploi_fap_1997_2017.csv", "Fap3", "Annee", "Effectifs", "Categorie"
    )
    level = (
        pl.when(pl.col("Fap3").str.len_chars() == 3)  # noqa: PLR2004 - B2Z is a family of 87
        .then(pl.lit("fap2009_87"))
        .otherwise(pl.lit("fap2009"))
    )
    thousands = pl.col("Effectifs").cast(pl.Float64, strict=False)
    return table.filter(pl.col("Fap3").str.len_chars() <= 5).select(  # noqa: PLR2004 - as B2Z40
        occupation_level=level,
        occupation="Fap3",
        territory=pl.lit("FR"),
        indicator=pl.col("Categorie").replace_strict(_CATEGORIES),
        period="Annee",
        value=(thousands * 1000).round(0),
        n=(thousands * 1000).round(0).cast(pl.Int64),
        flag=pl.when(thousands.is_null()).then(pl.lit("suppressed")).otherwise(pl.lit("published")),
        publication=pl.lit("jobseekers"),
    )
